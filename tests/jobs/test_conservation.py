"""Every record ends in exactly one place: counted from the files that went in and the rows that came out."""

import gzip
from collections import Counter

import pyarrow.parquet as pq
import pytest
import tiny_corpus
from tiny_corpus import FATES, TinyRun

REMOVED = ("ledger/filter", "ledger/dedup", "ledger/decontaminate", "ledger/refine")
N_RECORDS = {
    "CC-MAIN-2024-10/a.warc.gz": 2 + len(tiny_corpus.CRAWL),
    "CC-MAIN-2024-10/b.warc.gz": len(tiny_corpus.CHINESE),
    "c4-train.00000-of-00001.json.gz": len(tiny_corpus.C4),
    "00.jsonl.zst": len(tiny_corpus.PILE),
    "books.parquet": len(tiny_corpus.REFERENCE),
}


def test_every_record_of_every_file_is_somewhere_once(tiny_run: TinyRun):
    skipped = {"CC-MAIN-2024-10/a.warc.gz": 2}
    placed = Counter(skipped) + Counter(
        row["file_path"] for table in ("quarantine", "documents") for row in tiny_run.rows(table)
    )
    names = {identity: name for name, identity in tiny_run.ids.items()}
    placed["CC-MAIN-2024-10/a.warc.gz"] += sum(
        names[row["id"]] in tiny_corpus.CRAWL for row in tiny_run.rows("ledger/ingest")
    )
    assert placed == N_RECORDS


def test_the_counts_of_the_stage_are_those_of_the_files_and_tables(tiny_run: TinyRun):
    counted = tiny_run.record("ingest")["committed"]["counts"]["files"]
    assert {file["path"]: file["records"] for file in counted} == N_RECORDS
    for file in counted:
        assert file["records"] == (
            sum(file["skipped"].values()) + file["quarantined"] + file["removed"] + file["documents"]
        )
    in_documents = Counter(row["file_path"] for row in tiny_run.rows("documents"))
    assert {file["path"]: file["documents"] for file in counted} == in_documents


def test_no_id_stands_in_two_places(tiny_run: TinyRun):
    places = ("quarantine", "ledger/ingest", *REMOVED, "clean")
    ended = [row["id"] for table in places for row in tiny_run.rows(table)]
    assert len(ended) == len(set(ended)) == sum(N_RECORDS.values()) - 2
    assert set(ended) == set(tiny_run.ids.values())


def test_a_document_is_clean_or_in_one_ledger(tiny_run: TinyRun):
    removed = [row["id"] for table in REMOVED for row in tiny_run.rows(table)]
    kept = [row["id"] for row in tiny_run.rows("clean")]
    assert sorted(removed + kept) == sorted(row["id"] for row in tiny_run.rows("documents"))


def test_a_reader_of_whole_folders_finds_the_committed_rows(tiny_run: TinyRun):
    ledgers = [row for table in ("ledger/ingest", *REMOVED) for row in tiny_run.rows(table)]
    assert sorted(pq.read_table(tiny_run.root / "ledger")["id"].to_pylist()) == sorted(row["id"] for row in ledgers)
    for table in ("documents", "signals", "duplicates", "clean", "quarantine"):
        assert pq.read_table(tiny_run.root / table).num_rows == len(tiny_run.rows(table))


@pytest.mark.parametrize("table", FATES)
def test_a_record_goes_where_it_was_made_to_go_and_says_why(tiny_run: TinyRun, table: str):
    assert {name: row["reason"] for name, row in tiny_run.by_name(table).items()} == FATES[table]


def test_rows_say_where_their_record_stands(tiny_run: TinyRun):
    """A document of a WARC file begins at its offset, and its payload has its digest."""
    data = (tiny_run.corpus / "crawl/CC-MAIN-2024-10/a.warc.gz").read_bytes()
    row = tiny_run.by_name("documents")["page-4"]
    assert gzip.decompress(data[row["record_offset"] :]).startswith(tiny_corpus.CRAWL["page-4"])


def test_quarantine_keeps_file_offset_and_the_head_of_what_was_found(tiny_run: TinyRun):
    row = tiny_run.by_name("quarantine")["not-json"]
    lines = gzip.decompress((tiny_run.corpus / "c4" / row["file_path"]).read_bytes())
    assert lines[row["record_offset"] :].startswith(b'{"text": "cut of\n')
    assert row["bytes"] == b'{"text": "cut of'


def test_ledgers_name_the_source_the_address_and_the_start_of_the_text(tiny_run: TinyRun):
    row = tiny_run.by_name("ledger/filter")["advert"]
    assert (row["source"], row["url"], row["stage"]) == ("crawl", "https://advert.example.org/page", "filter")
    assert row["excerpt"] == tiny_run.by_name("documents")["advert"]["text"][:200]


def test_a_part_says_of_documents_what_stands_in_the_part_of_the_same_number(tiny_run: TinyRun):
    """`row` counts rows of the documents part of the same number, in every table."""
    documents = {part.name.split("-")[1]: pq.read_table(part)["id"].to_pylist() for part in tiny_run.parts("documents")}
    assert len(documents) > 2
    for table in ("signals", "duplicates", *REMOVED):
        for part in tiny_run.parts(table):
            for row in pq.ParquetFile(part).read().to_pylist():
                assert documents[part.name.split("-")[1]][row["row"]] == row["id"]
