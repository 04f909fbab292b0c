"""From a token of a shard to the record of the crawl."""

import gzip
import json

import pytest
import tiny_corpus
from test_pack import shards_of
from tiny_corpus import TinyRun

from pipelines.run import Run
from pipelines.which_doc import document_at
from udfs.errors import InputError, UsageError


def test_the_first_and_the_last_token_of_every_document_lead_to_it(tiny_run: TinyRun):
    run = Run(str(tiny_run.root))
    clean = {row["id"]: row for row in tiny_run.rows("clean")}
    for path, rows in shards_of(tiny_run.root).items():
        for row in rows[:2] + rows[-1:]:
            for position in (row["token_start"], row["token_start"] + row["n_tokens"] - 1):
                found = document_at(run, path, position)
                assert (found["doc_id"], found["url"]) == (row["doc_id"], row["url"])
                assert found["record_offset"] == clean[row["doc_id"]]["record_offset"]


def test_the_offset_leads_to_the_record_in_the_archive(tiny_run: TinyRun):
    [path] = [path for path in shards_of(tiny_run.root) if path.startswith("train/crawl/")]
    found = document_at(Run(str(tiny_run.root)), f"{path}.bin", 5)
    names = {identity: name for name, identity in tiny_run.ids.items()}
    with open(tiny_run.corpus / "crawl" / found["file_path"], "rb") as archive:
        archive.seek(found["record_offset"])
        record = (tiny_corpus.CRAWL | tiny_corpus.CHINESE)[names[found["doc_id"]]]
        assert gzip.GzipFile(fileobj=archive).read(len(record)) == record


def test_a_position_or_a_shard_that_is_not_there_is_named(tiny_run: TinyRun):
    run = Run(str(tiny_run.root))
    path, rows = next(iter(shards_of(tiny_run.root).items()))
    n_tokens = sum(row["n_tokens"] for row in rows)
    with pytest.raises(UsageError) as error:
        document_at(run, path, n_tokens)
    assert error.value.hint == f"it has the tokens 0 to {n_tokens - 1:,}"
    with pytest.raises(InputError, match=r"nowhere\.docs\.parquet: no such file"):
        document_at(run, "train/nowhere", 0)
    assert json.dumps(document_at(run, path, 0))
