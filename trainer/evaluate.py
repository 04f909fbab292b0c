"""What a model is measured by: held-out loss per source and language, and the entropy of the tokens as a yardstick.

A falling loss proves little by itself: a model that only learns how frequent each token is reaches the unigram entropy
of the data. Held-out loss below that entropy has been won from context. No benchmarks here; `sample` is for a look.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainer.data import Batch, MappedShard, Split
from trainer.device import autocast, tensors
from trainer.model import Llama
from trainer.order import Array, Places
from trainer.settings import Settings

UNIGRAM_TOKENS = 1 << 27  # enough for six digits, a second or two to count
COUNT_AT_ONCE = 1 << 24


@dataclass(frozen=True)
class Score:
    """Sum of losses `nats` over `n_targets` tokens that stand for `n_bytes` of UTF-8 text; 0 bytes where that is not
    known. For preferences the targets are pairs, of which `n_right` are preferred rightly."""

    nats: float = 0.0
    n_targets: int = 0
    n_bytes: float = 0.0
    n_right: float | None = None

    @property
    def loss(self) -> float:
        """Nats per token, or per pair."""
        return self.nats / max(1, self.n_targets)

    @property
    def perplexity(self) -> float:
        return math.exp(self.loss)

    @property
    def bits_per_byte(self) -> float:
        """Comparable between tokenizers. Where documents have no BOS their first tokens count as bytes only."""
        return self.nats / math.log(2) / self.n_bytes

    def __str__(self) -> str:
        if self.n_right is not None:
            return f"DPO loss {self.loss:.4f}, {self.n_right:.0f} of {self.n_targets} pairs preferred rightly"
        bits = f", {self.bits_per_byte:.4f} bits per byte" if self.n_bytes else ""
        return f"{self.loss:.4f} nats per token, perplexity {self.perplexity:.1f}{bits}"

    def __add__(self, other: "Score") -> "Score":
        right = None if self.n_right is None and other.n_right is None else (self.n_right or 0) + (other.n_right or 0)
        return Score(self.nats + other.nats, self.n_targets + other.n_targets, self.n_bytes + other.n_bytes, right)

    def as_json(self) -> dict[str, float]:
        if self.n_right is not None:
            return {"loss": self.loss, "accuracy": self.n_right / max(1, self.n_targets), "n_pairs": self.n_targets}
        names = ("loss", "perplexity", *(["bits_per_byte"] if self.n_bytes else []), "n_targets")
        return {name: getattr(self, name) for name in names}


Scores = dict[tuple[str, str], Score]
"""By source and language; `und` where that is not known."""


def together(scores: Scores, place: int) -> dict[str, Score]:
    """The scores of each source (`place` 0), or of each language (1)."""
    sums: dict[str, Score] = {}
    for key, score in scores.items():
        sums[key[place]] = sums.get(key[place], Score()) + score
    return sums


def _chosen(val: Split, settings: Settings) -> list[tuple[str, list[Places]]]:
    """The places of each source that are looked at, a micro-batch at a time. A source too small for one is left out."""
    found = []
    for number, name in enumerate(val.sources):
        places, n = val.first_places(number, settings.held_out.windows), settings.batch.micro_sequences
        if parts := [places.slice(start, start + n) for start in range(0, len(places.source), n)]:
            found.append((name, parts))
    return found


def held_out(forward: Callable[..., Tensor], val: Split, settings: Settings, device: torch.device) -> Scores:
    """Scores of each source and language on the first windows of the split."""
    scores: Scores = {}
    for place, losses, targets in _windows(forward, val, settings, device):
        source = val.sources[place[0]]
        for language, score in _of_row(val, place, losses, targets):
            scores[source, language] = scores.get((source, language), Score()) + score
    return scores


@torch.no_grad()
def _windows(
    forward: Callable[..., Tensor], val: Split, settings: Settings, device: torch.device
) -> Iterator[tuple[tuple[int, int, int], Array, Array]]:
    """(source, shard, window), the loss of each target, and the targets, of the first windows of each source."""
    for _, chosen in _chosen(val, settings):
        for places in chosen:
            batch = val.batch(places)
            with autocast(device, settings):
                losses = forward(**tensors(batch, device), each=True).float().cpu().numpy()
            yield from zip(places.rows(), losses.reshape(batch.targets.shape), batch.targets, strict=True)


def by_document(
    forward: Callable[..., Tensor], val: Split, settings: Settings, device: torch.device
) -> dict[str, list[dict[str, Any]]]:
    """source -> doc_id, language, nats, n_targets and n_bytes of each document in the first windows of the split, in
    order; of a document that the last window cuts, what stands in it."""
    found: dict[tuple[int, int, int], Score] = {}
    for place, losses, targets in _windows(forward, val, settings, device):
        mapped = val.mapped(*place[:2])
        documents = _documents(mapped, place[2], val.seq_len)
        for number in np.unique(documents).tolist():
            here = documents == number
            n_bytes = float(mapped.bytes_per_token[number] * here.sum())
            score = Score(float(losses[here].sum(dtype=np.float64)), int((targets[here] >= 0).sum()), n_bytes)
            key = (*place[:2], number)
            found[key] = found.get(key, Score()) + score
    rows: dict[str, list[dict[str, Any]]] = {}
    for (source, shard, number), score in sorted(found.items()):
        mapped = val.mapped(source, shard)
        named = {"doc_id": mapped.documents([number])[0]["doc_id"], "language": mapped.languages[number] or "und"}
        measured = {"nats": score.nats, "n_targets": score.n_targets, "n_bytes": score.n_bytes}
        rows.setdefault(val.sources[source], []).append(named | measured)
    return rows


def _documents(mapped: MappedShard, window: int, seq_len: int) -> Array:
    """The document that each target of a window stands in."""
    tokens = window * seq_len + 1 + np.arange(seq_len)
    return np.searchsorted(mapped.starts, tokens, side="right") - 1


def _of_row(val: Split, place: tuple[int, int, int], losses: Array, targets: Array) -> list[tuple[str, Score]]:
    """The score of each language in a window."""
    source, shard, window = place
    if val.is_packed:
        return [("und", Score(float(losses.sum()), int((targets >= 0).sum())))]
    mapped = val.mapped(source, shard)
    document = _documents(mapped, window, val.seq_len)
    languages = np.array([mapped.languages[number] or "und" for number in document])
    n_bytes = mapped.bytes_per_token[document]
    found = []
    for language in sorted(set(languages.tolist())):
        here = languages == language
        counted = int((targets[here] >= 0).sum())
        found.append((language, Score(float(losses[here].sum()), counted, float(n_bytes[here].sum()))))
    return found


@torch.no_grad()
def preferred(val: Split, settings: Settings, loss: Callable[[Batch], tuple[Tensor, Tensor]]) -> Scores:
    """The DPO loss of each source on the first rows of the split; `loss`: (sum of losses, pairs preferred rightly)."""
    scores: Scores = {}
    for source, chosen in _chosen(val, settings):
        for batch in map(val.batch, chosen):
            found, right = loss(batch)
            score = Score(found.item(), batch.n_pairs, 0.0, right.item())
            scores[source, "und"] = scores.get((source, "und"), Score()) + score
    return scores


@torch.no_grad()
def sample(model: Llama, prompt: Array, n_tokens: int, stop: int | None) -> Array:
    """The likeliest next tokens after `prompt` (int64), one after the other, up to `stop`; each computes all anew, so
    a few dozen at most."""
    tokens = torch.from_numpy(prompt)[None].to(model.head.device)
    for _ in range(n_tokens):
        n = tokens.shape[1]
        positions = torch.arange(n, device=tokens.device)[None]
        bounds = torch.tensor([0, n], dtype=torch.int32, device=tokens.device)
        best = (model.hidden(tokens, positions, bounds)[0, -1] @ model.head.T).argmax()
        if best == stop:
            break
        tokens = torch.cat([tokens, best.reshape(1, 1)], dim=1)
    return tokens[0, len(prompt) :].cpu().numpy()


def unigram(train: Split, vocab_size: int) -> Score:
    """The score of a model that knows the frequency of every token of the training shards, and nothing else; from a
    like part of each source, its first shards, where there are more than 134 million tokens."""
    part = min(1.0, UNIGRAM_TOKENS / max(1, sum(shard.n_tokens for shards in train.shards for shard in shards)))
    counts, n_bytes = np.zeros(vocab_size, np.int64), 0.0
    for source, shards in enumerate(train.shards):
        left = math.ceil(part * sum(record.n_tokens for record in shards))
        for number, record in enumerate(shards):
            end = min(left, record.n_tokens)
            if not end:
                break
            shard, left = train.mapped(source, number), left - end
            for begin in range(0, end, COUNT_AT_ONCE):
                counts += np.bincount(shard.tokens[begin : min(end, begin + COUNT_AT_ONCE)], minlength=vocab_size)
            first_tokens = shard.tokens[shard.starts[shard.starts < end]]  # they are nobody's target
            counts -= np.bincount(first_tokens, minlength=vocab_size)
            n_bytes += shard.text_bytes(0, end)
    n = int(counts.sum())
    seen = counts[counts > 0]
    return Score(float((seen * -np.log(seen / n)).sum()), n, n_bytes)
