"""Parts come back as they were written, with the counts and digests that their record has."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest

from udfs import parts
from udfs.parts import PartWriter, digest_part, part_name, read_batches, read_part, write_empty, write_part

SCHEMA = pa.schema([("id", pa.string()), ("n", pa.int64())])


def test_a_part_is_read_back_as_written_and_its_record_holds(tmp_path):
    rows = [{"id": str(i), "n": i} for i in range(10)]
    with PartWriter(str(tmp_path), "part.parquet", SCHEMA) as writer:
        writer.write(pa.RecordBatch.from_pylist(rows[:7], SCHEMA))
        for row in rows[7:]:
            writer.write_row(row)
    file = tmp_path / writer.part.path
    assert [row for batch in read_part(str(file)) for row in batch.to_pylist()] == rows
    assert writer.part.n_rows == 10
    assert writer.part.n_bytes == file.stat().st_size
    assert writer.part.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert writer.part.digest == digest_part(str(file))


def test_without_rows_there_is_no_file(tmp_path):
    with PartWriter(str(tmp_path), "part.parquet", SCHEMA) as writer:
        writer.write(pa.RecordBatch.from_pylist([], SCHEMA))
    assert writer.part is None
    assert not list(tmp_path.iterdir())


def test_a_part_may_be_written_that_says_there_are_no_rows(tmp_path):
    part = write_empty(str(tmp_path), "part.parquet", SCHEMA)
    assert part is not None
    assert (part.n_rows, part.n_bytes) == (0, (tmp_path / "part.parquet").stat().st_size)
    assert list(read_part(str(tmp_path / "part.parquet"))) == []


def test_a_part_that_fails_before_its_end_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "ROW_GROUP_ROWS", 1)
    with (  # noqa: PT012 - the block is what fails
        pytest.raises(ZeroDivisionError),
        PartWriter(str(tmp_path), "part.parquet", SCHEMA) as writer,
    ):
        writer.write(pa.RecordBatch.from_pylist([{"id": "x", "n": 1}], SCHEMA))
        writer.write_row({"id": "y", "n": 1 // 0})
    assert not list(tmp_path.iterdir())


def test_row_groups_are_bounded_in_bytes_and_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "ROW_GROUP_BYTES", 1000)
    monkeypatch.setattr(parts, "ROW_GROUP_ROWS", 5)
    with PartWriter(str(tmp_path), "part.parquet", SCHEMA) as writer:
        for i in range(12):
            writer.write(pa.RecordBatch.from_pylist([{"id": "x" * (2000 if i == 1 else 1), "n": i}], SCHEMA))
    sizes = [batch.num_rows for batch in read_part(str(tmp_path / "part.parquet"))]
    assert sizes == [2, 5, 5]


def test_rows_are_batched_by_bytes_and_by_number(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "BATCH_BYTES", 1000)
    monkeypatch.setattr(parts, "BATCH_ROWS", 4)
    with PartWriter(str(tmp_path), "part.parquet", SCHEMA) as writer:
        for i in range(11):
            writer.write_row({"id": "x" * (990 if i == 1 else 10), "n": i})
    assert [row["n"] for batch in read_part(str(tmp_path / "part.parquet")) for row in batch.to_pylist()] == list(
        range(11)
    )
    assert {batch.num_rows for batch in read_batches(str(tmp_path / "part.parquet"), ["n"])} == {11}
    assert [batch.num_rows for batch in read_batches(str(tmp_path / "part.parquet"), ["id"])] == [11]


def test_random_numbers_take_no_more_than_their_bytes(tmp_path):
    """As band keys are: a dictionary of them is a second copy, or an index more."""
    n_rows = parts.ROW_GROUP_ROWS
    numbers = pa.array(np.random.default_rng(0).integers(-(2**63), 2**63 - 1, n_rows))
    batch = pa.record_batch([pa.array([""] * n_rows), numbers], schema=SCHEMA)
    part = write_part(str(tmp_path), "part.parquet", SCHEMA, [batch])
    assert part is not None
    assert part.n_bytes < 8 * n_rows + 2000


def test_the_same_rows_give_the_same_bytes(tmp_path):
    for folder in ("a", "b"):
        with PartWriter(str(tmp_path / folder), "part.parquet", SCHEMA) as writer:
            writer.write_row({"id": "x", "n": 1})
    assert (tmp_path / "a" / "part.parquet").read_bytes() == (tmp_path / "b" / "part.parquet").read_bytes()


def test_a_part_is_named_after_its_number_and_the_stage_run():
    assert part_name(7, "3fa9c1d2aabb") == "part-00007-3fa9c1d2.parquet"
