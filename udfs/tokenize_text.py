"""Documents to tokens: the clean text of one part encoded, each document with its place in the global order.

A document's place is a 64-bit number drawn from the seed and its id, so the order of the shards does not depend on
files, partitions or arrival. Control ids are added here and nowhere else: no text can become one.
"""

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import sentencepiece

from udfs import files
from udfs.hashing import keyed_uint64
from udfs.parts import read_batches
from udfs.shards import Shard, ShardWriter, token_dtype
from udfs.urls import host

TOKENS = pa.schema(
    [
        ("shard", pa.int32()),
        ("place", pa.int64()),
        ("id", pa.string()),
        ("source", pa.string()),
        ("url", pa.string()),
        ("dump", pa.string()),
        ("n_bytes", pa.int32()),
        ("quality_score", pa.float64()),
        ("language", pa.string()),
        ("cluster_id", pa.string()),
        ("tokens", pa.binary()),
    ]
)
COLUMNS = ["id", "source", "url", "dump", "quality_score", "language", "cluster_id", "text"]
HALF = 2**63  # places are drawn from [0, 2^63), so that they fit a signed long


@dataclass(frozen=True)
class PackPlan:
    """How documents become tokens and find their shard; `shards`: (split, source) -> (first number, how many)."""

    tokenizer: str
    seed: int
    bos: bool
    eos: bool
    val_share: float
    shards: dict[tuple[str, str], tuple[int, int]]


@functools.lru_cache(maxsize=1)
def load_tokenizer(folder: str) -> sentencepiece.SentencePieceProcessor:
    """The SentencePiece model in a tokenizer folder; kept by the process."""
    return sentencepiece.SentencePieceProcessor(model_proto=files.read_bytes(files.join(folder, "tokenizer.model")))


def split_of(seed: int, share: float, url: str | None, identity: str) -> str:
    """ "val" for a seeded share of the hosts (of the documents, where there is no URL), else "train"."""
    key = host(url or "") or identity
    return "val" if keyed_uint64(seed ^ 0x76616C, key) < share * 2**64 else "train"


def write_shard(folder: str, name: str, vocab_size: int, batches: Iterator[pa.RecordBatch]) -> Shard | None:
    """Write rows of TOKENS, in their order, as one shard; None when there are none."""
    documents = (row for batch in batches for row in batch.to_pylist())
    first = next(documents, None)
    if first is None:
        return None
    dtype = token_dtype(vocab_size)
    with ShardWriter(folder, name, vocab_size) as writer:
        for row in itertools.chain([first], documents):
            writer.write(np.frombuffer(row["tokens"], dtype), docs_row(row))
    return writer.shard


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


def frame_ids(processor: Any, ids: list[int], bos: bool, eos: bool) -> list[int]:
    """[BOS] ids [EOS], as asked for."""
    return [processor.bos_id()] * bos + ids + [processor.eos_id()] * eos


def encode_part(uri: str, plan: PackPlan) -> Iterator[pa.RecordBatch]:
    """The documents of a clean part as rows of TOKENS; `tokens` are little-endian ids of the shards' dtype."""
    processor = load_tokenizer(plan.tokenizer)
    dtype = token_dtype(processor.get_piece_size())
    for batch in read_batches(uri, COLUMNS):
        rows = batch.to_pylist()
        for row, ids in zip(rows, processor.encode([row["text"] for row in rows], out_type=int), strict=True):
            framed = frame_ids(processor, ids, plan.bos, plan.eos)
            row["tokens"] = np.array(framed, dtype).tobytes()
            row["place"] = keyed_uint64(plan.seed, row["id"]) // 2
            row["n_bytes"] = len(row.pop("text").encode())
            row["shard"] = shard_of(plan, row)
        yield pa.RecordBatch.from_pylist(rows, TOKENS)


def shard_of(plan: PackPlan, row: dict[str, Any]) -> int:
    """Number of the shard a document goes to: equal slices of the order, so shards in sequence are in global order."""
    split = split_of(plan.seed, plan.val_share, row["url"], row["id"])
    first, n_shards = plan.shards[split, row["source"]]
    return first + row["place"] * n_shards // HALF
