"""Records of any input to rows of the right table, each record once."""

import gzip
import hashlib
import json
from pathlib import Path

import pytest
from tiny_corpus import english, html, response, warc_record
from tiny_parts import rows_of

from pipelines.ingest import SCHEMAS, IngestSettings
from udfs.extract_child import extract_child
from udfs.hashing import document_id
from udfs.ingest import LEDGER, QUARANTINE, FileCounts, IngestPlan, IngestTask, ingest_part, read_file
from udfs.inputs import InputFile
from udfs.readers import Kind

PLAN = IngestSettings().plan()


@pytest.fixture(autouse=True)
def _child_ends():
    yield
    extract_child.cache_clear()


def read(file: Path, kind: Kind, plan: IngestPlan = PLAN, **fields: str):
    """(rows by table, counts) of a file."""
    given = InputFile(str(file), file.name, "crawl", kind, "CC-MAIN-2024-10", fields)
    counts = FileCounts.of(given)
    rows: dict[str, list] = {"documents": [], LEDGER: [], QUARANTINE: []}
    for table, row in read_file(given, plan, counts):
        rows[table].append(row)
    return rows, counts


def write_warc(file: Path, *records: bytes) -> Path:
    file.write_bytes(b"".join(gzip.compress(record, mtime=0) for record in records))
    return file


def write_rows(file: Path, *rows: object) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_records_are_documents_ledger_rows_quarantine_rows_or_skipped(tmp_path):
    records = [
        warc_record("warcinfo", b"software: x\r\n"),
        response("page", html(english(1))),
        response("gone", html(english(2)), status="410 Gone"),
        response("image", b"GIF89a", media_type="image/gif"),
        response("empty", b"<html></html>"),
        b"not a record at all",
        response("last", html(english(3))),
    ]
    rows, counts = read(write_warc(tmp_path / "a.warc.gz", *records), "warc")
    assert [row["url"].split(".")[0] for row in rows["documents"]] == ["https://page", "https://last"]
    assert [(row["reason"], row["excerpt"]) for row in rows[LEDGER]] == [
        ("status", "410"),
        ("media_type", "image/gif"),
        ("no_text", None),
    ]
    assert [row["reason"] for row in rows[QUARANTINE]] == ["bad_header"]
    assert (counts.records, counts.skipped, counts.quarantined) == (7, {"warcinfo": 1}, 1)
    assert (counts.removed, counts.documents) == (3, 2)


def test_a_document_says_where_it_comes_from_and_how_it_was_read(tmp_path):
    page = "<html><body><p>" + english(4).replace("river", "rivière") + "</p></body></html>"
    body = page.encode("latin-1")
    record = response("page", body, media_type="text/html; charset=iso-8859-1")
    rows, _ = read(write_warc(tmp_path / "a.warc.gz", response("first", html(english(1))), record), "warc")
    row = rows["documents"][1]
    assert row["id"] == document_id("crawl", "a.warc.gz", 1)
    assert (row["source"], row["dump"], row["file_path"]) == ("crawl", "CC-MAIN-2024-10", "a.warc.gz")
    assert (row["date"], row["url"]) == ("2024-03-01T00:00:00Z", "https://page.example.org/page")
    assert row["content_digest"] == hashlib.sha256(body).hexdigest()
    assert row["extractor"] == "blocks"
    assert row["charset"] in ("iso-8859-1", "windows-1252", "cp1252")
    assert gzip.decompress((tmp_path / "a.warc.gz").read_bytes()[row["record_offset"] :]) == record


@pytest.mark.parametrize("extractor", ["blocks", "trafilatura", "resiliparse"])
def test_the_extractor_that_the_settings_name_makes_text_of_pages(tmp_path, extractor):
    file = write_warc(tmp_path / "a.warc.gz", response("page", html(english(1))), response("empty", b"<html></html>"))
    rows, counts = read(file, "warc", IngestSettings(extractor=extractor).plan())
    (row,) = rows["documents"]
    assert row["extractor"] == extractor
    assert (row["extractor_confidence"] is None) == (extractor != "blocks")
    assert english(1)[:60] in row["text"]
    assert [row["reason"] for row in rows[LEDGER]] == ["no_text"]
    assert (counts.documents, counts.removed) == (1, 1)


def test_pages_of_which_blocks_is_unsure_go_to_trafilatura_where_it_finds_text(tmp_path):
    pages = (response("page", html(english(1))), response("short", b"<html><body><p>Hi</p></body></html>"))
    file = write_warc(tmp_path / "a.warc.gz", *pages)
    usual, _ = read(file, "warc")
    confidences = [row["extractor_confidence"] for row in usual["documents"]]
    assert [row["extractor"] for row in usual["documents"]] == ["blocks"] * 2
    always, _ = read(file, "warc", IngestSettings(fallback_below=1).plan())
    assert always["documents"][0]["extractor"] == "trafilatura"
    assert [row["extractor_confidence"] for row in always["documents"]] == confidences
    cut = max(confidences)
    some, _ = read(file, "warc", IngestSettings(fallback_below=cut).plan())
    assert [row["extractor"] for row in some["documents"] if row["extractor_confidence"] >= cut] == ["blocks"]


def test_what_a_page_states_about_itself_stands_beside_its_text(tmp_path):
    head = b"<title>A page</title><link rel=canonical href=/1><meta name=date content=2024-02-03>"
    page = html(english(1)).replace(b"<html>", b"<html lang=en>").replace(b"<title>A page</title>", head)
    page = page.replace(b"</head>", b"<meta name=robots content='noai, noindex'></head>")
    asked = response("page", page, "200 OK\r\nX-Robots-Tag: NOAI, noimageai")
    rows, _ = read(write_warc(tmp_path / "a.warc.gz", asked, response("bare", b"<p>" + english(2).encode())), "warc")
    columns = ("title", "page_language", "canonical_url", "published", "robots")
    assert [tuple(map(row.get, columns)) for row in rows["documents"]] == [
        ("A page", "en", "/1", "2024-02-03", "noai, noimageai, noindex"),
        (None, None, None, None, None),
    ]


def test_mojibake_is_undone_where_the_settings_say_so(tmp_path):
    file = write_rows(tmp_path / "a.jsonl", {"text": "The cafÃ© is closed, itâ€™s late."})
    texts = [
        read(file, "jsonl", IngestSettings(repair_mojibake=repair).plan())[0]["documents"][0]["text"]
        for repair in (False, True)
    ]
    assert texts == ["The cafÃ© is closed, itâ€™s late.", "The café is closed, it’s late."]


def test_plain_text_and_wet_need_no_extractor(tmp_path):
    plain = response("plain", english(5).encode(), media_type="text/plain")
    conversion = warc_record(
        "conversion", english(6).encode(), "WARC-Target-URI: http://h/\r\nContent-Type: text/plain\r\n"
    )
    rows, _ = read(write_warc(tmp_path / "a.warc.wet.gz", plain, conversion), "wet")
    assert [(row["extractor"], row["text"]) for row in rows["documents"]] == [
        ("plain", english(5)),
        ("plain", english(6)),
    ]


def test_rows_are_text_already_and_name_their_set(tmp_path):
    rows, counts = read(
        write_rows(
            tmp_path / "a.jsonl",
            {"text": "One.", "url": " <http://h/> ", "timestamp": "2019", "id": 7, "meta": {"pile_set_name": "Books3"}},
            {"text": "  \n"},
            {"texts": "Not here."},
        ),
        "jsonl",
    )
    (row,) = rows["documents"]
    assert (row["text"], row["url"], row["date"], row["record_id"]) == ("One.", "http://h/", "2019", "7")
    assert (row["source"], row["extractor"], row["charset"]) == ("crawl.books3", "none", None)
    assert [row["reason"] for row in rows[LEDGER]] == ["no_text"]
    assert [row["reason"] for row in rows[QUARANTINE]] == ["no_text_field"]
    assert counts.records == 3


def test_fields_that_the_settings_name_are_the_only_ones_looked_at(tmp_path):
    file = write_rows(tmp_path / "a.jsonl", {"text": "Usual.", "page": {"body": "Named."}})
    rows, _ = read(file, "jsonl", text="page.body")
    assert [row["text"] for row in rows["documents"]] == ["Named."]


def test_a_part_of_each_table_is_written_and_reasons_are_counted(tmp_path):
    file = write_rows(tmp_path / "a.jsonl", {"text": "One."}, {"text": ""}, {"no": 1}, {"no": 2}, {"text": "Two."})
    given = InputFile(str(file), file.name, "crawl", "jsonl", None, {})
    tables = {table: (str(tmp_path / table), schema) for table, schema in SCHEMAS.items()}
    result = ingest_part(IngestTask((given,), "part-00000-x.parquet", tables), PLAN)
    written = {table: rows_of(tmp_path / table / part.path) for table, part in result.parts.items() if part}
    assert {table: len(rows) for table, rows in written.items()} == {"documents": 2, LEDGER: 1, QUARANTINE: 2}
    assert [row["text"] for row in written["documents"]] == ["One.", "Two."]
    assert result.reasons == {LEDGER: {("crawl", "no_text"): 1}, QUARANTINE: {("crawl", "no_text_field"): 2}}
    assert [(counts.records, counts.documents) for counts in result.files] == [(5, 2)]


def test_a_table_without_rows_has_no_part(tmp_path):
    file = write_rows(tmp_path / "a.jsonl", {"text": "One."})
    given = InputFile(str(file), file.name, "crawl", "jsonl", None, {})
    tables = {table: (str(tmp_path / table), schema) for table, schema in SCHEMAS.items()}
    result = ingest_part(IngestTask((given,), "part-00000-x.parquet", tables), PLAN)
    assert (result.parts[QUARANTINE], result.parts[LEDGER]) == (None, None)
