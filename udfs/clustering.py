"""From removed documents to rows of `duplicates`: whom each was kept for in the end, and what they form together."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from udfs.copies import REMOVED, halves, lookup
from udfs.decisions import Counts, LedgerFile, Part, Rows, take_signals
from udfs.near import SIMILAR
from udfs.parts import PartFile, read_part

KEPT, DROP_ALL = "kept", "drop_all"
"""Kinds of the preferred document of a cluster: that it stays, and that it goes too."""
LINKS = pa.schema([("node", pa.int64()), ("matched", pa.int64()), ("matched_similarity", pa.float64())])
FOUND = pa.schema(
    [
        ("node", pa.int64()),
        ("id", pa.string()),
        ("kept", pa.int64()),
        ("kept_id", pa.string()),
        ("kind", pa.string()),
        ("similarity", pa.float64()),
        ("matched", pa.int64()),
        ("matched_id", pa.string()),
        ("matched_similarity", pa.float64()),
    ]
)
PARTNERS = pa.schema(
    [LINKS.field(0), LINKS.field(1), ("matched_order", pa.int64()), ("matched_similarity", pa.float64())]
)
Steps = Mapping[str, str]
"""The URIs of a part of what the steps of the search have found, by step; those that found nothing are absent."""


def read_step(steps: Steps, name: str, schema: pa.Schema) -> pa.Table:
    return pa.Table.from_batches(read_part(steps[name]) if name in steps else [], schema)


def found_in(part: Part, steps: Steps) -> Iterator[pa.RecordBatch]:
    """FOUND rows of the documents of a part that some step removed; `kept` as that step has it."""
    for kind, similarity in (("url", np.nan), ("exact", 1.0)):
        removed = read_step(steps, kind, REMOVED)
        certain = np.full(len(removed), similarity)
        yield _found(part, kind, removed, certain, removed["kept"].to_numpy(), certain)
    removed = read_step(steps, "near", REMOVED)
    node = removed["node"].to_numpy()
    similar, links = read_step(steps, "similarity", SIMILAR), read_step(steps, "links", LINKS)
    _, (similarity,) = lookup(similar["node"].to_numpy(), [similar["similarity"].to_numpy()], node)
    link_values = [links[name].to_numpy() for name in ("matched", "matched_similarity")]
    _, (matched, matched_similarity) = lookup(links["node"].to_numpy(), link_values, node)
    yield _found(part, "near", removed, similarity, matched, matched_similarity)


def nearest(_: Part, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """LINKS: of the PARTNERS of each document the most similar one, of equal ones the first in order."""
    table = pa.Table.from_batches(list(batches), PARTNERS)
    order, similarity, node = (table[name].to_numpy() for name in ("matched_order", "matched_similarity", "node"))
    place = np.lexsort((order, -similarity, node))
    is_first = np.append(True, np.diff(node[place]) != 0)[: len(node)]
    yield from table.take(pa.array(place[is_first])).select(LINKS.names).to_batches()


def _found(
    part: Part, kind: str, removed: pa.Table, similarity: Any, matched: Rows, matched_similarity: Any
) -> pa.RecordBatch:
    n_rows = len(removed)
    columns = {
        "node": removed["node"],
        "id": take_signals(part, removed["node"].to_numpy() & 0xFFFFFFFF, ["id"])["id"],
        "kept": removed["kept"],
        "kept_id": pa.nulls(n_rows, pa.string()),
        "kind": pa.array([kind] * n_rows, pa.string()),
        "similarity": pa.array(similarity, pa.float64(), from_pandas=True),
        "matched": pa.array(matched),
        "matched_id": pa.nulls(n_rows, pa.string()),
        "matched_similarity": pa.array(matched_similarity, pa.float64(), from_pandas=True),
    }
    return (
        pa.table(columns, FOUND).combine_chunks().to_batches()[0] if n_rows else pa.RecordBatch.from_pylist([], FOUND)
    )


def follow(batches: Iterator[pa.RecordBatch], steps: Steps) -> Iterator[pa.RecordBatch]:
    """FOUND rows, whose kept documents are all of one part, with those that a later step removed replaced by the
    document kept there. A copy of a text is as similar to that one as the text; for a copy by URL it is not known."""
    exact, near = read_step(steps, "exact", REMOVED), read_step(steps, "near", REMOVED)
    similar = read_step(steps, "similarity", SIMILAR)
    for batch in batches:
        kept = batch.column("kept").to_numpy().copy()
        similarity = batch.column("similarity").to_numpy(zero_copy_only=False).copy()
        is_exact = np.asarray(pc.equal(batch.column("kind"), "exact"))
        in_exact, (kept_exact,) = lookup(exact["node"].to_numpy(), [exact["kept"].to_numpy()], kept)
        in_near, (kept_near,) = lookup(near["node"].to_numpy(), [near["kept"].to_numpy()], kept)
        _, (near_similarity,) = lookup(similar["node"].to_numpy(), [similar["similarity"].to_numpy()], kept)
        similarity = np.where(in_near & is_exact, near_similarity, similarity)
        kept = np.where(in_exact, kept_exact, np.where(in_near, kept_near, kept))
        batch = batch.set_column(2, "kept", pa.array(kept))
        yield batch.set_column(5, "similarity", pa.array(similarity, from_pandas=True))


def name_nodes(part: Part, batches: Iterator[pa.RecordBatch], column: str) -> Iterator[pa.RecordBatch]:
    """FOUND rows with `<column>_id` filled in; the documents of `column` are all of one part."""
    place = FOUND.get_field_index(f"{column}_id")
    for first in batches:  # an empty partition reads nothing
        ids = pa.Table.from_batches(read_part(part.signals, ["id"]))["id"].combine_chunks()
        for batch in (first, *batches):
            named = ids.take(pa.array(batch.column(column).to_numpy() & 0xFFFFFFFF))
            yield batch.set_column(place, FOUND.field(place), named)


def clusters(batches: Iterator[pa.RecordBatch], schema: pa.Schema, kept_kind: str = KEPT) -> Iterator[pa.RecordBatch]:
    """Rows of `duplicates`, with `node`: FOUND rows and the preferred document of each, of the kind `kept_kind`;
    `batches` holds whole clusters."""
    found = pa.Table.from_batches(list(batches), FOUND)
    kept_rows = _kept_rows(found, kept_kind)
    members = pa.concat_tables([found, kept_rows]).combine_chunks()
    kept = members["kept"].to_numpy()
    high, low = halves(members["id"].combine_chunks() if len(members) else pa.array([], pa.string()))
    order = np.lexsort((low, high, kept))
    is_first = np.append(True, np.diff(kept[order]) != 0)[: len(order)]
    cluster = np.empty(len(order), np.int64)
    cluster[order] = np.cumsum(is_first) - 1
    cluster_ids = members["id"].take(pa.array(order[is_first])) if len(order) else members["id"]
    columns = {name: members[name] for name in FOUND.names}
    columns["cluster_id"] = cluster_ids.take(pa.array(cluster))
    columns["cluster_size"] = pa.array(np.bincount(cluster, minlength=1)[cluster].astype(np.int64))
    columns["row"] = pa.array((members["node"].to_numpy() & 0xFFFFFFFF).astype(np.int32))
    arrays = [columns[name] for name in ("node", *schema.names)]
    wide = pa.schema([("node", pa.int64()), *schema])
    yield from pa.Table.from_arrays(arrays, schema=wide).to_batches()


def _kept_rows(found: pa.Table, kind: str) -> pa.Table:
    """A FOUND row for each document that was preferred to others."""
    _, first = np.unique(found["kept"].to_numpy(), return_index=True)
    kept = found.take(pa.array(first))
    n_rows = len(kept)
    columns = {
        **dict.fromkeys(("node", "kept"), kept["kept"]),
        **dict.fromkeys(("id", "kept_id"), kept["kept_id"]),
        "kind": pa.array([kind] * n_rows, pa.string()),
        "similarity": pa.array(np.ones(n_rows)),
    }
    return pa.table([columns.get(field.name, pa.nulls(n_rows, field.type)) for field in FOUND], schema=FOUND)


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
