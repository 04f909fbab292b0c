"""The Python side of near-duplicate search: bands to candidate pairs, candidates to shingle sets, pairs to Jaccard.

A document's `order` is the first half of its id: what is chosen by it does not depend on how files are cut, nor on
which documents were there in an earlier search.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from udfs.bundles import ShardOf
from udfs.copies import halves, node_of
from udfs.decisions import Part, Rows, left_rows, signals_left, texts_at
from udfs.edits import Edits, edit
from udfs.hashing import GOLDEN, U64
from udfs.minhash import jaccard_pairs
from udfs.parts import pieces, read_part
from udfs.shingles import ShingleSets, shingle_sets
from udfs.strings import strings
from udfs.text import Texts

LAST_NODE = np.iinfo(np.int64).max

BANDS = pa.schema([("key", pa.int64()), ("order", pa.int64()), ("node", pa.int64())])
PAIRS = pa.schema([(name, pa.int64()) for name in ("left", "right", "centre", "node", "large")])
"""`left` and `right` are the orders of centre and node; `large` is 1 where they come from a large bucket, or 0."""
LOOKED_UP = pa.schema(
    [*PAIRS, *((name, pa.int64()) for name in ("left_low", "right_low")), ("similarity", pa.float64())]
)
"""Pairs with what an earlier search has found of them, null where none has compared them."""
KNOWN = ("left", "left_low", "right", "right_low", "similarity")
ASKED = pa.schema([(name, pa.int64()) for name in ("home", "centre", "node", "large")])
"""A pair, for the part of one of its documents, `home`."""
ID = [("high", pa.int64()), ("low", pa.int64())]
SETS = pa.schema(
    [(name, pa.int64()) for name in ("centre", "node", "large")]
    + [*ID, ("is_member", pa.bool_()), ("shingles", pa.large_binary())]
)
"""The set of a node, on its way to its centre; of a large bucket that of the centre, on its way to the home of a node,
and without a set what it is to be compared with there. A set is the bytes of its hashes: Arrow copies a binary value at
once, a list number by number."""
WORDS = pa.schema([("node", pa.int64()), ("order", pa.int64()), ("shingles", pa.list_(pa.string()))])
SIMILAR = pa.schema(
    [(name, pa.int64()) for name in ("centre", "left", "left_low", "node", "right", "right_low")]
    + [("similarity", pa.float64())]
)
"""Pairs with the halves of both ids, those of the centre first."""


def band_rows(part: Part) -> Iterator[pa.RecordBatch]:
    """A row for each band of each document left."""
    for batch in signals_left(part, ["bands", "id"]):
        lists = batch.column("bands")
        sizes = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False)
        order, _ = halves(batch.column("id"))
        node = node_of(part.number, batch.column("row").to_numpy())
        columns = [lists.flatten(), pa.array(np.repeat(order, sizes)), pa.array(np.repeat(node, sizes))]
        yield pa.RecordBatch.from_arrays(columns, schema=BANDS)


def stars(batches: Iterator[pa.RecordBatch], large_bucket: int) -> Iterator[pa.RecordBatch]:
    """PAIRS: the document of each bucket that is first in order, with each other one; batches hold whole buckets. Those
    of more than `large_bucket` documents are large."""
    table = pa.Table.from_batches(list(batches), BANDS)
    shared = table.take(pa.array(in_company(table["key"].to_numpy())))
    node, order, key = (shared[name].to_numpy() for name in ("node", "order", "key"))
    is_first = np.append(True, np.diff(key) != 0)[: len(key)]
    bucket, first = np.cumsum(is_first) - 1, np.flatnonzero(is_first)
    left, centre = first_of_each(bucket, first, order, node)
    size, others = np.diff(first, append=len(key)), np.flatnonzero(centre != node)
    columns = [column[others] for column in (left, order, centre, node)]
    columns.append((size[bucket[others]] > large_bucket).astype(np.int64))
    place = places_of_distinct(columns[2:])
    pairs = [column[place] for column in columns]
    yield pa.RecordBatch.from_arrays([pa.array(column) for column in pairs], schema=PAIRS)


def first_of_each(bucket: Rows, first: Rows, order: Rows, node: Rows) -> tuple[Rows, Rows]:
    """(order, node) of the first document of each row's bucket; bucket i begins at row first[i]."""
    if not len(first):
        return order, node
    smallest = np.minimum.reduceat(order, first)[bucket]
    return smallest, np.minimum.reduceat(np.where(order == smallest, node, LAST_NODE), first)[bucket]


def in_company(keys: Rows) -> Rows:
    """The places of the keys that occur more than once, by key: few, so that only those need be sorted by all columns.
    To sort all values costs a sixth of sorting their places."""
    ordered = np.sort(keys)
    is_again = ordered[1:] == ordered[:-1]
    shared = ordered[1:][is_again & ~np.append(False, is_again[:-1])[: len(is_again)]]
    perhaps = np.flatnonzero(_may_be_among(keys.view(np.uint64), shared.view(np.uint64)))
    place = perhaps[np.argsort(keys[perhaps])]
    is_new = np.append(True, np.diff(keys[place]) != 0)[: len(place)]
    is_alone = is_new & np.append(is_new[1:], True)[: len(place)]
    return place[~is_alone]


@numba.njit(cache=True, nogil=True)
def _may_be_among(keys: Any, some: Any) -> Any:
    """Whether each key is one of `some`; true for one in sixteen or fewer of the others too."""
    n_bits = 4
    while 1 << n_bits < 16 * some.size:
        n_bits += 1
    table = np.zeros(1 << n_bits, np.bool_)
    for key in some:
        table[key * GOLDEN >> U64(64 - n_bits)] = True
    found = np.empty(keys.size, np.bool_)
    for i in range(keys.size):
        found[i] = table[keys[i] * GOLDEN >> U64(64 - n_bits)]
    return found


def distinct(columns: list[Rows]) -> list[Rows]:
    """Each row of the columns once, in order."""
    place = places_of_distinct(columns)
    return [column[place] for column in columns]


def places_of_distinct(columns: list[Rows]) -> Rows:
    """The place of each distinct row of the columns, in the order of rows."""
    place = np.lexsort(columns[::-1])
    is_new = np.zeros(max(len(place) - 1, 0), bool)
    for column in columns:
        ordered = column[place]
        is_new |= ordered[1:] != ordered[:-1]
    return place[np.append(True, is_new)[: len(place)]]


def looked_up(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Each LOOKED_UP row asked for once, with what is known of it. Rows of an earlier search, all those of a `left` and
    `right` together with the others, have no `centre`."""
    table = pa.Table.from_batches(list(batches), LOOKED_UP).combine_chunks()
    is_asked, left, right = pc.is_valid(table["centre"]).to_numpy(), table["left"].to_numpy(), table["right"].to_numpy()
    place = np.lexsort((is_asked, right, left))
    is_new = np.append(True, (np.diff(left[place]) != 0) | (np.diff(right[place]) != 0))[: len(place)]
    first = place[np.maximum.accumulate(np.where(is_new, np.arange(len(place)), 0))]
    asked, first = pa.array(place[is_asked[place]]), pa.array(first[is_asked[place]])
    known = table.select(LOOKED_UP.names[len(PAIRS) :]).take(first)
    pairs = [table[name].take(asked).to_numpy() for name in PAIRS.names]
    pairs[-1] = np.where(pc.is_valid(known["similarity"]).to_numpy(), 0, pairs[-1])  # for them it no longer matters
    found = pa.Table.from_arrays([*(pa.array(column) for column in pairs), *known.columns], schema=LOOKED_UP)
    yield from found.take(pa.array(places_of_distinct(pairs))).to_batches()


def known_pairs(uri: str) -> Iterator[pa.RecordBatch]:
    """LOOKED_UP rows of `compared` of an earlier search."""
    for batch in read_part(uri, [*KNOWN]):
        columns = [
            batch.column(name) if name in KNOWN else pa.nulls(len(batch), pa.int64()) for name in LOOKED_UP.names
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=LOOKED_UP)


def asked_pairs(uri: str) -> Iterator[pa.RecordBatch]:
    """LOOKED_UP rows of PAIRS."""
    for batch in read_part(uri):
        unknown = [pa.nulls(len(batch), field.type) for field in LOOKED_UP][len(PAIRS) :]
        yield pa.RecordBatch.from_arrays([*batch.columns, *unknown], schema=LOOKED_UP)


def unknown_pairs(uri: str) -> Iterator[pa.RecordBatch]:
    """PAIRS of LOOKED_UP rows of which nothing is known."""
    for batch in read_part(uri):
        yield batch.filter(pc.is_null(batch.column("similarity"))).select(PAIRS.names)


def verified(uri: str, threshold: float) -> Iterator[pa.RecordBatch]:
    """SIMILAR rows, of a file of these or of LOOKED_UP rows, that reach the threshold."""
    for batch in read_part(uri, SIMILAR.names):
        yield batch.select(SIMILAR.names).filter(pc.greater_equal(batch.column("similarity"), threshold))


@dataclass(frozen=True)
class ShinglePlan:
    """What a text is cut into for comparison, and the edits made before."""

    edits: Edits | None
    word_rule: str
    unit: str
    n: int


def read_sets(
    part: Part, batches: Iterator[pa.RecordBatch], plan: ShinglePlan, group_of: ShardOf
) -> Iterator[pa.RecordBatch]:
    """SETS of the documents of a part; rows are ASKED, `group_of` tells the group of parts that a node belongs to."""
    asked = pa.Table.from_batches(list(batches), ASKED)
    home, centre, node, large = wanted_sets(asked, group_of)
    for here, ids, sets, times in sets_at(part, home, plan):
        columns = [centre[here], node[here], large[here], *ids, home[here] != centre[here]]
        shingles = as_bytes(sets)
        shingles = shingles if len(times) == len(shingles) else shingles.take(pa.array(times))
        yield pa.RecordBatch.from_arrays([*(pa.array(column) for column in columns), shingles], schema=SETS)
    yield from members_of_large(asked)


def members_of_large(asked: pa.Table) -> list[pa.RecordBatch]:
    """SETS without sets: the pairs of large buckets, which are asked for at the home of the centre."""
    rows = asked.filter(pc.and_(pc.equal(asked["home"], asked["centre"]), pc.equal(asked["large"], 1)))
    fixed = [pa.array(np.full(len(rows), value)) for value in (0, 0, True)]
    columns = [*(rows[name] for name in SETS.names[:3]), *fixed, pa.array([b""] * len(rows), pa.large_binary())]
    return pa.Table.from_arrays(columns, schema=SETS).combine_chunks().to_batches()


def sets_at(part: Part, nodes: Rows, plan: ShinglePlan) -> Iterator[tuple[slice, tuple[Rows, Rows], ShingleSets, Rows]]:
    """For nodes of a part, ascending and maybe repeated, some at a time: (which of them, the halves of their ids, the
    sets of some documents, the number of each node's set)."""
    rows, first = np.unique(nodes & 0xFFFFFFFF, return_index=True)
    bounds = np.append(first, len(nodes))
    start = 0
    for documents in pieces(found for found, _ in texts_at(part, rows, ["id", "text"])):
        end = start + len(documents)
        times = np.repeat(np.arange(len(documents)), np.diff(bounds[start : end + 1]))
        high, low = halves(documents.column("id"))
        yield slice(bounds[start], bounds[end]), (high[times], low[times]), shingles_of(documents, plan), times
        start = end


def shingles_of(documents: pa.RecordBatch, plan: ShinglePlan) -> ShingleSets:
    """The shingle set of each document."""
    texts = edit(Texts(documents.column("text"), plan.word_rule), plan.edits).texts
    return shingle_sets(strings(texts.arrow), plan.unit, plan.n)


def as_bytes(sets: ShingleSets) -> pa.Array:
    """The hashes of each set as bytes, large_binary."""
    buffers = [None, pa.py_buffer(sets.offsets * 8), pa.py_buffer(sets.hashes)]
    return pa.Array.from_buffers(pa.large_binary(), len(sets.offsets) - 1, buffers)


def gathered(batches: Iterable[pa.RecordBatch]) -> tuple[pa.Table, ShingleSets]:
    """(SETS rows without their sets, the sets); each batch's bytes go behind those before, so all are held once."""
    rows, hashes, sizes = [], np.empty(0, np.uint64), [np.zeros(1, np.int64)]
    for batch in batches:
        data, offsets = strings(batch.column("shingles"))
        rows.append(batch.drop_columns("shingles"))
        sizes.append(np.diff(offsets) // 8)
        n_before = hashes.size
        hashes.resize(n_before + int(sizes[-1].sum()), refcheck=False)
        hashes[n_before:] = data[offsets[0] : offsets[-1]].view(np.uint64)
    schema = SETS.remove(SETS.get_field_index("shingles"))
    return pa.Table.from_batches(rows, schema), ShingleSets(hashes, np.cumsum(np.concatenate(sizes)))


def shingle_words(part: Part, plan: ShinglePlan) -> Iterator[pa.RecordBatch]:
    """WORDS: the shingle set of each document left, spelt out for spark.ml; those without shingles are left out."""
    for documents, found in texts_at(part, left_rows(part), ["id", "text"]):
        sets = shingles_of(documents, plan)
        order, _ = halves(documents.column("id"))
        spelt = pa.ListArray.from_arrays(
            sets.offsets.astype(np.int32), pa.array(sets.hashes.view(np.int64)).cast(pa.string())
        )
        whole = pa.RecordBatch.from_arrays(
            [pa.array(node_of(part.number, found)), pa.array(order), spelt], schema=WORDS
        )
        yield whole.filter(pc.greater(pc.list_value_length(spelt), 0))


def wanted_sets(asked: pa.Table, group_of: ShardOf) -> list[Rows]:
    """[home, centre, node, large] of each set to send, by home: a member's once to its centre, unless they are of one
    large bucket too; a centre's once, and once to each group of the members of large buckets, as `node` says."""
    home, centre, node, large = (asked[name].to_numpy() for name in ASKED.names)
    group = np.where((large > 0) & (home == centre), group_of(asked), 0)
    place = places_of_distinct([home, centre, large, group])
    home, centre, node, large = (column[place] for column in (home, centre, node, large))
    is_last = np.append((np.diff(home) != 0) | (np.diff(centre) != 0), True)[: len(home)]
    is_wanted = (home == centre) | (is_last & (large == 0))
    return [column[is_wanted] for column in (home, centre, np.where(large > 0, node, home), large)]


def similarities(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """SIMILAR: the exact Jaccard similarity of each member's set with its centre's, by centre and node; rows are SETS,
    all those of a centre together."""
    rows, sets = gathered(batches)
    columns = {name: rows[name].to_numpy() for name in rows.column_names}
    place = np.lexsort([columns[name] for name in ("node", "is_member", "centre")])
    is_member = columns["is_member"][place]
    centre = place[np.maximum.accumulate(np.where(is_member, 0, np.arange(len(place))))][is_member]
    member = place[is_member]
    ends = [columns[name][end] for end in (centre, member) for name in ("node", "high", "low")]
    yield similar(ends, jaccard_pairs(sets, centre, member))


def compare_at_home(
    parts: Sequence[Part], batches: Iterator[pa.RecordBatch], plan: ShinglePlan
) -> Iterator[pa.RecordBatch]:
    """SIMILAR of the pairs of large buckets whose members are of these parts; rows are SETS, the centres' sets and all
    that is to be compared with them."""
    rows, sets = gathered(batches)
    centre, node, _, high, low, is_member = (rows[name].to_numpy() for name in rows.column_names)
    own = np.flatnonzero(~is_member)
    own = own[np.argsort(centre[own])]
    nodes, centres = distinct([node[is_member], centre[is_member]])
    own = own[np.searchsorted(centre[own], centres)]
    for part in parts:
        start, stop = np.searchsorted(nodes >> 32, [part.number, part.number + 1])
        for here, ids, found, times in sets_at(part, nodes[start:stop], plan):
            place = own[start:stop][here]
            ends = [centre[place], high[place], low[place], nodes[start:stop][here], *ids]
            yield similar(ends, jaccard_pairs(sets, place, times, found))


def similar(ends: Sequence[Rows], similarity: Any) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(column) for column in (*ends, similarity)], schema=SIMILAR)


def asked_for(pairs: pa.RecordBatch, are_spread: bool) -> pa.RecordBatch:
    """ASKED rows of PAIRS, at home of both documents; no bucket is large unless the sets are spread over tasks."""
    centre, node, large = (pairs.column(name) for name in PAIRS.names[2:])
    large = large if are_spread else pa.array(np.zeros(len(pairs), np.int64))
    both = [pa.concat_arrays(two) for two in ((node, centre), (centre, centre), (node, node), (large, large))]
    return pa.RecordBatch.from_arrays(both, schema=ASKED)
