"""Documents to tokens: the clean text of one part encoded, each document with its places in the global order.

A document's place is a 64-bit number drawn from the seed, its id and the number of the epoch, so the order of the
shards does not depend on files, partitions or arrival. Control ids are added here and nowhere else: no text can become
one. Texts and tokens stay in Arrow buffers; what is done for each document in Python concerns its id and its URL.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from udfs.bpe_encode import Tokens
from udfs.hashing import keyed_uint64
from udfs.megatron_index import token_dtype
from udfs.parts import read_batches, read_part
from udfs.repeats import Repeats, copies, factors
from udfs.text_tokenizer import TextTokenizer, TokenizerPlace, load_tokenizer
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
CARRIED = ["id", "source", "url", "dump", "quality_score", "language", "cluster_id"]
COLUMNS = [*CARRIED, "cluster_size", "text"]
HALF = 2**63  # places are drawn from [0, 2^63), so that they fit a signed long
SHARDS_OF = dict[tuple[str, str], tuple[int, int]]


class Weight(NamedTuple):
    """Documents; the sum of their factors, and of their bytes of text times these."""

    documents: int = 0
    copies: float = 0.0
    n_bytes: float = 0.0

    def plus(self, other: "Weight") -> "Weight":
        return Weight(self[0] + other[0], self[1] + other[1], self[2] + other[2])


@dataclass(frozen=True)
class PackPlan:
    """How documents become tokens and find their shard; `shards`: (split, source) -> (first number, how many);
    `by_host` keeps the documents of a host together."""

    tokenizer: TokenizerPlace
    seed: int
    bos: bool
    val_share: float
    shards: SHARDS_OF
    repeats: Repeats
    by_host: bool = False


def split_of(seed: int, share: float, url: str | None, identity: str) -> str:
    """ "val" for a seeded share of the hosts (of the documents, where there is no URL), else "train"."""
    key = host(url or "") or identity
    return "val" if keyed_uint64(seed ^ 0x76616C, key) < share * 2**64 else "train"


def held_out(batch: pa.RecordBatch, seed: int, share: float) -> NDArray[np.bool_]:
    """Which documents of a batch (id, url) are in the split val."""
    places = zip(batch.column("url").to_pylist(), batch.column("id").to_pylist(), strict=True)
    return np.array([split_of(seed, share, url, identity) == "val" for url, identity in places], np.bool_)


def encode_part(uri: str, plan: PackPlan) -> Iterator[pa.RecordBatch]:
    """The documents of a clean part as rows of TOKENS; `tokens` are little-endian ids of the shards' dtype."""
    tokenizer = load_tokenizer(plan.tokenizer)
    for batch in read_batches(uri, COLUMNS):
        is_held_out = held_out(batch, plan.seed, plan.val_share)
        n_copies = copies(batch, is_held_out, plan.repeats, plan.seed)
        kept = np.flatnonzero(n_copies)
        if kept.size:
            yield encode_batch(batch.take(pa.array(kept)), is_held_out[kept], n_copies[kept], tokenizer, plan)


def encode_batch(
    batch: pa.RecordBatch,
    is_held_out: NDArray[np.bool_],
    n_copies: NDArray[np.int64],
    tokenizer: TextTokenizer,
    plan: PackPlan,
) -> pa.RecordBatch:
    """Rows of TOKENS for the documents of a batch, each as many times as `n_copies` says, one at least."""
    tokens = framed(tokenizer.encode(batch.column("text")), tokenizer, plan.bos)
    rows = np.repeat(np.arange(batch.num_rows), n_copies)
    epochs = np.arange(rows.size) - np.repeat(np.cumsum(n_copies) - n_copies, n_copies)
    columns = {name: batch.column(name) for name in CARRIED}
    columns |= {"tokens": tokens, "n_bytes": pc.binary_length(batch.column("text"))}
    table = pa.Table.from_pydict(columns).take(pa.array(rows)).combine_chunks()
    places = [
        place_of(plan, url, identity, epoch)
        for url, identity, epoch in zip(table["url"].to_pylist(), table["id"].to_pylist(), epochs.tolist(), strict=True)
    ]
    shards = [
        shard_of(plan.shards, "val" if is_val else "train", source, place)
        for is_val, source, place in zip(is_held_out[rows], table["source"].to_pylist(), places, strict=True)
    ]
    table = table.append_column("shard", pa.array(shards, pa.int32())).append_column("place", pa.array(places))
    return table.select(TOKENS.names).cast(TOKENS).to_batches()[0]


def place_of(plan: PackPlan, url: str | None, identity: str, epoch: int) -> int:
    """Where a document stands in the global order; `by_host` the upper half is drawn for its host, so that only the
    lower half tells the pages of one host apart."""
    place = keyed_uint64(plan.seed, f"{identity}/{epoch}") // 2
    if not plan.by_host:
        return place
    return keyed_uint64(plan.seed, f"{host(url or '') or identity}/{epoch}") >> 33 << 32 | place & 0xFFFFFFFF


def shard_of(shards: SHARDS_OF, split: str, source: str, place: int) -> int:
    """Number of the shard a document goes to: equal slices of the order, so shards in sequence are in global order."""
    first, n_shards = shards[split, source]
    return first + place * n_shards // HALF


def framed(tokens: Tokens, tokenizer: TextTokenizer, bos: bool) -> pa.BinaryArray:
    """Each text's tokens as bytes, [BOS] ids EOS: little-endian, of the shards' dtype."""
    dtype = token_dtype(tokenizer.vocab_size)
    bounds = tokens.offsets + np.arange(tokens.offsets.size) * (1 + bos)
    out = np.empty(bounds[-1], dtype)
    is_text = np.ones(out.size, np.bool_)
    is_text[bounds[1:] - 1] = False
    out[bounds[1:] - 1] = tokenizer.eos
    if bos:
        is_text[bounds[:-1]] = False
        out[bounds[:-1]] = tokenizer.bos
    out[is_text] = tokens.ids
    places = (bounds * dtype.itemsize).astype(np.int32)
    return pa.Array.from_buffers(pa.binary(), bounds.size - 1, [None, pa.py_buffer(places), pa.py_buffer(out)])


def weigh_part(uri: str, seed: int, val_share: float, repeats: Repeats) -> dict[tuple[str, str], Weight]:
    """What a part holds of each split and source."""
    sums: dict[tuple[str, str], Weight] = {}
    for batch in read_part(uri, COLUMNS):
        is_held_out = held_out(batch, seed, val_share)
        found = np.where(is_held_out, 1.0, factors(batch, repeats))
        n_bytes = pc.binary_length(batch.column("text")).to_numpy(zero_copy_only=False)
        places = zip(is_held_out.tolist(), batch.column("source").to_pylist(), strict=True)
        for (is_val, source), factor, size in zip(places, found.tolist(), n_bytes.tolist(), strict=True):
            place = ("val" if is_val else "train", source)
            sums[place] = sums.get(place, Weight()).plus(Weight(1, factor, factor * size))
    return sums
