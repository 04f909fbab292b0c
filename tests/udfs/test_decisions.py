"""What is left of a part, and its texts, whatever the row groups; ledger rows."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_parts import document, ledger_of, make_part, rows_of, write_rows

from pipelines.tables import LEDGER
from udfs import parts
from udfs.copies import REMOVED, node_of
from udfs.decisions import Part, count_sources, left_rows, removed_rows, signals_left, take_signals, texts_at

N_DOCUMENTS = 10


@pytest.fixture(scope="module")
def part(tmp_path_factory) -> Part:
    """Part 3, of ten documents in row groups of four."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "ROW_GROUP_ROWS", 4)
        patch.setattr(parts, "BATCH_ROWS", 2)
        folder = tmp_path_factory.mktemp("part")
        documents = [document(i, f"text number {i}", url=f"http://h/{i}") for i in range(N_DOCUMENTS)]
        return make_part(folder, documents, 3)


def test_what_ledgers_and_steps_have_removed_is_not_left(part, tmp_path):
    one = write_rows(tmp_path / "one", 3, LEDGER, [{"row": 1}, {"row": 4}])
    two = write_rows(tmp_path / "two", 3, LEDGER, [{"row": 9}])
    nodes = [int(node_of(number, np.array([row]))[0]) for number, row in ((2, 5), (3, 7), (4, 6))]
    steps = write_rows(tmp_path / "steps", 1, REMOVED, [{"node": node, "kept": 0} for node in nodes])
    cut = Part(part.number, part.documents, part.signals, (one, two), steps=(steps,))
    assert sorted(removed_rows(cut).tolist()) == [1, 4, 7, 9]
    left = pa.Table.from_batches(signals_left(cut, ["id"]))
    assert left["row"].to_pylist() == [0, 2, 3, 5, 6, 8]
    assert left_rows(cut).tolist() == left["row"].to_pylist()
    assert count_sources(cut) == {"web": 6}
    assert left["id"].to_pylist() == [f"{row:032x}" for row in left["row"].to_pylist()]


def test_everything_is_left_where_nothing_was_removed(part):
    assert sum(batch.num_rows for batch in signals_left(part, [])) == N_DOCUMENTS


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.integers(0, N_DOCUMENTS - 1)))
def test_texts_come_with_their_rows_from_any_row_groups(part, chosen):
    rows = np.array(sorted(chosen), np.int64)
    found = [
        (row, text)
        for documents, rows_here in texts_at(part, rows, ["text"])
        for row, text in zip(rows_here.tolist(), documents.column("text").to_pylist(), strict=True)
    ]
    assert found == [(row, f"text number {row}") for row in sorted(chosen)]


def test_signals_are_taken_in_the_order_asked_for(part):
    assert take_signals(part, np.array([8, 0, 8]), ["url"])["url"].to_pylist() == [
        "http://h/8",
        "http://h/0",
        "http://h/8",
    ]


def test_a_ledger_stands_in_the_order_of_rows_with_what_is_known_of_each(part, tmp_path):
    removed = pa.table({"row": pa.array([5, 2], pa.int32()), "reason": ["b", "a"], "broken": [["b"], ["a"]]})
    written, counts = ledger_of(tmp_path, "dedup").write(part, removed)
    assert written is not None
    rows = rows_of(tmp_path / "ledger/dedup" / written.path)
    assert [(row["row"], row["reason"], row["url"]) for row in rows] == [(2, "a", "http://h/2"), (5, "b", "http://h/5")]
    assert rows[0]["excerpt"] == "text number 2"
    assert (rows[0]["signal"], rows[0]["similarity"]) == (None, None)
    assert written.number == part.number
    assert counts == {("web", "a"): 1, ("web", "b"): 1}


def test_a_part_of_which_nothing_is_removed_has_no_ledger(part, tmp_path):
    nothing = pa.table({"row": pa.array([], pa.int32()), "reason": pa.array([], pa.string())})
    assert ledger_of(tmp_path).write(part, nothing) == (None, {})
    assert not list(tmp_path.iterdir())
