"""Records that an index names: those chosen are read from their places, and only those."""

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny_corpus import english, html, response

from pipelines.ingest import IngestSettings
from udfs.crawl_index import COLUMNS, Selection, read_index
from udfs.errors import InputError
from udfs.hashing import document_id
from udfs.ingest import FileCounts, read_file
from udfs.inputs import InputFile
from udfs.members import USUAL_LIMITS
from udfs.records import Damage, Record, Skipped

PAGES = [
    {"url": "https://a.example.org/1", "status": 200, "media_type": "text/html", "languages": "eng"},
    {"url": "https://example.org/2", "status": 404, "media_type": "text/html", "languages": "eng,deu"},
    {"url": "https://notexample.org/3", "status": 200, "media_type": "text/html", "languages": "deu,eng"},
    {"url": "https://b.org/4", "status": 200, "media_type": "application/pdf", "languages": ""},
]
SHA1 = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


@pytest.fixture
def rows(tmp_path: Path) -> list[dict[str, Any]]:
    """A WARC file of PAGES below a folder, and what an index says of it."""
    rows, data = [], b""
    for number, page in enumerate(PAGES):
        record = response(page["url"], html(english(number)))
        member = gzip.compress(record, mtime=0)
        rows.append({**page, "file": "crawl/a.warc.gz", "offset": len(data), "length": len(member), "digest": ""})
        data += member
    (tmp_path / "crawl").mkdir()
    (tmp_path / "crawl/a.warc.gz").write_bytes(data)
    return rows


def as_parquet(rows: list[dict[str, Any]]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({column: [row[name] for row in rows] for name, column in COLUMNS.items()}), sink)
    return sink.getvalue()


def as_cdxj(rows: list[dict[str, Any]]) -> bytes:
    lines = []
    for row in rows:
        entry = {**row, "status": str(row["status"]), "mime-detected": row["media_type"], "filename": row["file"]}
        entry |= {"offset": str(row["offset"]), "length": str(row["length"])}
        lines.append(f"org,example)/ 20240101000000 {json.dumps(entry)}\n")
    return gzip.compress("".join(lines).encode())


def read(index: bytes, root: Path, **chosen: Any) -> list[Any]:
    return list(read_index(io.BytesIO(index), USUAL_LIMITS, Selection(str(root), **chosen)))


@pytest.mark.parametrize("write", [as_parquet, as_cdxj])
@pytest.mark.parametrize(
    ("chosen", "numbers"),
    [
        ({}, [0, 1, 2, 3]),
        ({"domains": ("example.org",)}, [0, 1]),
        ({"domains": ("a.example.org", "b.org")}, [0, 3]),
        ({"languages": ("eng",)}, [0, 1]),
        ({"statuses": (200, 204)}, [0, 2, 3]),
        ({"media_types": ("application/pdf",), "statuses": (200,)}, [3]),
        ({"domains": ("none.example",)}, []),
    ],
)
def test_the_chosen_records_are_read_and_the_others_skipped(rows, tmp_path, write, chosen, numbers) -> None:
    outcomes = read(write(rows), tmp_path, **chosen)
    assert [outcome.ordinal for outcome in outcomes] == [0, 1, 2, 3]
    found = [outcome for outcome in outcomes if isinstance(outcome, Record)]
    assert [(record.ordinal, record.url, record.payload) for record in found] == [
        (number, PAGES[number]["url"], html(english(number))) for number in numbers
    ]
    assert all((record.file, record.offset) == ("crawl/a.warc.gz", rows[record.ordinal]["offset"]) for record in found)
    assert sum(outcome == Skipped(outcome.ordinal, "not_selected") for outcome in outcomes) == 4 - len(numbers)


def test_a_record_that_is_not_the_one_the_index_means_is_damage(rows, tmp_path) -> None:
    record = response("https://x.example/", b"<p>x").replace(
        b"Content-Length", b"WARC-Payload-Digest: x:Q\r\nContent-Length", 1
    )
    (tmp_path / "b.warc").write_bytes(record)
    row = {**rows[0], "file": "b.warc", "offset": 0, "length": len(record)}
    outcomes = read(as_parquet([{**row, "digest": SHA1}, {**row, "digest": "Q"}, row]), tmp_path)
    assert [type(outcome) for outcome in outcomes] == [Damage, Record, Record]
    assert (outcomes[0].reason, outcomes[0].file) == ("digest", "b.warc")


def test_places_that_hold_no_record_are_damage(rows, tmp_path) -> None:
    middle = {**rows[1], "offset": rows[1]["offset"] + 7}
    short = {**rows[1], "length": rows[1]["length"] - 20}
    beyond = {**rows[3], "offset": 1_000_000}
    outcomes = read(as_parquet([middle, short, beyond, rows[0]]), tmp_path)
    assert [getattr(outcome, "reason", "") for outcome in outcomes] == ["not_warc", "truncated", "empty", ""]
    assert [outcome.ordinal for outcome in outcomes] == [0, 1, 2, 3]


def test_lines_that_say_no_place_are_damage_each(rows, tmp_path) -> None:
    index = b'no json\norg) 2024 {"url": "x"}\n\norg) 2024 [1]\n' + gzip.decompress(as_cdxj(rows[:1])).rstrip()
    outcomes = read(index, tmp_path)
    assert [getattr(outcome, "reason", "") for outcome in outcomes] == ["not_json", "bad_header", "not_json", ""]
    assert isinstance(outcomes[3], Record)


@pytest.mark.parametrize("write", [as_parquet, as_cdxj])
@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"file": ""}, "bad_header"),
        ({"offset": -1}, "bad_header"),
        ({"length": -1}, "bad_header"),
        ({"length": USUAL_LIMITS.record_bytes + 1}, "too_large"),
    ],
)
def test_rows_that_cannot_be_right_are_damage_at_their_place(rows, tmp_path, write, wrong, reason) -> None:
    good, bad = read(write([rows[0], {**rows[1], **wrong}]), tmp_path)
    assert isinstance(good, Record)
    line_bytes = gzip.decompress(as_cdxj(rows[:1]))
    place = 1 if write is as_parquet else len(line_bytes)
    assert (bad.ordinal, bad.offset, bad.reason, bad.file) == (1, place, reason, "")


def test_an_index_without_some_columns_leaves_their_choice_empty(rows, tmp_path) -> None:
    table = pq.read_table(io.BytesIO(as_parquet(rows))).drop_columns(["content_languages", "content_digest"])
    sink = io.BytesIO()
    pq.write_table(table, sink)
    assert [type(o) for o in read(sink.getvalue(), tmp_path)] == [Record] * 4
    assert [type(o) for o in read(sink.getvalue(), tmp_path, languages=("eng",))] == [Skipped] * 4
    pq.write_table(table.drop_columns(["warc_record_offset"]), sink := io.BytesIO())
    assert [o.reason for o in read(sink.getvalue(), tmp_path)] == ["bad_header"] * 4


def test_an_index_that_cannot_be_read_is_damage(rows, tmp_path) -> None:
    (outcome,) = read(as_parquet(rows)[:-6], tmp_path)
    assert (outcome.ordinal, outcome.reason) == (0, "unreadable")
    (outcome,) = read(b'org)/ 2024 {"a": ' + b"[" * 100_000, tmp_path)
    assert outcome.reason == "not_json"


def test_a_file_that_is_not_there_is_named(rows, tmp_path) -> None:
    with pytest.raises(InputError, match=r"crawl/none\.warc"):
        read(as_parquet([{**rows[0], "file": "crawl/none.warc"}]), tmp_path)


def test_documents_stand_where_the_index_says_and_are_numbered_by_its_rows(rows, tmp_path) -> None:
    (tmp_path / "a.cdxj.gz").write_bytes(as_cdxj(rows))
    select = Selection(str(tmp_path), statuses=(200,))
    file = InputFile(str(tmp_path / "a.cdxj.gz"), "a.cdxj.gz", "crawl", "index", None, {}, select=select)
    counts = FileCounts.of(file)
    documents = [row for _, row in read_file(file, IngestSettings().plan(), counts)]
    assert [row["id"] for row in documents] == [document_id("crawl", "a.cdxj.gz", number) for number in (0, 2, 3)]
    assert {row["file_path"] for row in documents} == {"crawl/a.warc.gz"}
    assert [row["record_offset"] for row in documents] == [rows[number]["offset"] for number in (0, 2, 3)]
    assert (counts.records, counts.skipped, counts.documents) == (4, {"not_selected": 1}, 3)
