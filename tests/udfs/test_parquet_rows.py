"""Rows of Parquet files, whole and damaged."""

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from udfs.members import Limits
from udfs.parquet_rows import read_parquet
from udfs.records import Damage, Record
from udfs.rows import Fields


def write(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, write_page_checksum=True, **options)
    return sink.getvalue()


def read(data: bytes, fields: Fields | None = None, **limits: int) -> list[Any]:
    return list(read_parquet(io.BytesIO(data), Limits(**limits), fields or Fields()))


ROWS = pa.table(
    {
        "text": [f"text {n} " + "words " * n for n in range(900)],
        "url": [f"http://a/{n}" for n in range(900)],
        "meta": [{"pile_set_name": "Books3", "other": n} for n in range(900)],
        "unused": [0.5] * 900,
    }
)


def test_every_row_is_a_record_at_its_number() -> None:
    outcomes = read(write(ROWS, row_group_size=300))
    assert [o.text for o in outcomes] == ROWS.column("text").to_pylist()
    assert [(o.ordinal, o.offset) for o in outcomes] == [(n, n) for n in range(900)]
    assert (outcomes[5].url, outcomes[5].source, outcomes[5].type) == ("http://a/5", "books3", "row")


def test_nested_text_and_other_string_types_are_found() -> None:
    table = pa.table({"body": [{"plain": "x"}], "id": pa.array(["i"]).dictionary_encode(), "text": pa.array(["no"])})
    (record,) = read(write(table), Fields(text=("body.plain",)))
    assert (record.text, record.record_id) == ("x", "i")


def test_rows_without_text_are_damage_one_by_one() -> None:
    outcomes = read(write(pa.table({"text": ["a", None, "c"]})))
    assert [getattr(o, "reason", "") for o in outcomes] == ["", "no_text_field", ""]
    assert [o.reason for o in read(write(pa.table({"other": [1, 2]})))] == ["no_text_field"] * 2


def test_text_that_is_not_utf8_and_text_that_is_too_long_cost_their_row() -> None:
    raw = pa.array([b"good", b"bad \xff", b"x" * 5_000, b"good"]).view(pa.string())
    outcomes = read(write(pa.table({"text": raw})), record_bytes=1_000)
    assert [getattr(o, "reason", "") for o in outcomes] == ["", "invalid_utf8", "too_large", ""]


def test_a_date_that_no_calendar_has_costs_its_row() -> None:
    dates = pa.array([0, 2**61, 0], pa.timestamp("ms"))
    outcomes = read(write(pa.table({"text": ["a", "b", "c"], "date": dates})))
    assert [getattr(o, "reason", "") for o in outcomes] == ["", "unreadable", ""]
    assert [o.offset for o in outcomes] == [0, 1, 2]


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" + bytes(100) + b"PAR1", b"\x1f\x8b\x08" + bytes(50)])
def test_what_is_no_parquet_file_makes_one_damage(data: bytes) -> None:
    (damage,) = read(data)
    assert (damage.reason, damage.ordinal, damage.offset) == ("unreadable", 0, 0)


def test_a_cut_file_makes_one_damage() -> None:
    data = write(ROWS)
    for cut in range(1, len(data), len(data) // 20):
        assert [o.reason for o in read(data[:cut])] == ["unreadable"]


def test_a_damaged_row_group_costs_its_own_rows() -> None:
    data = bytearray(write(ROWS, row_group_size=300, use_dictionary=False))
    group = pq.ParquetFile(io.BytesIO(bytes(data))).metadata.row_group(1)
    data[group.column(0).data_page_offset + group.column(0).total_compressed_size // 2] ^= 0xFF
    outcomes = read(bytes(data))
    damages = [o for o in outcomes if isinstance(o, Damage)]
    assert [(d.reason, d.offset) for d in damages] == [("unreadable", 300)]
    assert "rows 300 to 599" in damages[0].detail
    assert [o.offset for o in outcomes if isinstance(o, Record)] == [*range(300), *range(600, 900)]
    assert [o.ordinal for o in outcomes] == list(range(601))


def test_an_error_of_the_file_system_is_not_taken_for_damage() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output"):
        list(read_parquet(Broken(write(ROWS))))


def test_real_rows_are_read(shared_data: Path) -> None:
    with (shared_data / "shards/web-mixed-1.parquet").open("rb") as stream:
        outcomes = list(read_parquet(stream))
    assert len(outcomes) == 88
    assert all(isinstance(o, Record) and o.text for o in outcomes)


def test_a_file_whose_column_has_no_name_in_utf8_is_damage() -> None:
    whole = write(pa.table({"text": ["a"], "odd": ["b"]}), store_schema=False)
    (outcome,) = read(whole.replace(b"odd", b"o\xffd"))
    assert (outcome.reason, outcome.offset) == ("unreadable", 0)
