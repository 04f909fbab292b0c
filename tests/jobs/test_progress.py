"""What is said of a stage while it runs."""

import doctest
import io

from rich.console import Console

from jobs import progress
from jobs.__main__ import main
from jobs.progress import Amount, Lines, Look, Watch, amount_read, shown
from jobs.settings import Settings
from jobs.stages import STAGES
from pipelines.run import Run


def test_the_example_in_the_docstring_holds():
    results = doctest.testmod(progress)
    assert (results.attempted, results.failed) == (1, 0)


class Starting:
    """A SparkContext that has no JVM yet."""


def test_a_session_that_is_just_starting_has_no_tasks(monkeypatch):
    monkeypatch.setattr(progress.SparkContext, "_active_spark_context", Starting())
    assert progress.running_tasks() == ([], 0, 0)


def test_before_a_task_has_ended_there_is_no_speed():
    assert Look(0, 40, 12.0).said(Amount(100, "records")) == "0/40 tasks"
    assert Look(2, 2, 1e-6).said(Amount(100, "records")) == "2/2 tasks"


def test_the_clock_starts_anew_with_other_spark_stages(monkeypatch):
    times = iter([10.0, 10.0, 12.0, 20.0, 20.0])
    tasks = iter([([1], 0, 4), ([1], 2, 4), ([2], 0, 8)])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(times))
    monkeypatch.setattr(progress, "running_tasks", lambda: next(tasks))
    watch = Watch()
    assert [watch.look() for _ in range(3)] == [Look(0, 4, 0.0), Look(2, 4, 2.0), Look(0, 8, 0.0)]


def test_a_log_has_a_line_now_and_then(monkeypatch):
    times = iter([0.0, 10.0, 31.0, 31.0, 40.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(times))
    stream = io.StringIO()
    lines = Lines(Console(file=stream), "measure")
    for done in (1, 2, 3):
        lines.show(Look(done, 4, 1.0), f"{done}/4 tasks")
    assert stream.getvalue() == "  measure          2/4 tasks\n"


def test_a_terminal_has_a_bar_that_goes_when_the_stage_ends():
    stream = io.StringIO()
    with shown(Console(file=stream, force_terminal=True, width=120), "measure") as show:
        show(Look(10, 40, 24.0), Look(10, 40, 24.0).said(Amount(120_000, "records")))
    assert "1,250 records/s, 1:12 left" in stream.getvalue()


def test_what_a_stage_reads_is_counted_in_records_or_bytes(tiny_run):
    run, settings = (
        Run(str(tiny_run.root)),
        Settings.model_validate({"inputs": [str(tiny_run.corpus / "c4")], "output": "x"}),
    )
    assert amount_read(STAGES["measure"], run, settings) == Amount(len(tiny_run.rows("documents")), "records")
    found = amount_read(STAGES["ingest"], run, settings)
    assert (found.unit, found.number > 0) == ("MB", True)


def test_quiet_says_errors_only(capsys):
    assert main(["--quiet", "check", "--settings", "/nowhere.yaml"]) == 2
    assert "no such settings file" in capsys.readouterr().err
