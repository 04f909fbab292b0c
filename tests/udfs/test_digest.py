"""The digest of rows sees every change of a value and no change of order."""

import struct
from typing import Any

import numpy as np
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


MASK = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix64(x: int) -> int:
    for shift, factor in ((33, 0xFF51AFD7ED558CCD), (33, 0xC4CEB9FE1A85EC53), (33, 1)):
        x = (x ^ x >> shift) * factor & MASK
    return x


def hash_value(value: Any) -> int:
    """The hash of a value as udfs/digest.py defines it, one number at a time."""
    if value is None:
        return 0x6E756C6C
    if isinstance(value, dict):
        return hash_row([value["a"], value["b"]])
    if isinstance(value, list):
        return hash_sequence([hash_value(item) for item in value], len(value))
    if isinstance(value, str):
        data = value.encode()
        words = [int.from_bytes(data[i : i + 8], "little") for i in range(0, len(data) + 1, 8)]
        return mix64(hash_steps(words[:-1], len(data)) ^ words[-1])
    if isinstance(value, float):
        value = int.from_bytes(struct.pack("<d", value if value == value else float("nan")), "little")
    return mix64((value & MASK) + GOLDEN & MASK)


def hash_steps(words: list[int], length: int) -> int:
    h = length * GOLDEN & MASK
    for word in words:
        h = mix64(h ^ word) * GOLDEN & MASK
    return h


def hash_sequence(words: list[int], length: int) -> int:
    return mix64(hash_steps(words, length))


def hash_row(values: list[Any]) -> int:
    h = 0
    for value in values:
        h = mix64((h ^ hash_value(value)) + GOLDEN & MASK)
    return h


def digest(rows) -> str:
    found = RowDigest()
    found.add(pa.RecordBatch.from_pylist(rows, SCHEMA))
    return found.hexdigest()


@settings(max_examples=300, deadline=None)
@given(st.lists(ROW, max_size=20), st.integers(0, 20), st.integers(0, 20))
def test_the_digest_is_that_of_plain_numbers_for_any_slice_of_rows(rows, start, length):
    found = RowDigest()
    found.add(pa.RecordBatch.from_pylist(rows, SCHEMA).slice(min(start, len(rows)), length))
    hashes = [hash_row([row[name] for name in SCHEMA.names]) for row in rows[start : start + length]]
    second = [mix64(h + GOLDEN & MASK) for h in hashes]
    assert found.hexdigest() == "".join(f"{sum(some) & MASK:016x}" for some in (hashes, second))


def test_numbers_of_any_width_are_digested_as_their_values():
    numbers, shares = [-1, 0, 7, None], [0.5, -0.0, float("inf"), None]
    narrow = pa.record_batch({"n": pa.array(numbers, pa.int32()), "x": pa.array(shares, pa.float32())})
    wide = pa.record_batch({"n": pa.array(numbers, pa.int64()), "x": pa.array(shares, pa.float64())})
    digests = set()
    for batch in (narrow, wide):
        found = RowDigest()
        found.add(batch)
        digests.add(found.hexdigest())
    assert len(digests) == 1


def test_every_nan_is_digested_alike_and_unlike_infinity():
    bits = [0x7FF8 << 48, 0xFFF8 << 48, (0x7FF0 << 48) + 1, 2**64 - 1, 0x7FF0 << 48, 0xFFF0 << 48]
    digests = []
    for value in np.array(bits, np.uint64).view(np.float64):
        found = RowDigest()
        found.add(pa.record_batch({"x": pa.array([value], pa.float64())}))
        digests.append(found.hexdigest())
    assert [digests.index(found) for found in digests] == [0, 0, 0, 0, 4, 5]


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
