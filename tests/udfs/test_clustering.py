"""From what the steps removed to clusters: chains are followed to their end, a cluster has its smallest id."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tiny_parts import document, ledger_of, make_part, rows_of, write_rows

from pipelines.tables import DUPLICATES, LEDGER, REVISIONS
from udfs.clustering import (
    DROP_ALL,
    FOUND,
    KEPT,
    PARTNERS,
    clusters,
    follow,
    found_in,
    ledger_part,
    not_compared,
    revisions,
)
from udfs.copies import REMOVED, halves
from udfs.decisions import Part
from udfs.near import PAIRS, SIMILAR

IDS = [f"{number:032x}" for number in (7, 3, 5, 1, 9)]
ID = list(zip(*(half.tolist() for half in halves(pa.array(IDS))), strict=True))


@pytest.fixture(scope="module")
def part(tmp_path_factory) -> Part:
    """Part 0 of five documents, whose ids are not in the order of their rows."""
    documents = [document(0, f"Text {row}", url=f"http://h/{row}") | {"id": one} for row, one in enumerate(IDS)]
    return make_part(tmp_path_factory.mktemp("part"), documents)


@pytest.fixture(scope="module")
def steps(tmp_path_factory) -> dict[str, str]:
    """Document 0 is a copy of 1's URL, 1 of 2's text, 2 is near 3; nothing is like 4."""
    folder = tmp_path_factory.mktemp("steps")

    def write(name: str, schema: pa.Schema, *row: Any) -> str:
        return write_rows(folder / name, 0, schema, [dict(zip(schema.names, row, strict=True))])

    return {
        "url": write("url", REMOVED, 0, *ID[0], 1, *ID[1]),
        "exact": write("exact", REMOVED, 1, *ID[1], 2, *ID[2]),
        "near": write("near", REMOVED, 2, *ID[2], 3, *ID[3]),
        "partners": write("partners", PARTNERS, 2, 3, *ID[3], 0.9),
    }


def part_of_a_chain(folder: Path) -> dict[str, str]:
    """Document 0 is as similar to 1 as to 4, whose id is larger, and less so to 2; 3 was compared with 1 only."""
    partners = [(0, 2, *ID[2], 0.8), (0, 4, *ID[4], 0.9), (0, 1, *ID[1], 0.9), (1, 3, *ID[3], 0.85)]
    removed = [(0, *ID[0], 3, *ID[3]), (1, *ID[1], 3, *ID[3])]
    rows = {"near": (REMOVED, removed), "partners": (PARTNERS, partners)}
    return {
        name: write_rows(folder / name, 0, schema, [dict(zip(schema.names, row, strict=True)) for row in values])
        for name, (schema, values) in rows.items()
    }


def found(steps: dict[str, str]) -> pa.Table:
    return pa.Table.from_batches(follow(follow(found_in(steps), steps), steps), FOUND)


def clustered(steps: dict[str, str], kind: str = KEPT) -> pa.Table:
    wide = pa.schema([("node", pa.int64()), *DUPLICATES])
    return pa.Table.from_batches(clusters(iter(found(steps).to_batches()), DUPLICATES, kind), wide)


def test_a_chain_of_copies_ends_at_the_document_kept_in_the_end(steps):
    rows = {row["node"]: row for row in clustered(steps).to_pylist()}
    assert [rows[node]["kept_id"] for node in (0, 1, 2)] == [IDS[3]] * 3
    assert [rows[node]["kind"] for node in (0, 1, 2)] == ["url", "exact", "near"]
    assert [rows[node]["matched_id"] for node in (0, 1, 2)] == [IDS[1], IDS[2], IDS[3]]


def test_a_copy_of_a_text_is_as_similar_as_the_text_and_a_copy_of_a_url_is_not_compared(steps):
    rows = {row["node"]: row for row in clustered(steps).to_pylist()}
    assert [rows[node]["similarity"] for node in (0, 1, 2)] == [None, 0.9, 0.9]
    assert [rows[node]["matched_similarity"] for node in (0, 1, 2)] == [None, 1.0, 0.9]


def test_the_nearest_partner_is_matched_and_only_who_was_not_compared_with_the_kept_one_is_still_to_be(tmp_path):
    steps = part_of_a_chain(tmp_path)
    rows = {row["node"]: row for row in pa.Table.from_batches(found_in(steps), FOUND).to_pylist()}
    assert [(rows[node]["matched"], rows[node]["matched_similarity"]) for node in (0, 1)] == [(1, 0.9), (3, 0.85)]
    assert [rows[node]["similarity"] for node in (1,)] == [0.85]
    pairs = pa.Table.from_batches(not_compared(steps, 1000), PAIRS).to_pylist()
    assert pairs == [{"left": ID[3][0], "right": ID[0][0], "centre": 3, "node": 0, "large": 0}]
    later = [dict(zip(SIMILAR.names, (3, *ID[3], 0, *ID[0], 0.75), strict=True))]
    steps["similarity"] = write_rows(tmp_path / "similarity", 0, SIMILAR, later)
    rows = {row["node"]: row for row in pa.Table.from_batches(found_in(steps), FOUND).to_pylist()}
    assert [rows[node]["similarity"] for node in (0, 1)] == [0.75, 0.85]
    assert sum(batch.num_rows for batch in not_compared(steps, 1000)) == 0


def test_a_cluster_has_its_smallest_id_its_size_and_a_row_for_the_one_kept(steps):
    rows = clustered(steps).to_pylist()
    assert {row["cluster_id"] for row in rows} == {min(IDS[:4])}
    assert {(row["id"], row["row"]) for row in rows} == set(zip(IDS[:4], range(4), strict=True))
    assert {row["cluster_size"] for row in rows} == {4}
    (kept,) = [row for row in rows if row["kind"] == "kept"]
    assert (kept["id"], kept["kept_id"], kept["similarity"], kept["matched_id"]) == (IDS[3], IDS[3], 1.0, None)


def test_two_clusters_are_two(steps):
    rows = clustered({name: steps[name] for name in ("url", "near", "partners")}).to_pylist()
    assert sorted((row["row"], row["cluster_id"], row["cluster_size"]) for row in rows) == [
        (0, IDS[1], 2),
        (1, IDS[1], 2),
        (2, IDS[3], 2),
        (3, IDS[3], 2),
    ]


def test_nothing_found_is_no_cluster():
    assert sum(batch.num_rows for batch in clusters(iter([]), DUPLICATES)) == 0


def test_the_ledger_has_every_member_but_the_one_kept_with_its_reason(part, steps, tmp_path):
    rows = clustered(steps).drop_columns("node").to_pylist()
    uri = write_rows(tmp_path / "duplicates", 0, DUPLICATES, rows)
    cut = Part(0, part.documents, part.signals, duplicates=uri)
    written, counts = ledger_part(cut, ledger_of(tmp_path, "dedup"), threshold=0.8)
    assert written is not None
    ledger = rows_of(tmp_path / "ledger/dedup" / written.path)
    assert [(row["row"], row["reason"], row["matched_id"]) for row in ledger] == [
        (0, "url", IDS[3]),
        (1, "exact", IDS[3]),
        (2, "near", IDS[3]),
    ]
    near = ledger[2]
    assert (near["signal"], near["value"], near["bound"], near["similarity"]) == ("jaccard", 0.9, "< 0.8", 0.9)
    assert [row["value"] for row in ledger[:2]] == [None, None]
    assert counts == {("web", "url"): 1, ("web", "exact"): 1, ("web", "near"): 1}


def test_where_all_of_a_cluster_go_the_preferred_one_stands_in_the_ledger_too(part, steps, tmp_path):
    rows = clustered(steps, DROP_ALL).drop_columns("node").to_pylist()
    cut = replace(part, duplicates=write_rows(tmp_path / "duplicates", 0, DUPLICATES, rows))
    written, counts = ledger_part(cut, ledger_of(tmp_path, "dedup"), threshold=0.8)
    assert written is not None
    ledger = rows_of(tmp_path / "ledger/dedup" / written.path)
    assert [(row["row"], row["reason"]) for row in ledger] == [(0, "url"), (1, "exact"), (2, "near"), (3, "drop_all")]
    assert counts["web", "drop_all"] == 1


def test_revisions_are_what_is_now_removed_and_what_no_longer_is(part, steps, tmp_path):
    rows = clustered(steps)
    before = write_rows(tmp_path / "before", 0, LEDGER, [{"row": row} for row in (0, 2, 4)])
    made = pa.Table.from_batches(revisions(part, iter(rows.to_batches()), before, REVISIONS), REVISIONS).to_pylist()
    assert [(row["row"], row["verdict"], row["id"], row["kept_id"]) for row in made] == [
        (1, "removed", IDS[1], IDS[3]),
        (4, "restored", IDS[4], None),
    ]
    nothing_now = pa.Table.from_batches(revisions(part, iter([]), before, REVISIONS), REVISIONS).to_pylist()
    assert [(row["row"], row["verdict"]) for row in nothing_now] == [(0, "restored"), (2, "restored"), (4, "restored")]
    assert sum(batch.num_rows for batch in revisions(part, iter([]), None, REVISIONS)) == 0


def test_a_part_without_duplicates_has_no_ledger(part, tmp_path):
    assert ledger_part(part, ledger_of(tmp_path, "dedup"), 0.8) == (None, {})
    assert len(found({})) == 0
