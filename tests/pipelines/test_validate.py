"""The data contract: what it counts in a good run, and that what is broken fails it by name."""

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny_corpus import Command, TinyRun

from pipelines.expectations import Expectation, check


def results(root: Path) -> list[dict]:
    return json.loads((root / "validation/results.json").read_text())["results"]


def test_a_good_run_meets_expectations_of_every_table_and_source(tiny_run: TinyRun):
    found = results(tiny_run.root)
    assert all(row["success"] for row in found)
    figures = {(row["table"], row["figure"]): row["value"] for row in found}
    for table in ("documents", "signals", "ledger/filter", "duplicates", "passages", "clean", "quarantine"):
        assert figures[table, "rows"] == len(tiny_run.rows(table))
    lost = {figure for table, figure in figures if table == "ingest"}
    assert lost == {
        "records lost of c4/c4-train.00000-of-00001.json.gz",
        "records lost of crawl/CC-MAIN-2024-10/a.warc.gz",
        "records lost of crawl/CC-MAIN-2024-10/b.warc.gz",
        "records lost of pile/00.jsonl.zst",
        "records lost of reference/books.parquet",
    }
    sources = {row["source"] for row in tiny_run.rows("documents")}
    assert {figure for table, figure in figures if table == "clean" and "lost" in figure} == {
        f"documents lost of {source}" for source in sources
    }
    assert figures["shards", "documents"] == len(tiny_run.rows("clean"))


def test_a_reason_that_removes_too_much_fails_by_name_with_65(tiny_run: TinyRun, gristmill: Command, tmp_path: Path):
    shutil.copytree(tiny_run.root, tmp_path / "run [1]")
    changes = [f"--set=output={tmp_path}/run [1]", "--set=validation.max_removed_share=0.1"]
    finished = gristmill("validate", "--settings", tiny_run.settings, *changes)
    assert finished.code == 65
    assert "data contract broken" in finished.err
    assert "share removed for evaluation_overlap" in finished.err
    assert "Traceback" not in finished.err
    broken = [(row["table"], row["figure"]) for row in results(tmp_path / "run [1]") if not row["success"]]
    n_wikipedia = sum(row["source"] == "pile.wikipedia-en" for row in tiny_run.rows("documents"))
    assert n_wikipedia < 10
    assert ("source pile.wikipedia-en", "share removed for evaluation_overlap") in broken
    assert json.loads((tmp_path / "run [1]/runs/validate.json").read_text())["exit_code"] == 65


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Great Expectations, when it is imported
@pytest.mark.parametrize(
    ("value", "low", "high", "met"),
    [(0, 0, 0, True), (1, 0, 0, False), (0.5, 0, 0.5, True), (0.6, 0, 0.5, False), (-1, 0, None, False)],
)
def test_a_figure_has_to_lie_between_its_bounds(value, low, high, met):
    [row], _ = check([Expectation("clean", "figure", value, low, high)])
    assert row["success"] is met


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_name_of_a_file_is_no_markup_in_the_data_docs():
    _, pages = check([Expectation("ingest", "records lost of <script>alert(1)</script>", 1, 0, 0)])
    assert len(pages) >= 3
    assert not any(b"<script>alert" in page for page in pages.values())
    assert any(b"records lost of &lt;script&gt;" in page for page in pages.values())


def test_a_share_that_has_moved_since_an_earlier_run_fails_by_name(
    tiny_run: TinyRun, gristmill: Command, tmp_path: Path
):
    earlier = json.loads((tiny_run.root / "validation/results.json").read_text())
    german = next(row for row in earlier["results"] if row["figure"] == "share in de")
    shutil.copytree(tiny_run.root, tmp_path / "run")
    against = [f"--set=output={tmp_path}/run", f"--set=validation.against={tmp_path}/earlier"]
    (tmp_path / "earlier/validation").mkdir(parents=True)
    (tmp_path / "earlier/validation/results.json").write_text(json.dumps(earlier))
    finished = gristmill("validate", "--settings", tiny_run.settings, *against)
    assert finished.code == 0, finished.err
    german["value"] += 0.2
    (tmp_path / "earlier/validation/results.json").write_text(json.dumps(earlier))
    finished = gristmill("validate", "--settings", tiny_run.settings, *against)
    assert finished.code == 65
    assert "documents: change of the share in de is -0." in finished.err
    finished = gristmill("validate", "--settings", tiny_run.settings, *against, "--set=validation.max_drift=0.3")
    assert finished.code == 0, finished.err


def test_a_passage_that_cannot_be_fails_by_name(tiny_run: TinyRun, gristmill: Command, tmp_path: Path):
    shutil.copytree(tiny_run.root, tmp_path / "run")
    (part,) = (tmp_path / "run/passages").glob("part-*.parquet")
    passages = pq.read_table(part)
    wrong = [{**row, "start": row["end"], "first_id": "f" * 32} for row in passages.to_pylist()]
    pq.write_table(pa.Table.from_pylist(wrong, passages.schema), part)
    (tmp_path / "run/runs/validate.json").unlink()
    finished = gristmill("validate", "--settings", tiny_run.settings, f"--set=output={tmp_path}/run")
    assert finished.code == 65
    broken = {row["figure"]: row["value"] for row in results(tmp_path / "run") if not row["success"]}
    assert broken == {
        "first in documents that were not left": 1,
        "first in documents of later ids": 1,
        "that overlap or lie outside of their text": 1,
    }


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_names_that_differ_in_a_slash_alone_have_a_suite_each():
    names = ("source a/b", "source a-b", "source a~1b", "documents", "source documents")
    rows, _ = check([Expectation(name, "figure", i, i, i) for i, name in enumerate(names)])
    assert {row["table"]: row["value"] for row in rows} == {name: i for i, name in enumerate(names)}
    assert all(row["success"] for row in rows)


def test_too_many_duplicates_fail_by_name(tiny_run: TinyRun, gristmill: Command, tmp_path: Path):
    shutil.copytree(tiny_run.root, tmp_path / "run")
    changes = [f"--set=output={tmp_path}/run", "--set=validation.max_duplicate_share=0.01"]
    finished = gristmill("validate", "--settings", tiny_run.settings, *changes)
    assert finished.code == 65
    assert "documents: share removed as duplicates is 0." in finished.err
