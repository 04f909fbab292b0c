"""Counting values in bins: edges, missing values, languages, verdicts and sources, over the rows of a part."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.decisions import Part
from udfs.histograms import Axis, Histogram, HistogramPlan, count_part
from udfs.parts import write_part
from udfs.verdicts import Check

SIGNALS = pa.schema(
    [
        ("row", pa.int32()),
        ("source", pa.string()),
        ("language", pa.string()),
        ("n_words", pa.int64()),
        ("gopher", pa.struct([("ratio", pa.float64())])),
    ]
)
LEDGER = pa.schema([("row", pa.int32())])


@given(st.lists(st.floats(-5, 5), min_size=1), st.sets(st.integers(-4, 4), min_size=1))
def test_every_value_falls_where_its_side_of_the_edges_is(values, chosen):
    edges = tuple(float(edge) for edge in sorted(chosen))
    left = Axis(edges, "left").bins(np.array(values))
    right = Axis(edges, "right").bins(np.array(values))
    assert left.tolist() == [sum(edge <= value for edge in edges) for value in values]
    assert right.tolist() == [sum(edge < value for edge in edges) for value in values]


def test_what_is_missing_has_the_last_bin():
    assert Axis((0.0, 1.0), "left").bins(np.array([np.nan, 9.0])).tolist() == [3, 2]


@pytest.fixture
def part(tmp_path) -> Part:
    rows = [
        ("web", "en", 1, 0.1),
        ("web", "en", 5, 0.2),
        ("books", "fr", 5, None),
        ("other", None, 50, 0.9),
        ("web", "fr", 5, 0.9),
    ]
    columns = ("source", "language", "n_words", "gopher")
    table = [{"row": i, **dict(zip(columns, (*row[:3], {"ratio": row[3]}), strict=True))} for i, row in enumerate(rows)]
    write_part(str(tmp_path), "signals-0", SIGNALS, [pa.RecordBatch.from_pylist(table, SIGNALS)])
    write_part(str(tmp_path), "ledger-0", LEDGER, [pa.RecordBatch.from_pylist([{"row": 0}, {"row": 4}], LEDGER)])
    return Part(0, "unread", f"{tmp_path}/signals-0", (f"{tmp_path}/ledger-0",))


def count(part: Part, *histograms: Histogram) -> list[tuple[int, ...]]:
    """(signal, group, variant, kept, bin, n) of every count."""
    batches = count_part(part, HistogramPlan(("web", "books"), histograms))
    return [tuple(row.values()) for batch in batches for row in batch.to_pylist()]


def test_documents_are_counted_by_source_and_verdict(part):
    words = Histogram(Check("", "n_words", None), Axis((2.0, 10.0), "left"), ((),))
    assert count(part, words) == [
        (0, 0, 0, False, 0, 1),
        (0, 0, 0, False, 1, 1),
        (0, 0, 0, True, 1, 1),
        (0, 1, 0, True, 1, 1),
        (0, 2, 0, True, 2, 1),
    ]


def test_languages_with_a_bound_of_their_own_are_counted_apart(part):
    ratio = Histogram(Check("", "gopher.ratio", None), Axis((0.5,), "right"), ((), ("fr",)))
    found = {(variant, place): n for _, _, variant, _, place, n in count(part, ratio)}
    assert found == {(0, 0): 1, (0, 1): 1, (1, 1): 1, (1, 2): 1}


def test_each_histogram_holds_every_document(part):
    plans = [
        Histogram(Check("", "n_words", None), Axis((2.0,), "left"), ((),)),
        Histogram(Check("", "gopher.ratio", None), Axis((), "left"), ((), ("en",))),
    ]
    found = count(part, *plans)
    assert [sum(row[5] for row in found if row[0] == signal) for signal in (0, 1)] == [5, 5]
