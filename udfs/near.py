"""The Python side of near-duplicate search: bands to candidate pairs, candidates to shingle sets, pairs to Jaccard."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from udfs.copies import node_of
from udfs.decisions import Part, signals_left, texts_at
from udfs.edits import Edits, edit
from udfs.minhash import jaccard_pairs
from udfs.shingles import ShingleSets, shingle_sets
from udfs.strings import strings
from udfs.text import Texts

BANDS = pa.schema([("key", pa.int64()), ("node", pa.int64())])
STARS = pa.schema([("centre", pa.int64()), ("node", pa.int64())])
SETS = pa.schema(
    [("centre", pa.int64()), ("is_member", pa.bool_()), ("node", pa.int64()), ("shingles", pa.list_(pa.int64()))]
)
SIMILAR = pa.schema([("centre", pa.int64()), ("node", pa.int64()), ("similarity", pa.float64())])


def band_rows(part: Part) -> Iterator[pa.RecordBatch]:
    """A row for each band of each document left."""
    for batch in signals_left(part, ["bands"]):
        lists = batch.column("bands")
        sizes = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False)
        node = np.repeat(node_of(part.number, batch.column("row").to_numpy()), sizes)
        yield pa.RecordBatch.from_arrays([lists.flatten(), pa.array(node)], schema=BANDS)


def stars(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """STARS: the first document of each bucket with each of its documents, itself too; batches hold whole buckets."""
    table = pa.Table.from_batches(list(batches), BANDS)
    node, key = table["node"].to_numpy(), table["key"].to_numpy()
    order = np.lexsort((node, key))
    node, key = node[order], key[order]
    is_first = np.append(True, np.diff(key) != 0)[: len(key)]
    bucket = np.cumsum(is_first) - 1
    is_shared = np.bincount(bucket, minlength=1)[bucket] > 1 if len(key) else np.zeros(0, bool)
    pairs = np.unique(np.stack([node[is_first][bucket], node])[:, is_shared], axis=1)
    yield pa.RecordBatch.from_arrays([pa.array(pairs[0]), pa.array(pairs[1])], schema=STARS)


@dataclass(frozen=True)
class ShinglePlan:
    """What a text is cut into for comparison, and the edits made before."""

    edits: Edits | None
    word_rule: str
    unit: str
    n: int


def read_sets(part: Part, batches: Iterator[pa.RecordBatch], plan: ShinglePlan) -> Iterator[pa.RecordBatch]:
    """SETS: the shingle set of each document of a part, once for each centre it is compared with; rows are STARS."""
    table = pa.Table.from_batches(list(batches), STARS)
    pairs = np.unique(np.stack([table["node"].to_numpy(), table["centre"].to_numpy()]), axis=1)
    rows, first = np.unique(pairs[0] & 0xFFFFFFFF, return_index=True)
    bounds = np.append(first, pairs.shape[1])
    start = 0
    for documents, found in texts_at(part, rows, ["text"]):
        texts = edit(Texts(documents.column("text"), plan.word_rule), plan.edits).texts
        sets = shingle_sets(strings(texts.arrow), plan.unit, plan.n)
        lists = pa.ListArray.from_arrays(sets.offsets.astype(np.int32), pa.array(sets.hashes.view(np.int64)))
        here = slice(bounds[start], bounds[start + len(found)])
        node, centre = pairs[:, here]
        times = np.diff(bounds[start : start + len(found) + 1])
        repeated = lists.take(pa.array(np.repeat(np.arange(len(found)), times)))
        columns = [pa.array(centre), pa.array(node != centre), pa.array(node), repeated]
        yield pa.RecordBatch.from_arrays(columns, schema=SETS)
        start += len(found)


def similarities(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """SIMILAR: the exact Jaccard similarity of each member's set with its centre's.

    Rows are SETS sorted by centre and is_member, so a centre stands before its members, maybe at the end of an earlier
    batch: it is carried along.
    """
    carried: pa.Table | None = None
    for batch in batches:
        table = pa.Table.from_batches([batch])
        rows = pa.concat_tables([carried, table] if carried else [table]).combine_chunks()
        is_member = rows["is_member"].to_numpy()
        centre = np.maximum.accumulate(np.where(is_member, 0, np.arange(len(is_member))))
        member = np.flatnonzero(is_member)
        similarity = jaccard_pairs(_sets(rows["shingles"].combine_chunks()), centre[member], member)
        columns = [rows[name].combine_chunks().take(pa.array(member)) for name in ("centre", "node")]
        yield pa.RecordBatch.from_arrays([*columns, pa.array(similarity)], schema=SIMILAR)
        carried = rows.slice(int(centre[-1]), 1)


def _sets(lists: Any) -> ShingleSets:
    return ShingleSets(lists.values.to_numpy().view(np.uint64), np.asarray(lists.offsets).astype(np.int64))
