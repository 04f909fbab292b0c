"""Rows of tokens to one shard: in their order, or in one by which windows of a length end between documents."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from udfs.best_fit import Packing, best_fit, n_cut
from udfs.megatron_index import token_dtype
from udfs.shards import Shard, ShardWriter
from udfs.tokenize_text import TOKENS

TAKEN_ROWS = 1_000
ORDER = [("place", "ascending"), ("id", "ascending")]


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
    folder: str, name: str, vocab_size: int, batches: Iterable[pa.RecordBatch], window: int, fit: bool
) -> Packed | None:
    """Write rows of TOKENS, which may come in any order, as one shard; None when there are none."""
    rows = pa.Table.from_batches(batches, TOKENS).sort_by(ORDER).combine_chunks()
    if not rows.num_rows:
        return None
    dtype = token_dtype(vocab_size)
    lengths = pc.binary_length(rows["tokens"]).to_numpy() // dtype.itemsize
    packing = best_fit(lengths, window) if fit else Packing(np.arange(rows.num_rows), 0, 0)
    with ShardWriter(folder, name, vocab_size) as writer:
        for start in range(0, rows.num_rows, TAKEN_ROWS):
            for row in rows.take(pa.array(packing.order[start : start + TAKEN_ROWS])).to_pylist():
                writer.write(np.frombuffer(row["tokens"], dtype), docs_row(row))
    laid = lengths[packing.order]
    filled = int(laid[: packing.n_filled].sum(dtype=np.int64))
    return Packed(writer.shard, *n_cut(laid, window), filled, packing.n_windows)


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
