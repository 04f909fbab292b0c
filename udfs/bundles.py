"""Rows of tokens on their way through Spark's shuffle: a few large ones instead of one for each document.

A bundle holds the rows that a task made for one shard, in Arrow's stream format, some megabytes at a time. Spark looks
at the shard's number only; it neither takes rows apart nor sorts them. That is left to the reader of a whole shard,
which has to hold it in memory anyway where it fits documents into windows.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa

from udfs.tokenize_text import TOKENS

BUNDLES = pa.schema([("shard", pa.int32()), ("rows", pa.binary())])
BUNDLE_BYTES = 16 << 20
ORDER = [("place", "ascending"), ("id", "ascending")]


def bundled(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """BUNDLES of rows of TOKENS, each a batch of its own; holds some BUNDLE_BYTES of rows at a time."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(one.nbytes for one in waiting) >= BUNDLE_BYTES:
            yield from _by_shard(waiting)
            waiting = []
    if waiting:
        yield from _by_shard(waiting)


def _by_shard(batches: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    table = pa.Table.from_batches(batches, TOKENS).sort_by("shard")
    shards = table["shard"].to_numpy()
    for start, stop in pairwise([*np.flatnonzero(np.diff(shards, prepend=-1)), len(shards)]):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, TOKENS) as stream:
            stream.write_table(table.slice(start, stop - start))
        rows = sink.getvalue().to_pybytes()
        yield pa.RecordBatch.from_pydict({"shard": shards[start : start + 1], "rows": [rows]}, BUNDLES)


def unbundled(bundles: Iterable[pa.RecordBatch]) -> pa.Table:
    """The rows of all bundles, in the order of the shards, each column in one piece."""
    found = (rows.as_buffer() for batch in bundles for rows in batch.column("rows"))
    rows = pa.Table.from_batches([batch for buffer in found for batch in pa.ipc.open_stream(buffer)], TOKENS)
    return rows.sort_by(ORDER).combine_chunks()
