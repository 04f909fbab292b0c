"""From removed documents to rows of `duplicates`: whom each was kept for in the end, and what they form together."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from udfs.copies import REMOVED, lookup, spelt
from udfs.decisions import Counts, LedgerFile, Part, Rows, take_signals
from udfs.near import PAIRS, SIMILAR
from udfs.parts import PartFile, read_part

KEPT, DROP_ALL = "kept", "drop_all"
"""Kinds of the preferred document of a cluster: that it stays, and that it goes too."""
PARTNERS = pa.schema(
    [(name, pa.int64()) for name in ("node", "matched", "matched_high", "matched_low")]
    + [("matched_similarity", pa.float64())]
)
"""A document and one that it is similar to."""
PARTNER_COLUMNS = (
    ("node", "centre", "left", "left_low", "similarity"),
    ("centre", "node", "right", "right_low", "similarity"),
)
FOUND = pa.schema(
    [
        *REMOVED,
        ("kind", pa.string()),
        ("similarity", pa.float64()),
        *[PARTNERS.field(name) for name in PARTNERS.names[1:]],
    ]
)
Steps = Mapping[str, str]
"""The URIs of a part of what the steps of the search have found, by step; those that found nothing are absent."""


def read_step(steps: Steps, name: str, schema: pa.Schema) -> pa.Table:
    return pa.Table.from_batches(read_part(steps[name]) if name in steps else [], schema)


def partners_of_both(pairs: pa.RecordBatch) -> list[pa.RecordBatch]:
    """PARTNERS rows for both documents of each of near.SIMILAR."""
    return [
        pa.RecordBatch.from_arrays([pairs.column(name) for name in names], schema=PARTNERS) for names in PARTNER_COLUMNS
    ]


def found_in(steps: Steps) -> Iterator[pa.RecordBatch]:
    """FOUND rows of the documents of a part that some step removed; `kept` as that step has it."""
    for kind, similarity in (("url", np.nan), ("exact", 1.0)):
        removed = read_step(steps, kind, REMOVED)
        certain = np.full(len(removed), similarity)
        yield from _found(kind, removed, certain, [*(removed[name] for name in REMOVED.names[3:]), certain])
    removed, partners = read_step(steps, "near", REMOVED), read_step(steps, "partners", PARTNERS)
    nearest = partners.take(pa.array(_nearest(partners)))
    values = [nearest[name].to_numpy() for name in PARTNERS.names[1:]]
    _, matched = lookup(nearest["node"].to_numpy(), values, removed["node"].to_numpy())
    _, (similarity,) = lookup(*known_similarities(steps), removed["node"].to_numpy())
    yield from _found("near", removed, similarity, matched)


def _found(kind: str, removed: pa.Table, similarity: Any, matched: Sequence[Any]) -> list[pa.RecordBatch]:
    kinds = pa.array([kind] * len(removed), pa.string())
    arrays = [*removed.columns, kinds, *(pa.array(column, from_pandas=True) for column in (similarity, *matched))]
    return pa.Table.from_arrays(arrays, schema=FOUND).combine_chunks().to_batches()


def _nearest(partners: pa.Table) -> Rows:
    """The places of the most similar partner of each document, of equal ones the first by id."""
    names = ("matched_low", "matched_high", "matched_similarity", "node")
    low, high, similarity, node = (partners[name].to_numpy() for name in names)
    place = np.lexsort((low, high, -similarity, node))
    return place[np.append(True, np.diff(node[place]) != 0)[: len(node)]]


def known_similarities(steps: Steps) -> tuple[Rows, list[NDArray[np.float64]]]:
    """(nodes, [similarities]) of near-duplicates of a part and the documents kept for them: from the pairs that were
    compared to find them, or, for members of a cluster that no such pair joins, from the later step."""
    removed, partners = read_step(steps, "near", REMOVED), read_step(steps, "partners", PARTNERS)
    node = partners["node"].to_numpy()
    is_near, (kept,) = lookup(removed["node"].to_numpy(), [removed["kept"].to_numpy()], node)
    joined = partners.filter(pa.array(is_near & (partners["matched"].to_numpy() == kept)))
    later = read_step(steps, "similarity", SIMILAR)
    nodes = np.concatenate([joined["node"].to_numpy(), later["node"].to_numpy()])
    return nodes, [np.concatenate([joined["matched_similarity"].to_numpy(), later["similarity"].to_numpy()])]


def not_compared(steps: Steps, large_bucket: int) -> Iterator[pa.RecordBatch]:
    """PAIRS of the kept documents and those near-duplicates that were never compared with them; large where a part has
    more than `large_bucket` for one kept."""
    removed = read_step(steps, "near", REMOVED)
    known, _ = lookup(*known_similarities(steps), removed["node"].to_numpy())
    rows = removed.filter(pa.array(~known))
    columns = [rows[name] for name in ("kept_high", "high", "kept", "node")]
    _, kept, n_members = np.unique(rows["kept"].to_numpy(), return_inverse=True, return_counts=True)
    columns.append(pa.chunked_array([(n_members[kept] > large_bucket).astype(np.int64)]))
    yield from pa.Table.from_arrays(columns, schema=PAIRS).to_batches()


def follow(batches: Iterator[pa.RecordBatch], steps: Steps) -> Iterator[pa.RecordBatch]:
    """FOUND rows, whose kept documents are all of one part, with those that a later step removed replaced by the
    document kept there. A copy of a text is as similar to that one as the text; for a copy by URL it is not known."""
    later = pa.concat_tables([read_step(steps, "exact", REMOVED), read_step(steps, "near", REMOVED)])
    values, similarities = [later[name].to_numpy() for name in REMOVED.names[3:]], known_similarities(steps)
    for batch in batches:
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        before = batch.column("kept").to_numpy()
        moved, kept = lookup(later["node"].to_numpy(), values, before)
        for name, column in zip(REMOVED.names[3:], kept, strict=True):
            columns[name] = pa.array(np.where(moved, column, columns[name].to_numpy()))
        is_near, (near_similarity,) = lookup(*similarities, before)
        is_copy = pc.and_(pc.equal(columns["kind"], "exact"), pa.array(is_near))
        columns["similarity"] = pc.if_else(is_copy, near_similarity, columns["similarity"])
        yield pa.RecordBatch.from_arrays(list(columns.values()), schema=FOUND)


def clusters(batches: Iterator[pa.RecordBatch], schema: pa.Schema, kept_kind: str = KEPT) -> Iterator[pa.RecordBatch]:
    """Rows of `duplicates`, with `node`: FOUND rows and the preferred document of each, of the kind `kept_kind`;
    `batches` holds whole clusters."""
    found = pa.Table.from_batches(list(batches), FOUND)
    members = pa.concat_tables([found, _kept_rows(found, kept_kind)]).combine_chunks()
    high, low, kept = (members[name].to_numpy() for name in ("high", "low", "kept"))
    order = np.lexsort((low, high, kept))
    is_first = np.append(True, np.diff(kept[order]) != 0)[: len(order)]
    cluster = np.empty(len(order), np.int64)
    cluster[order] = np.cumsum(is_first) - 1
    first = order[is_first][cluster]
    columns = {name: members[name] for name in ("node", "kind", "similarity", "matched_similarity")}
    columns |= {"id": spelt(high, low), "cluster_id": spelt(high[first], low[first])}
    columns |= {f"{one}_id": spelt_column(members, one) for one in ("kept", "matched")}
    columns["cluster_size"] = pa.array(np.bincount(cluster, minlength=1)[cluster].astype(np.int64))
    columns["row"] = pa.array((members["node"].to_numpy() & 0xFFFFFFFF).astype(np.int32))
    arrays = [columns[name] for name in ("node", *schema.names)]
    wide = pa.schema([("node", pa.int64()), *schema])
    yield from pa.Table.from_arrays(arrays, schema=wide).to_batches()


def by_row(members: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of `duplicates` of a part in order, without `node`."""
    if batches := list(members):
        yield from pa.Table.from_batches(batches).select(schema.names).sort_by("row").combine_chunks().to_batches()


def spelt_column(members: pa.Table, one: str) -> pa.Array:
    """The ids whose halves are `<one>_high` and `<one>_low`, null where those are."""
    halves = [members[f"{one}_{half}"].combine_chunks() for half in ("high", "low")]
    ids = spelt(*(half.fill_null(0).to_numpy() for half in halves))
    return pc.if_else(halves[0].is_valid(), ids, None)


def _kept_rows(found: pa.Table, kind: str) -> pa.Table:
    """A FOUND row for each document that was preferred to others."""
    _, first = np.unique(found["kept"].to_numpy(), return_index=True)
    kept = found.take(pa.array(first))
    own = [kept[name] for name in REMOVED.names[3:]]
    fixed = [pa.array([kind] * len(kept), pa.string()), pa.array(np.ones(len(kept)))]
    unknown = [pa.nulls(len(kept), field.type) for field in PARTNERS][1:]
    return pa.Table.from_arrays([*own, *own, *fixed, *unknown], schema=FOUND)


def removed_of(members: pa.Table) -> pa.Table:
    """The rows of `duplicates` whose documents do not stay."""
    return members.filter(pc.not_equal(members["kind"], KEPT))


def ledger_part(part: Part, ledger: LedgerFile, threshold: float) -> tuple[PartFile | None, Counts]:
    """The ledger rows of a part's duplicates but the kept ones."""
    if part.duplicates is None:
        return None, {}
    removed = removed_of(pa.Table.from_batches(read_part(part.duplicates)))
    is_near = pc.equal(removed["kind"], "near")
    columns = {
        "row": removed["row"],
        "reason": removed["kind"],
        "broken": pa.array([[kind] for kind in removed["kind"].to_pylist()], pa.list_(pa.string())),
        "signal": pc.if_else(is_near, "jaccard", None),
        "value": pc.if_else(is_near, removed["matched_similarity"], None),
        "bound": pc.if_else(is_near, f"< {threshold:g}", None),
        "matched_id": removed["kept_id"],
        "similarity": removed["similarity"],
    }
    return ledger.write(part, pa.table(columns))


def revisions(
    part: Part, batches: Iterator[pa.RecordBatch], ledger: str | None, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Where the rows of `duplicates` about a part differ from what was removed of it before, which `ledger` says."""
    rows = list(batches)
    members = removed_of(pa.Table.from_batches(rows)) if rows else None
    known = list(read_part(ledger, ["row"])) if ledger else []
    before = np.concatenate([np.zeros(0, np.int32), *[batch.column(0).to_numpy() for batch in known]])
    now = members["row"].to_numpy() if members else np.zeros(0, np.int32)
    if members:
        new = members.filter(pa.array(~np.isin(now, before)))
        yield _revision_rows(new.append_column("verdict", pa.array(["removed"] * len(new), pa.string())), schema)
    restored = np.setdiff1d(before, now)
    columns = {"row": pa.array(restored), "id": take_signals(part, restored.astype(np.int64), ["id"])["id"]}
    columns["verdict"] = pa.array(["restored"] * len(restored), pa.string())
    yield _revision_rows(pa.table(columns), schema)


def _revision_rows(rows: pa.Table, schema: pa.Schema) -> pa.RecordBatch:
    absent = pa.nulls(len(rows), pa.null())
    columns = [
        (rows[field.name].combine_chunks() if field.name in rows.column_names else absent).cast(field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
