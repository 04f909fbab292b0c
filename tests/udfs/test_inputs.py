"""An input file as a task carries it."""

import pickle

from udfs.inputs import InputFile


def test_its_name_is_its_source_and_its_path():
    file = InputFile("hdfs://n/c/CC-MAIN-2024-10/a.warc.gz", "CC-MAIN-2024-10/a.warc.gz", "crawl", "warc", None, {})
    assert file.name == "crawl/CC-MAIN-2024-10/a.warc.gz"


def test_it_reaches_a_worker_as_it_was():
    file = InputFile("/c/a.jsonl", "a.jsonl", "c4", "jsonl", "CC-MAIN-2024-10", {"text": "body.text"})
    assert pickle.loads(pickle.dumps(file)) == file
