"""Rows on their way through Spark's shuffle: a few large ones instead of one for each document or band.

A bundle holds the rows that a task made for one shard, in Arrow's stream format, some megabytes at a time. Spark looks
at the shard's number only; it neither takes rows apart nor sorts them. That is left to the reader of a whole shard,
which has to hold it in memory.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from udfs.hashing import GOLDEN

BUNDLE_BYTES = 2 << 20
BYTES_PER_SHARD = 2 << 10
"""Where shards are many more is held, up to MAX_BYTES, since a bundle costs some hundred bytes beside its rows."""
MAX_BYTES = 32 << 20
ShardOf = Callable[[pa.Table], NDArray[Any]]
"""The number of the shard that each row belongs to."""


def by_column(name: str) -> ShardOf:
    """The shard is what the column says."""
    return lambda table: table[name].to_numpy()


def by_key(n_shards: int, *names: str) -> ShardOf:
    """Rows that are equal in these columns, of int64, are of one shard."""

    def shard_of(table: pa.Table) -> NDArray[Any]:
        mixed = np.zeros(len(table), np.uint64)
        for name in names:
            mixed = (mixed ^ table[name].to_numpy().view(np.uint64)) * GOLDEN
            mixed ^= mixed >> np.uint64(32)
        return (mixed % np.uint64(n_shards)).astype(np.int32)

    return shard_of


def bundled(batches: Iterable[pa.RecordBatch], shard_of: ShardOf, n_shards: int = 1) -> Iterator[tuple[int, pa.Buffer]]:
    """(shard, bundle of its rows); holds some BUNDLE_BYTES of rows at a time, or more where there are many shards."""
    most = max(BUNDLE_BYTES, min(n_shards * BYTES_PER_SHARD, MAX_BYTES))
    waiting: list[pa.RecordBatch] = []
    n_bytes = 0
    for batch in batches:
        waiting.append(batch)
        n_bytes += batch.nbytes
        if n_bytes >= most:
            yield from _bundles(waiting, shard_of)
            waiting, n_bytes = [], 0
    if waiting:
        yield from _bundles(waiting, shard_of)


def _bundles(batches: list[pa.RecordBatch], shard_of: ShardOf) -> Iterator[tuple[int, pa.Buffer]]:
    for shard, rows in by_shard(pa.Table.from_batches(batches), shard_of):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rows.schema) as stream:
            stream.write_table(rows)
        yield shard, sink.getvalue()


def by_shard(table: pa.Table, shard_of: ShardOf) -> Iterator[tuple[int, pa.Table]]:
    """(shard, its rows) for each shard that has some, in order; the rows of a shard keep theirs."""
    shards = shard_of(table)
    shards = shards.astype(np.min_scalar_type(shards.max(initial=0)))  # numpy sorts one or two bytes by radix
    if shards.min(initial=0) < shards.max(initial=0):
        place = np.argsort(shards, kind="stable")
        table, shards = table.take(pa.array(place)), shards[place]
    for start, stop in pairwise([*np.flatnonzero(np.diff(shards, prepend=-1)), len(shards)]):
        yield int(shards[start]), table.slice(start, stop - start)


def unbundled(bundles: list[Any]) -> Iterator[pa.RecordBatch]:
    """The rows of all bundles, in their order; the list is emptied on the way, so that none is held longer."""
    bundles.reverse()
    while bundles:
        yield from pa.ipc.open_stream(bundles.pop())
