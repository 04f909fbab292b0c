"""How input files become parts: the cut depends on the input alone and changes no row."""

import json

import pytest

import pipelines.ingest
from conf.load import load_settings
from jobs.settings import Settings
from jobs.stages import STAGES
from pipelines.ingest import bytes_of_part, group_files
from pipelines.run import Run
from pipelines.stage import execute
from udfs.inputs import InputFile
from udfs.records import Span


def file(name, **span):
    return InputFile(name, name, "s", "jsonl", None, {}, Span(**span))


def test_small_files_are_read_together_and_spans_alone():
    files = [file("a"), file("b"), file("c"), file("d", end=9), file("d", start=9)]
    groups = group_files(files, {"s/a": 3, "s/b": 3, "s/c": 5, "s/d": 90}, 10)
    assert [[f.path for f in group] for group in groups] == [["a", "b"], ["c"], ["d"], ["d"]]


@pytest.mark.parametrize(("total", "part"), [(0, 8), (640 << 20, 10), (1 << 40, 64), (1 << 50, 64 << 10)])
def test_a_part_has_its_share_of_the_input_between_bounds_and_parts_stay_countable(total, part):
    assert bytes_of_part(total) == part << 20


def ingest(tmp_path, name, spark):
    settings = tmp_path / "settings.yaml"
    settings.write_text(json.dumps({"output": str(tmp_path / name), "inputs": [str(tmp_path / "input.jsonl")]}))
    run = Run(str(tmp_path / name))
    execute(STAGES["ingest"], run, load_settings(str(settings), [], Settings), lambda: spark, "test")
    return run.committed("ingest")


@pytest.mark.spark
def test_a_file_read_in_spans_gives_the_same_rows_and_counts(spark, tmp_path, monkeypatch):
    lines = [json.dumps({"text": f"Document {n} of some."}) for n in range(300)] + ["not json"]
    (tmp_path / "input.jsonl").write_text("\n".join(lines) + "\n")
    whole = ingest(tmp_path, "whole", spark)
    monkeypatch.setattr(pipelines.ingest, "MIN_PART_BYTES", 1_000)
    cut = ingest(tmp_path, "cut", spark)
    assert [len(found.tables["documents"].files) for found in (whole, cut)] == [1, 10]
    assert {name: table.digest for name, table in whole.tables.items()} == {
        name: table.digest for name, table in cut.tables.items()
    }
    assert whole.counts == cut.counts
    assert whole.counts["files"][0]["records"] == 301
