"""The digest of rows sees every change of a value and no change of order."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs.digest import RowDigest, add_digests

SCHEMA = pa.schema(
    [
        ("text", pa.string()),
        ("number", pa.int64()),
        ("share", pa.float64()),
        ("flag", pa.bool_()),
        ("keys", pa.list_(pa.int64())),
        ("signals", pa.struct([("a", pa.float64()), ("b", pa.string())])),
    ]
)
ROW = st.fixed_dictionaries(
    {
        "text": st.none() | st.text(max_size=20),
        "number": st.none() | st.integers(-(2**63), 2**63 - 1),
        "share": st.none() | st.floats(),
        "flag": st.none() | st.booleans(),
        "keys": st.none() | st.lists(st.integers(-5, 5), max_size=3),
        "signals": st.none()
        | st.fixed_dictionaries({"a": st.none() | st.floats(), "b": st.none() | st.text(max_size=3)}),
    }
)


def digest(rows) -> str:
    found = RowDigest()
    found.add(pa.RecordBatch.from_pylist(rows, SCHEMA))
    return found.hexdigest()


@settings(deadline=None)
@given(st.lists(ROW, max_size=8), st.randoms())
def test_order_and_parts_do_not_matter(rows, random):
    shuffled = random.sample(rows, len(rows))
    cut = random.randint(0, len(rows))
    assert digest(shuffled) == digest(rows)
    assert add_digests([digest(shuffled[:cut]), digest(shuffled[cut:])]) == digest(rows)


@settings(deadline=None)
@given(st.lists(ROW, min_size=1, max_size=4))
def test_a_row_more_or_less_is_seen(rows):
    assert digest(rows) != digest(rows[1:])
    assert digest(rows) != digest([*rows, rows[0]])


BASE = {"text": "ab", "number": 1, "share": 0.5, "flag": True, "keys": [1, 2], "signals": {"a": 1.0, "b": "x"}}


@pytest.mark.parametrize(
    "change",
    [
        {"text": "ba"}, {"text": ""}, {"text": None}, {"number": 2}, {"number": None}, {"share": 0.5000001},
        {"share": float("nan")}, {"flag": False}, {"flag": None}, {"keys": [2, 1]}, {"keys": [1, 2, 0]}, {"keys": []},
        {"keys": None}, {"signals": {"a": 1.0, "b": "y"}}, {"signals": {"a": None, "b": "x"}}, {"signals": None},
    ],
)  # fmt: skip
def test_every_change_of_a_value_is_seen(change):
    assert digest([{**BASE, **change}]) != digest([BASE])


def test_a_value_moved_to_another_column_is_seen():
    schema = pa.schema([("a", pa.string()), ("b", pa.string())])
    digests = set()
    for row in ({"a": "x", "b": None}, {"a": None, "b": "x"}):
        found = RowDigest()
        found.add(pa.RecordBatch.from_pylist([row], schema))
        digests.add(found.hexdigest())
    assert len(digests) == 2


def test_slices_are_digested_as_the_rows_they_show():
    rows = [{**BASE, "number": i, "keys": [i] * (i % 3), "signals": {"a": i / 7, "b": str(i)}} for i in range(9)]
    whole = pa.RecordBatch.from_pylist(rows, SCHEMA)
    found = RowDigest()
    found.add(whole.slice(2, 5))
    assert found.hexdigest() == digest(rows[2:7])
