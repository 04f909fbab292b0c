"""The Python side of near-duplicate search: bands to candidate pairs, candidates to shingle sets, pairs to Jaccard."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from udfs.edits import Edits, edit
from udfs.minhash import jaccard_pairs
from udfs.shingles import ShingleSets, shingle_sets
from udfs.slices import by_part, take_rows
from udfs.strings import strings
from udfs.text import Texts

PAIRS = pa.schema([("left", pa.int64()), ("right", pa.int64())])
SETS = pa.schema([("node", pa.int64()), ("shingles", pa.list_(pa.int64()))])
SIMILARITIES = pa.schema([("left", pa.int64()), ("right", pa.int64()), ("similarity", pa.float64())])


def star_pairs(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """(smallest node of its bucket, node) for every other node of every bucket; rows are (node, key), whole buckets."""
    table = pa.Table.from_batches(list(batches), pa.schema([("node", pa.int64()), ("key", pa.int64())]))
    node, key = table["node"].to_numpy(), table["key"].to_numpy()
    order = np.lexsort((node, key))
    node, key = node[order], key[order]
    is_first = np.diff(key, prepend=key[:1] - 1) != 0
    centre = node[np.flatnonzero(is_first)][np.cumsum(is_first) - 1]
    pairs = np.unique(np.stack([centre, node])[:, ~is_first], axis=1)
    yield pa.RecordBatch.from_arrays([pa.array(pairs[0]), pa.array(pairs[1])], schema=PAIRS)


@dataclass(frozen=True)
class ShingleReader:
    """Reads the text of chosen documents again and yields their shingle sets; rows are (node, part, row), by part."""

    documents: tuple[str, ...]
    edits: Edits | None
    word_rule: str
    unit: str
    n: int

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for part, rows in by_part(batches):
            for documents, chosen in take_rows(self.documents[part], rows, ["text"]):
                texts = edit(Texts(documents.column("text"), self.word_rule), self.edits).texts
                sets = shingle_sets(strings(texts.arrow), self.unit, self.n)
                lists = pa.ListArray.from_arrays(sets.offsets.astype(np.int32), pa.array(sets.hashes.view(np.int64)))
                yield pa.RecordBatch.from_arrays([chosen["node"].combine_chunks(), lists], schema=SETS)


def pair_similarities(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """(left, right, similarity) of each member with its centre.

    Rows are (node, left, place, shingles), sorted by left and place: the centre (place 0) stands before its members,
    perhaps at the end of an earlier batch, so it is carried along.
    """
    carried: pa.RecordBatch | None = None
    for batch in batches:
        table = pa.Table.from_batches([batch] if carried is None else [carried, batch]).combine_chunks()
        rows = table.to_batches()[0]
        is_centre = rows.column("place").to_numpy() == 0
        centre = np.maximum.accumulate(np.where(is_centre, np.arange(len(is_centre)), 0))
        member = np.flatnonzero(~is_centre)
        similarity = jaccard_pairs(_sets(rows.column("shingles")), centre[member], member)
        columns = [rows.column("left").take(pa.array(member)), rows.column("node").take(pa.array(member)), pa.array(similarity)]
        yield pa.RecordBatch.from_arrays(columns, schema=SIMILARITIES)
        carried = rows.slice(int(centre[-1]), 1)


def _sets(lists: Any) -> ShingleSets:
    offsets = np.asarray(lists.offsets).astype(np.int64)
    return ShingleSets(lists.values.to_numpy().view(np.uint64), offsets)
