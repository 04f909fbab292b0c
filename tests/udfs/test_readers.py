"""Kinds of files by their names, and the reader of each."""

import doctest
import io
from pathlib import Path

import pytest
from warc_bytes import response, warc_record

import udfs.readers
from udfs.readers import Kind, guess_kind, read
from udfs.records import Damage, Record, Skipped


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(udfs.readers).failed == 0


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("CC-MAIN-2024.warc.gz", "warc"),
        ("hdfs://n/a/b.warc", "warc"),
        ("b.WARC.ZST", "warc"),
        ("CC-MAIN-2024.warc.wet.gz", "wet"),
        ("CC-MAIN-2024.warc.wat.gz", "wat"),
        ("1213893279526_0.arc.gz", "arc"),
        ("c4-train.00000-of-01024.json.gz", "jsonl"),
        ("pile/00.jsonl.zst", "jsonl"),
        ("a.ndjson", "jsonl"),
        ("part-0.snappy.parquet", "parquet"),
        ("warc.paths.gz", None),
        ("notes.txt", None),
        ("", None),
    ],
)
def test_kinds_are_told_by_name(name: str, kind: Kind | None) -> None:
    assert guess_kind(name) == kind


def test_each_kind_has_its_reader() -> None:
    assert isinstance(next(read("warc", io.BytesIO(response(1)))), Record)
    assert isinstance(next(read("wat", io.BytesIO(warc_record(1, b"{}", {"WARC-Type": "metadata"})))), Skipped)
    assert isinstance(next(read("jsonl", io.BytesIO(b'{"text": "x"}'))), Record)
    assert isinstance(next(read("index", io.BytesIO(b"no index\n"))), Damage)
    assert isinstance(next(read("parquet", io.BytesIO(b"no parquet"))), Damage)


def test_every_real_file_is_read_by_its_name(shared_data: Path) -> None:
    files = [*shared_data.glob("shards/*"), *shared_data.glob("warc/*/*")]
    for file in files:
        kind = guess_kind(file.name)
        assert kind is not None
        if kind != "arc":
            with file.open("rb") as stream:
                assert any(not isinstance(outcome, Damage) for outcome in read(kind, stream)) or "clipped" in file.name
