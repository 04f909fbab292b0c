"""What `gristmill whatif` counts, against the rows of the run's tables."""

import io

import pytest
from rich.console import Console
from tiny_corpus import TinyRun

from conf.load import SettingsError
from jobs.whatif import what_if
from pipelines.run import Run
from udfs.errors import InputError, UsageError


@pytest.fixture
def what(tiny_run: TinyRun):
    """What is printed for these overrides."""

    def what(*overrides: str) -> str:
        stream = io.StringIO()
        what_if(Run(str(tiny_run.root)), overrides, Console(file=stream, width=100))
        return stream.getvalue()

    return what


def row_of(out: str, unit: str, source: str = "all") -> list[int]:
    """(kept now, lost, gained) of a source."""
    lines = out[out.index(f"\n{unit}" if f"\n{unit}" in out else unit) :].splitlines()
    cells = next(line for line in lines if line.strip("│ ").split("│")[0].strip() == source)
    return [int(cell.replace(",", "")) for cell in cells.strip("│ ").split("│")[1:]]


def test_a_closer_bound_loses_the_documents_outside_it(what, tiny_run: TinyRun):
    clean = {row["id"] for row in tiny_run.rows("clean")}
    kept = [row for row in tiny_run.rows("signals") if row["id"] in clean]
    limit = sorted(row["gopher"]["word_count"] for row in kept)[len(kept) // 2]
    lost = [row for row in kept if row["gopher"]["word_count"] > limit]
    assert lost
    out = what(f"filter.bounds.gopher.word_count.max={limit}")
    assert row_of(out, "documents") == [len(kept), len(lost), 0]
    assert row_of(out, "characters") == [sum(row["n_chars"] for row in rows) for rows in (kept, lost, [])]
    assert row_of(out, "tokens, estimated")[1] > 0
    by_source = {source: [row for row in lost if row["source"] == source] for source in {row["source"] for row in kept}}
    for source, rows in by_source.items():
        assert row_of(out, "documents", source)[1] == len(rows)


def test_a_wider_bound_gains_the_documents_that_met_all_others(what, tiny_run: TinyRun):
    removed = tiny_run.rows("ledger/filter")
    reason = next(row["reason"] for row in removed if len(row["broken"]) == 1 and "." in row["reason"])
    alone = [row for row in removed if row["broken"] == [reason]]
    out = what(f"filter.bounds.{reason}=null")
    assert row_of(out, "documents")[1:] == [0, len(alone)]
    assert "upper limit" in out


def test_the_same_bounds_change_nothing_and_nothing_is_written(what, tiny_run: TinyRun):
    before = {path: path.stat().st_mtime_ns for path in tiny_run.root.rglob("*")}
    same = tiny_run.record("filter")["committed"]["identity"]["settings"]["quality.min_score"]
    assert row_of(what(f"quality.min_score={same}"), "documents") == [len(tiny_run.rows("clean")), 0, 0]
    assert {path: path.stat().st_mtime_ns for path in tiny_run.root.rglob("*")} == before


def test_mistakes_are_named(what, tmp_path):
    with pytest.raises(SettingsError, match="did you mean 'word_count'"):
        what("filter.bounds.gopher.word_cont.max=3")
    with pytest.raises(InputError, match="family dclm were not measured"):
        what("filter.bounds.dclm.removed_words.max=0.05")
    with pytest.raises(UsageError, match="no setting is changed"):
        what()
    with pytest.raises(InputError, match="not there yet"):
        what_if(Run(str(tmp_path)), ["filter.languages=null"], Console())
