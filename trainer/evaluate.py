"""What a model is measured by: held-out loss per source, and the entropy of the tokens as a yardstick.

A falling loss proves little by itself: a model that only learns how frequent each token is reaches the unigram entropy
of the data. Held-out loss below that entropy has been won from context. No benchmarks and no generation here.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from trainer.data import Split
from trainer.device import autocast, tensors
from trainer.model import Llama
from trainer.order import Places
from trainer.settings import Settings

UNIGRAM_TOKENS = 1 << 27  # enough for six digits, a second or two to count
COUNT_AT_ONCE = 1 << 24


@dataclass(frozen=True)
class Score:
    """Sum of cross-entropies `nats` over `n_targets` tokens that stand for `n_bytes` of UTF-8 text."""

    nats: float
    n_targets: int
    n_bytes: float

    @property
    def loss(self) -> float:
        """Nats per token."""
        return self.nats / self.n_targets

    @property
    def perplexity(self) -> float:
        return math.exp(self.loss)

    @property
    def bits_per_byte(self) -> float:
        """Comparable between tokenizers. Where documents have no BOS their first tokens count as bytes only."""
        return self.nats / math.log(2) / self.n_bytes

    def __str__(self) -> str:
        return (
            f"{self.loss:.4f} nats per token, perplexity {self.perplexity:.1f}, {self.bits_per_byte:.4f} bits per byte"
        )

    def __add__(self, other: "Score") -> "Score":
        return Score(self.nats + other.nats, self.n_targets + other.n_targets, self.n_bytes + other.n_bytes)

    def as_json(self) -> dict[str, float]:
        names = ("loss", "perplexity", "bits_per_byte", "n_targets")
        return {name: getattr(self, name) for name in names}


def held_out(model: Llama, val: Split, settings: Settings) -> dict[str, Score]:
    """Score of each source on its first windows of the split. A source too small for one window is not in it."""
    places = {name: val.first_places(i, settings.held_out.windows) for i, name in enumerate(val.sources)}
    return {name: _score(model, val, chosen, settings) for name, chosen in places.items() if chosen.source.size}


@torch.no_grad()
def _score(model: Llama, val: Split, places: Places, settings: Settings) -> Score:
    nats, n_targets = 0.0, 0
    for start in range(0, len(places.source), settings.batch.micro_sequences):
        chosen = slice(start, start + settings.batch.micro_sequences)
        batch = val.batch(Places(places.source[chosen], places.shard[chosen], places.window[chosen]))
        device = model.head.device
        with autocast(device, settings):
            nats += model.loss_sum(**tensors(batch, device)).item()
        n_targets += batch.n_targets
    begins = [(val.mapped(source, shard), window * val.seq_len + 1) for source, shard, window in places.rows()]
    return Score(nats, n_targets, sum(shard.text_bytes(begin, begin + val.seq_len) for shard, begin in begins))


def unigram(train: Split, vocab_size: int) -> Score:
    """The score of a model that knows the frequency of every token of the training shards, and nothing else; from a
    like part of each shard where there are more than 134 million tokens."""
    part = min(1.0, UNIGRAM_TOKENS / max(1, sum(shard.n_tokens for shards in train.shards for shard in shards)))
    counts, n_bytes = np.zeros(vocab_size, np.int64), 0.0
    for source, shards in enumerate(train.shards):
        for number, record in enumerate(shards):
            shard, end = train.mapped(source, number), math.ceil(record.n_tokens * part)
            for begin in range(0, end, COUNT_AT_ONCE):
                counts += np.bincount(shard.tokens[begin : min(end, begin + COUNT_AT_ONCE)], minlength=vocab_size)
            first_tokens = shard.tokens[shard.starts[shard.starts < end]]  # they are nobody's target
            counts -= np.bincount(first_tokens, minlength=vocab_size)
            n_bytes += shard.text_bytes(0, end)
    n = int(counts.sum())
    seen = counts[counts > 0]
    return Score(float((seen * -np.log(seen / n)).sum()), n, n_bytes)
