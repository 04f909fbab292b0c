"""Rows of tokens to one shard: in their order, or in one by which windows of a length end between documents."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from udfs.best_fit import best_fit, n_cut
from udfs.megatron_index import token_dtype
from udfs.shards import Shard, ShardWriter

TAKEN_ROWS = 1_000


@dataclass(frozen=True)
class Packed:
    """A shard, and how its windows of the settings' length end. `cut` documents are cut by a window's end, of which
    `cut_short` would fit into one; `filled` tokens stand in windows that best_fit filled; padding the others would have
    made `padded_windows` of them all. These two are 0 where documents stand in their order."""

    shard: Shard
    cut: int
    cut_short: int
    filled: int
    padded_windows: int


def write_shard(
    folder: str, name: str, vocab_size: int, rows: Iterator[pa.RecordBatch], window: int, fit: bool
) -> Packed | None:
    """Write rows of TOKENS as one shard; None when there are none. With `fit` they are all held in memory."""
    dtype = token_dtype(vocab_size)
    filled = padded_windows = 0
    if fit:
        rows, filled, padded_windows = fitted(rows, dtype.itemsize, window)
    documents = (row for batch in rows for row in batch.to_pylist())
    first = next(documents, None)
    if first is None:
        return None
    lengths = []
    with ShardWriter(folder, name, vocab_size) as writer:
        for row in itertools.chain([first], documents):
            tokens = np.frombuffer(row["tokens"], dtype)
            writer.write(tokens, docs_row(row))
            lengths.append(tokens.size)
    return Packed(writer.shard, *n_cut(np.array(lengths), window), filled, padded_windows)


def fitted(rows: Iterator[pa.RecordBatch], token_bytes: int, window: int) -> tuple[Iterator[pa.RecordBatch], int, int]:
    """(the rows in the order of best_fit, tokens in filled windows, windows in all if the others were padded)."""
    batches = list(rows)
    if not batches:
        return iter(batches), 0, 0
    table = pa.Table.from_batches(batches)
    lengths = pc.binary_length(table["tokens"]).to_numpy() // token_bytes
    packing = best_fit(lengths, window)
    taken = (
        table.take(pa.array(packing.order[start : start + TAKEN_ROWS])).combine_chunks().to_batches()
        for start in range(0, len(lengths), TAKEN_ROWS)
    )
    filled = int(lengths[packing.order[: packing.n_filled]].sum(dtype=np.int64))
    return itertools.chain.from_iterable(taken), filled, packing.n_windows


def docs_row(row: dict[str, Any]) -> dict[str, Any]:
    """The line of .docs.parquet for a row of TOKENS; `dup_cluster` is the first 63 bits of the cluster's id."""
    return {
        "doc_id": row["id"],
        "source": row["source"],
        "url": row["url"],
        "snapshot": row["dump"],
        "n_bytes": row["n_bytes"],
        "quality": row["quality_score"],
        "lang": row["language"],
        "dup_cluster": int(row["cluster_id"][:16], 16) // 2,
    }
