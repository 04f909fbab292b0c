"""Labelled texts: what counts as one, and which are held out."""

import json

import pyarrow as pa
import pytest

from pipelines.ingest import IngestSettings
from udfs.hashing import document_id, keyed_uint64
from udfs.inputs import InputFile
from udfs.labelled import LABELLED, LabelledFile, read_labelled


@pytest.fixture
def read(tmp_path):
    """The labelled rows of a file of JSON lines."""

    def read(rows, seed: int = 0, share: float = 0.2, label: float = 1.0):
        file = tmp_path / "good.jsonl"
        file.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
        task = LabelledFile(InputFile(str(file), "good.jsonl", "good", "jsonl", None, {}), label)
        batches = read_labelled(task, IngestSettings().plan(), seed, share)
        return pa.Table.from_batches(batches, LABELLED).to_pylist()

    return read


def test_documents_are_texts_and_what_is_damaged_or_empty_is_not(read):
    rows = read([{"text": "One."}, "not json", {"no": "text"}, {"text": " "}, {"text": "Two."}], label=0.0)
    assert [(row["text"], row["label"]) for row in rows] == [("One.", 0.0), ("Two.", 0.0)]
    assert [row["id"] for row in rows] == [document_id("good", "good.jsonl", ordinal) for ordinal in (0, 4)]


def test_a_host_is_held_out_as_a_whole(read):
    rows = read([{"text": f"Text {i}", "url": f"http://h{i % 30}.org/{i}"} for i in range(120)], share=0.5)
    by_host = [{row["held_out"] for row in rows[host::30]} for host in range(30)]
    assert all(len(held_out) == 1 for held_out in by_host)
    assert 5 <= sum(held_out == {True} for held_out in by_host) <= 25


def test_texts_without_url_are_held_out_one_by_one_and_by_the_seed(read):
    texts = [{"text": f"Text {i}"} for i in range(200)]
    held_out = [row["held_out"] for row in read(texts, share=0.2)]
    assert 20 <= sum(held_out) <= 60
    assert held_out != [row["held_out"] for row in read(texts, seed=1, share=0.2)]
    assert held_out == [row["held_out"] for row in read(texts, share=0.2)]


def test_the_draw_that_samples_is_another_than_the_one_that_splits(read):
    (row,) = read([{"text": "One."}], seed=5)
    assert row["draw"] == keyed_uint64(6, row["id"]) // 2
