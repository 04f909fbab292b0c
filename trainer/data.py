"""Batches from memory-mapped shards: which tokens, which targets count, where documents start.

Documents are concatenated and cut every T tokens; no token is padded or left out but the tail of a shard that does not
fill a window. A target in another document than its input does not count, and positions restart with each document.
One copy per token and no worker processes: cutting windows is far faster than any model reads them. Shards are local
files; fetching them is the user's business. No torch here.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from conf.load import SettingsError
from trainer.order import Array, Order, OrderPhase, Places
from trainer.settings import Phase, Settings
from udfs.errors import ContractError
from udfs.shards import Manifest, Shard, open_shard, read_docs, read_manifest, verify_shard, verify_tokenizer

NO_TARGET = -100  # the value that torch's cross-entropy leaves out, too
MAPPED_SHARDS = 256


@dataclass(frozen=True)
class Batch:
    """int64 arrays (sequences, T): `tokens`; `targets`, NO_TARGET where one does not count; `positions`, from 0 in each
    document and each sequence."""

    tokens: Array
    targets: Array
    positions: Array

    @property
    def n_targets(self) -> int:
        return int((self.targets != NO_TARGET).sum())

    @property
    def bounds(self) -> Array:
        """Where documents start in the flattened batch, and its end: int32, the `cu_seqlens` of attention kernels."""
        starts = np.flatnonzero(self.positions.reshape(-1) == 0)
        return np.append(starts, self.positions.size).astype(np.int32)

    def rows(self, start: int, stop: int) -> "Batch":
        return Batch(self.tokens[start:stop], self.targets[start:stop], self.positions[start:stop])


class MappedShard:
    """A shard in memory: `tokens` mapped from the file; `starts`, where each document starts, in tokens."""

    def __init__(self, folder: str, record: Shard) -> None:
        self.record = record
        self.prefix = os.path.join(folder, record.path)
        opened = open_shard(self.prefix)
        self.tokens, self.starts = np.asarray(opened.tokens), opened.index.token_starts
        found, expected = (len(self.starts), len(self.tokens)), (record.n_docs, record.n_tokens)
        if found != expected:
            raise ContractError(f"{self.prefix}: found {found} documents and tokens, the manifest says {expected}")

    def text_bytes(self, begin: int, end: int) -> float:
        """UTF-8 bytes of text behind tokens [begin, end): a document cut in two counts by its share of tokens."""
        bounds = np.append(self.starts, len(self.tokens))
        return float(np.interp(end, bounds, self._bytes_before) - np.interp(begin, bounds, self._bytes_before))

    @cached_property
    def _bytes_before(self) -> Array:
        """Bytes of text before each document, and in all of them."""
        return np.append(0, np.cumsum(read_docs(self.prefix, ["n_bytes"])["n_bytes"].to_numpy(), dtype=np.int64))

    def documents(self, begin: int, end: int) -> list[dict[str, Any]]:
        """doc_id, url and n_tokens of the documents that have a token in [begin, end)."""
        first = int(np.searchsorted(self.starts, begin, side="right")) - 1
        last = int(np.searchsorted(self.starts, end))
        return read_docs(self.prefix, ["doc_id", "url", "n_tokens"]).slice(first, last - first).to_pylist()


class Split:
    """The shards of one split, cut into windows: `sources` in order of name, `windows[source]` a count per shard.
    Shards are ordered by content, so that renaming files does not change the order of training."""

    def __init__(self, folder: str, manifest: Manifest, name: str, seq_len: int) -> None:
        sources = manifest.splits.get(name, {})
        self.sources = sorted(sources)
        self.shards = [
            sorted(sources[source], key=lambda shard: sorted(shard.sha256.items())) for source in self.sources
        ]
        self.windows = [np.array([(s.n_tokens - 1) // seq_len for s in shards], np.int64) for shards in self.shards]
        self.seq_len = seq_len
        self._folder = folder
        self._vocab_size = manifest.tokenizer.vocab_size
        self.mapped = lru_cache(MAPPED_SHARDS)(self._map)

    def _map(self, source: int, shard: int) -> MappedShard:
        return MappedShard(self._folder, self.shards[source][shard])

    def batch(self, places: Places) -> Batch:
        """The windows at `places`, one sequence each. Raises ContractError for an id beyond the vocabulary."""
        n, seq_len = len(places.source), self.seq_len
        tokens = np.empty((n, seq_len + 1), np.int64)
        is_start = np.zeros((n, seq_len + 1), np.bool_)
        is_start[:, 0] = True
        for i, (source, shard, window) in enumerate(places.rows()):
            mapped = self.mapped(source, shard)
            begin = window * seq_len
            tokens[i] = mapped.tokens[begin : begin + seq_len + 1]
            first, last = np.searchsorted(mapped.starts, [begin + 1, begin + seq_len + 1])
            is_start[i, mapped.starts[first:last] - begin] = True
        self._check_ids(tokens, places)
        place = np.arange(seq_len)
        positions = place - np.maximum.accumulate(np.where(is_start[:, :-1], place, 0), axis=1)
        return Batch(tokens[:, :-1], np.where(is_start[:, 1:], NO_TARGET, tokens[:, 1:]), positions)

    def _check_ids(self, tokens: Array, places: Places) -> None:
        if tokens.max() < self._vocab_size and tokens.min() >= 0:
            return
        i = int(np.argmax((tokens >= self._vocab_size).any(axis=1) | (tokens < 0).any(axis=1)))
        source, shard, window = places.rows()[i]
        where = f"{self.shards[source][shard].path}.bin, window {window}"
        hint = "the shard is damaged: run gristmill-train verify"
        raise ContractError(f"{where}: an id beyond the vocabulary of {self._vocab_size}", hint)

    def first_places(self, source: int, n: int) -> Places:
        """The first n windows of a source, or all where there are fewer."""
        counts = self.windows[source]
        shard = np.repeat(np.arange(len(counts)), counts)[:n]
        window = np.concatenate([np.arange(count) for count in counts])[:n] if len(counts) else shard
        return Places(np.full_like(shard, source), shard, window)


@dataclass(frozen=True)
class DataSet:
    manifest: Manifest
    train: Split
    val: Split


def open_data(settings: Settings, digests: bool = False) -> DataSet:
    """The data set of a run, checked as in `verify_data`. Raises InputError and ContractError as udfs.shards does."""
    manifest = verify_data(settings.shards, digests)
    if manifest.kind != "pretrain" or "train" not in manifest.splits:
        found = f"kind {manifest.kind} with splits {sorted(manifest.splits)}"
        raise ContractError(f"{settings.shards}: found {found}, expected kind pretrain with a split train")
    train, val = (Split(settings.shards, manifest, name, settings.seq_len) for name in ("train", "val"))
    return DataSet(manifest, train, val)


def verify_data(folder: str, digests: bool) -> Manifest:
    """The manifest, after the tokenizer and, with `digests`, every byte of every shard was compared with it."""
    manifest = read_manifest(folder)
    verify_tokenizer(folder, manifest)
    for shard in manifest.shards() if digests else ():
        verify_shard(folder, shard)
    return manifest


def make_order(settings: Settings, train: Split) -> Order:
    """The order of the run. Raises SettingsError where the mixture names what the shards do not have."""
    sequences = settings.batch.sequences
    phases = [
        OrderPhase(phase.steps * sequences, _weights(f"phases.{number}.weights", phase, train))
        for number, phase in enumerate(settings.phases)
    ]
    return Order(settings.seed, train.windows, phases)


def _weights(key: str, phase: Phase, train: Split) -> list[float]:
    sizes = {source: float(counts.sum()) for source, counts in zip(train.sources, train.windows, strict=True)}
    weights = sizes if phase.weights is None else phase.weights
    if unknown := sorted(weights.keys() - sizes.keys()):
        raise SettingsError(f"{key}: the shards have no source {', '.join(unknown)}; they have {', '.join(sizes)}")
    if empty := sorted(source for source, weight in weights.items() if weight and not sizes[source]):
        raise SettingsError(f"{key}: no shard of {', '.join(empty)} holds {train.seq_len + 1} tokens; lower seq_len")
    if not sum(weights.values()):
        raise SettingsError(f"seq_len: no shard holds {train.seq_len + 1} tokens (found {train.seq_len}); lower it")
    return [weights.get(source, 0.0) for source in train.sources]


def trace(train: Split, order: Order, samples: Array) -> Iterator[dict[str, Any]]:
    """What stands behind samples: one row per document that has a token in a sample's window."""
    for sample, (source, shard, window) in zip(samples.tolist(), order.places(samples).rows(), strict=True):
        mapped, begin = train.mapped(source, shard), window * train.seq_len
        where = {"sample": sample, "source": train.sources[source], "shard": mapped.record.path, "token": begin}
        for document in mapped.documents(begin, begin + train.seq_len + 1):
            yield {**where, **document}
