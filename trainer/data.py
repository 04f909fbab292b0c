"""Batches from memory-mapped shards: which tokens, which targets count, where documents start.

Pretraining: documents are concatenated and cut every T tokens; no token is padded or left out but the tail of a shard
that does not fill a window. Conversations: whole documents are packed into rows of T, see `trainer.rows`. A target in
another document than its input does not count, and positions restart with each document. One copy per token and no
worker processes: cutting windows is far faster than any model reads them. No torch here.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from trainer.cache import Cache
from trainer.order import Array, Places
from trainer.rows import NO_TARGET, Rows
from trainer.settings import Settings
from udfs.errors import ContractError
from udfs.shards import Manifest, Shard, open_shard, read_docs, read_manifest, verify_shard, verify_tokenizer

MAPPED_SHARDS = 256


@dataclass(frozen=True)
class Batch:
    """int64 arrays (sequences, T): `tokens`; `targets`, NO_TARGET where one does not count. `bounds`: where documents
    start in the flattened batch, and its end: int32, the `cu_seqlens` of attention kernels."""

    tokens: Array
    targets: Array
    bounds: Array

    @property
    def n_targets(self) -> int:
        return int((self.targets != NO_TARGET).sum())

    @property
    def n_pairs(self) -> int:
        """Pairs of answers, where the documents are such."""
        return (len(self.bounds) - 1) // 2

    @property
    def positions(self) -> Array:
        """int32 (sequences, T), from 0 in each document and each sequence."""
        place = np.arange(self.tokens.size, dtype=np.int32)
        return (place - np.repeat(self.bounds[:-1], np.diff(self.bounds))).reshape(self.tokens.shape)

    def rows(self, start: int, stop: int) -> "Batch":
        first, last = np.searchsorted(self.bounds, np.array([start, stop]) * self.tokens.shape[1])
        bounds = self.bounds[first : last + 1] - self.bounds[first]
        return Batch(self.tokens[start:stop], self.targets[start:stop], bounds)


class MappedShard:
    """A shard in memory: `tokens` mapped from the file; `starts`, where each document starts, in tokens; `loss`, which
    tokens count, where that is given."""

    def __init__(self, prefix: str, record: Shard) -> None:
        """Raises ContractError where the files are not of the size that the manifest says."""
        self.record = record
        self.prefix = prefix
        opened = open_shard(prefix)
        self.tokens = np.asarray(opened.tokens).view(f"u{opened.tokens.itemsize}")  # so that no id is below zero
        self.starts, self.lengths, self.loss = opened.index.token_starts, opened.index.lengths, opened.loss
        found, expected = (len(self.starts), len(self.tokens)), (record.n_docs, record.n_tokens)
        if found != expected:
            raise ContractError(f"{self.prefix}: found {found} documents and tokens, the manifest says {expected}")

    def checked(self, begin: int, end: int) -> Array:
        """Tokens [begin, end). Raises ContractError for an id that the manifest says is not there: a check that costs
        little, for bytes that change while they are trained on."""
        found = self.tokens[begin:end]
        if found.max() > self.record.max_token_id:
            where = f"{self.record.path}.bin, tokens {begin} to {end}"
            hint = "the shard is damaged: run gristmill-train verify"
            reason = f"{where}: found id {found.max()}, the manifest says {self.record.max_token_id} at most"
            raise ContractError(reason, hint)
        return found

    def text_bytes(self, begin: int, end: int) -> float:
        """UTF-8 bytes of text behind tokens [begin, end): a document cut in two counts by its share of tokens."""
        bounds = np.append(self.starts, len(self.tokens))
        return float(np.interp(end, bounds, self._bytes_before) - np.interp(begin, bounds, self._bytes_before))

    @cached_property
    def _bytes_before(self) -> Array:
        """Bytes of text before each document, and in all of them."""
        return np.append(0, np.cumsum(self._docs["n_bytes"].to_numpy(), dtype=np.int64))

    @cached_property
    def bytes_per_token(self) -> Array:
        """Of each document, float64."""
        return self._docs["n_bytes"].to_numpy() / self.lengths

    @cached_property
    def languages(self) -> list[str | None]:
        """Of each document."""
        return self._docs["lang"].to_pylist()

    @cached_property
    def _docs(self) -> Any:
        return read_docs(self.prefix, ["doc_id", "url", "lang", "n_tokens", "n_bytes"])

    def find(self, doc_id: str) -> list[int]:
        """The documents of this id; the two answers of a preference have that of their row."""
        ids = self._docs["doc_id"].to_pylist()
        return [i for i, found in enumerate(ids) if found.partition("/")[0] == doc_id or found == doc_id]

    def documents(self, numbers: range | list[int]) -> list[dict[str, Any]]:
        """doc_id, url and n_tokens of documents."""
        return self._docs.select(["doc_id", "url", "n_tokens"]).take(list(numbers)).to_pylist()


class Windows:
    """A shard laid end to end and cut every T tokens: window w is tokens [w·T, w·T+T]."""

    def __init__(self, mapped: MappedShard, seq_len: int) -> None:
        self.mapped, self._seq_len = mapped, seq_len

    def fill(self, window: int, tokens: Array, targets: Array) -> Array:
        """Write a window into the two rows; where documents start in it comes back."""
        begin, length, starts = window * self._seq_len, self._seq_len, self.mapped.starts
        found = self.mapped.checked(begin, begin + length + 1)
        tokens[:], targets[:] = found[:-1], found[1:]
        first, last = starts.searchsorted(begin + 1), starts.searchsorted(begin + length + 1)
        inside = starts[first:last] - begin
        targets[inside - 1] = NO_TARGET
        return np.append(0, inside[: -1 if len(inside) and inside[-1] == length else None])

    def documents(self, window: int) -> range:
        """The documents that have a token in it."""
        begin = window * self._seq_len
        last = np.searchsorted(self.mapped.starts, begin + self._seq_len + 1)
        return range(int(np.searchsorted(self.mapped.starts, begin, side="right")) - 1, int(last))


class Split:
    """The shards of one split, cut into windows: `sources` in order of name, `windows[source]` a count per shard.
    Shards are ordered by content, so that renaming files does not change the order of training."""

    def __init__(self, cache: Cache, manifest: Manifest, name: str, seq_len: int) -> None:
        sources = manifest.splits.get(name, {})
        self.sources = sorted(sources)
        self.shards = [
            sorted(sources[source], key=lambda shard: sorted(shard.sha256.items())) for source in self.sources
        ]
        self.seq_len = seq_len
        self.is_packed = manifest.kind != "pretrain"
        self._n_together = 2 if manifest.kind == "preference" else 1
        self._cache = cache
        self.cut = lru_cache(MAPPED_SHARDS)(self._cut)
        self.windows = [np.array([self._n_windows(i, j) for j in range(len(s))]) for i, s in enumerate(self.shards)]

    def _n_windows(self, source: int, shard: int) -> int:
        if self.is_packed:
            return len(self.cut(source, shard))
        return (self.shards[source][shard].n_tokens - 1) // self.seq_len

    def _cut(self, source: int, shard: int) -> Any:
        """Windows or Rows of a shard."""
        record = self.shards[source][shard]
        mapped = MappedShard(self._cache.local(record), record)
        return Rows(mapped, self.seq_len, self._n_together) if self.is_packed else Windows(mapped, self.seq_len)

    def mapped(self, source: int, shard: int) -> MappedShard:
        return self.cut(source, shard).mapped

    def batch(self, places: Places) -> Batch:
        """The windows at `places`, one sequence each. Raises ContractError as `MappedShard.checked`."""
        n, length = len(places.source), self.seq_len
        tokens, targets = np.empty((n, length), np.int64), np.empty((n, length), np.int64)
        starts = [
            self.cut(source, shard).fill(window, tokens[i], targets[i]) + i * length
            for i, (source, shard, window) in enumerate(places.rows())
        ]
        return Batch(tokens, targets, np.concatenate([*starts, [n * length]]).astype(np.int32))

    def first_places(self, source: int, n: int) -> Places:
        """The first n windows of a source, or all where there are fewer."""
        counts = self.windows[source]
        shard = np.repeat(np.arange(len(counts)), counts)[:n]
        window = np.concatenate([np.arange(count) for count in counts])[:n] if len(counts) else shard
        return Places(np.full_like(shard, source), shard, window)

    def trace(self, place: tuple[int, int, int]) -> Iterator[dict[str, Any]]:
        """What stands at a place: one row per document that has a token in its window."""
        source, shard, window = place
        cut = self.cut(source, shard)
        where = {"source": self.sources[source], "shard": cut.mapped.record.path, "window": window}
        for document in cut.mapped.documents(cut.documents(window)):
            yield {**where, **document}


@dataclass(frozen=True)
class DataSet:
    manifest: Manifest
    cache: Cache
    val: Split

    def train(self, seq_len: int) -> Split:
        """The training split, cut for sequences of this length."""
        return Split(self.cache, self.manifest, "train", seq_len)


def open_data(settings: Settings, digests: bool = False) -> DataSet:
    """The data set of a run, checked as in `verify_data`. Raises InputError and ContractError as udfs.shards does."""
    manifest = verify_data(settings.shards, digests and not Cache.is_remote(settings.shards))
    if "train" not in manifest.splits:
        raise ContractError(f"{settings.shards}: found splits {sorted(manifest.splits)}, expected one called train")
    cache = Cache(settings.shards, settings.cache or os.path.join(settings.output, "cache"), settings.cache_bytes)
    return DataSet(manifest, cache, Split(cache, manifest, "val", settings.seq_len))


def open_val(folder: str, settings: Settings, tokenizer: str) -> tuple[Manifest, Split]:
    """The validation split of another data set than the run's, whose `tokenizer` (SHA-256) it must have. Raises
    ContractError."""
    manifest = verify_data(folder, digests=False)
    if manifest.tokenizer.sha256 != tokenizer or "val" not in manifest.splits:
        found = f"splits {sorted(manifest.splits)}, tokenizer {manifest.tokenizer.sha256[:12]}"
        raise ContractError(
            f"{folder}: found {found}; expected val, {tokenizer[:12]}", "pack it with the same tokenizer"
        )
    cache = Cache(folder, settings.cache or os.path.join(settings.output, "cache"), settings.cache_bytes)
    return manifest, Split(cache, manifest, "val", settings.seq_len)


def verify_data(folder: str, digests: bool) -> Manifest:
    """The manifest, after the tokenizer and, with `digests`, every byte of every shard was compared with it."""
    manifest = read_manifest(folder)
    verify_tokenizer(folder, manifest)
    for shard in manifest.shards() if digests else ():
        verify_shard(folder, shard)
    return manifest
