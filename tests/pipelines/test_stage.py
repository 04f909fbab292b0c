"""Stages: when they run, when they do not, and what a failure leaves behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conf.model import Model
from pipelines import tables
from pipelines.lock import exclusive
from pipelines.run import Run
from pipelines.stage import Stage, describe, execute, open_table
from udfs.errors import BusyError, ContractError, GristmillError, InputError
from udfs.parts import part_name, write_part

ROWS = pa.schema([("id", pa.string())])


class Settings(Model):
    rows: list[str] = ["a", "b"]
    pace: int = 1
    outside: str = ""


@pytest.fixture(autouse=True)
def _two_tables(monkeypatch):
    """A chain of two stages, `above` and `below`, with a table each."""
    monkeypatch.setitem(tables.TABLES, "above", tables.TableSpec("above", ROWS, ""))
    monkeypatch.setitem(tables.TABLES, "below", tables.TableSpec("below", ROWS, ""))


def write_rows(job, rows):
    batch = pa.RecordBatch.from_pylist([{"id": row} for row in rows], ROWS)
    job.add(job.stage, [write_part(job.run.path(job.stage), part_name(0, job.key), ROWS, [batch])])


ABOVE = Stage("above", write_rows, needs=("rows",), files=lambda s: {"outside": s.outside} if s.outside else {})
BELOW = Stage("below", lambda job: write_rows(job, [job.table("above").digest]), reads=("above",))


@pytest.fixture
def run(tmp_path):
    return Run(str(tmp_path / "run"))


def go(stage, run, **changes):
    return execute(stage, run, Settings(**changes), lambda: pytest.fail("needs no Spark"), "test")


def test_a_stage_runs_once(run):
    assert go(ABOVE, run)
    assert not go(ABOVE, run)


def test_it_runs_again_when_a_setting_it_needs_changes_and_not_for_another(run):
    go(ABOVE, run)
    assert not go(ABOVE, run, pace=9)
    assert go(ABOVE, run, rows=["c"])


def test_it_runs_again_when_an_output_file_is_gone_or_cut(run):
    go(ABOVE, run)
    (file,) = run.committed("above").tables["above"].files
    path = Path(run.path("above", file.path))
    before = path.read_bytes()
    os.truncate(path, 10)
    assert go(ABOVE, run)
    path.unlink()
    assert go(ABOVE, run)
    assert path.read_bytes() == before


def test_it_runs_again_when_an_outside_file_changes_but_not_when_it_is_only_touched(run, tmp_path):
    outside = tmp_path / "model"
    outside.write_text("one")
    assert go(ABOVE, run, outside=str(outside))
    assert not go(ABOVE, run, outside=str(outside))
    os.utime(outside, (1, 1))
    assert not go(ABOVE, run, outside=str(outside))
    outside.write_text("two")
    assert go(ABOVE, run, outside=str(outside))


def test_a_stage_below_runs_again_only_when_the_rows_above_differ(run):
    go(ABOVE, run)
    assert go(BELOW, run)
    go(ABOVE, run, rows=["b", "a"])
    assert not go(BELOW, run)
    go(ABOVE, run, rows=["c"])
    assert go(BELOW, run)


def test_a_table_stands_on_all_that_it_was_made_from(run, monkeypatch):
    monkeypatch.setitem(tables.TABLES, "lowest", tables.TableSpec("lowest", ROWS, ""))
    lowest = Stage("lowest", lambda job: write_rows(job, ["x"]), reads=("below",))
    for stage in (ABOVE, BELOW, lowest):
        go(stage, run)
    assert open_table(run, "lowest").n_rows == 1
    go(ABOVE, run, rows=["c"])
    with pytest.raises(InputError, match="below: was made from other above"):
        open_table(run, "lowest")


def test_a_missing_table_names_the_stage_that_writes_it(run):
    with pytest.raises(InputError) as error:
        go(BELOW, run)
    assert "gristmill above" in error.value.hint


def test_a_table_made_from_what_has_changed_since_is_refused(run):
    go(ABOVE, run)
    go(BELOW, run)
    go(ABOVE, run, rows=["c"])
    with pytest.raises(InputError, match="made from other above"):
        open_table(run, "below")


def test_a_failure_is_recorded_and_leaves_what_was_committed(run):
    go(ABOVE, run)
    failing = Stage(
        "above", lambda job, pace: (_ for _ in ()).throw(ContractError("lost a record", "look")), needs=("pace",)
    )
    with pytest.raises(ContractError):
        go(failing, run)
    record = run.record("above")
    assert (record["exit_code"], record["reason"], record["hint"]) == (65, "lost a record", "look")
    assert not go(ABOVE, run)
    assert run.record("above")["exit_code"] == 0


def test_leftovers_of_other_runs_are_deleted_at_the_commit(run):
    go(ABOVE, run)
    leftover = Path(run.path("above", "part-00009-deadbeef.parquet"))
    leftover.touch()
    go(ABOVE, run, rows=["c"])
    assert not leftover.exists()
    assert len(list(leftover.parent.iterdir())) == 1


def test_scratch_in_the_folder_of_a_table_is_deleted_at_the_commit(run):
    scratch = Path(run.path("above", "_steps", "deep", "part-00000-deadbeef.parquet"))
    scratch.parent.mkdir(parents=True)
    scratch.touch()
    go(ABOVE, run)
    (part,) = scratch.parents[2].iterdir()
    assert part.name == run.committed("above").tables["above"].files[0].path


def test_an_output_of_no_files_and_no_rows_is_committed_without_a_folder(run, monkeypatch):
    monkeypatch.setitem(tables.TABLES, "above", tables.TableSpec("above", None, ""))
    nothing = Stage("above", lambda job: job.add("above", []))
    assert go(nothing, run)
    assert not go(nothing, run)
    assert run.committed("above").tables["above"].files == ()
    assert not Path(run.path("above")).exists()


def test_a_table_without_rows_has_a_part_that_any_tool_can_open(run):
    go(Stage("above", lambda job: job.add("above", [])), run)
    (part,) = Path(run.path("above")).iterdir()
    assert pq.read_schema(part).names == ["id"]
    assert run.committed("above").tables["above"].n_rows == 0


def test_a_record_that_cannot_be_read_is_an_error(run):
    go(ABOVE, run)
    Path(run.path("runs", "above.json")).write_text("{")
    with pytest.raises(ContractError, match="not a run record"):
        go(ABOVE, run)


FILE = {"n_rows": 0, "n_bytes": 0, "sha256": "", "digest": ""}


@pytest.mark.parametrize(
    "tables",
    [
        None,
        {"above": {}},
        {"../above": {"files": []}},
        {"above": {"files": [{"path": "x"}]}},
        *[
            {"above": {"files": [{**FILE, "path": path}]}}
            for path in ("/etc/passwd", "../x", "x/../../y", "\0", "\ud800", "x" * 300, "", 5)
        ],
    ],
)
def test_a_record_that_names_no_files_or_those_of_others_is_an_error(run, tables):
    go(ABOVE, run)
    record = run.record("above")
    record["committed"]["tables"] = tables
    Path(run.path("runs", "above.json")).write_text(json.dumps(record))
    with pytest.raises(ContractError):
        go(ABOVE, run)


def test_a_run_killed_behind_its_commit_leaves_nothing_after_the_next(run):
    go(ABOVE, run)
    leftovers = [Path(run.path("above", "part-00000-deadbeef.parquet")), Path(run.path("runs", "_above.json.deadbeef"))]
    for leftover in leftovers:
        leftover.touch()
    assert not go(ABOVE, run)
    assert not any(leftover.exists() for leftover in leftovers)


def test_secrets_of_the_command_line_are_in_no_record_and_no_lock(run):
    command = (
        "gristmill run --set 'spark={fs.s3a.secret.key: hush, x: 1}' --set fs.s3a.access.key=hush s3://me:hush@b/c"
    )
    with exclusive(run, command):
        execute(ABOVE, run, Settings(), lambda: pytest.fail("needs no Spark"), command)
    for file in Path(run.root, "runs").iterdir():
        assert "hush" not in file.read_text()
    assert run.record("above")["command"].count("***") == 3


def test_a_second_command_on_one_output_is_refused_and_the_owner_named(run):
    with exclusive(run, "gristmill run"):
        with pytest.raises(BusyError) as error, exclusive(run, "gristmill filter"):
            pass
        assert f"process {os.getpid()}" in error.value.reason
        assert "gristmill run" in error.value.reason


def test_the_lock_of_a_killed_process_is_free(run):
    program = """if True:
        import sys, os, pipelines.lock as l, pipelines.run as r
        with l.exclusive(r.Run(sys.argv[1]), "x"):
            print("held", flush=True)
            os.kill(os.getpid(), 9)"""
    killed = subprocess.run([sys.executable, "-c", program, run.root], capture_output=True, text=True, check=False)
    assert killed.stdout == "held\n"
    with exclusive(run, "gristmill run"):
        pass


def test_the_record_names_every_file_with_its_digests(run):
    go(ABOVE, run)
    table = json.loads(Path(run.path("runs", "above.json")).read_text())["committed"]["tables"]["above"]
    assert table["n_rows"] == 2
    assert set(table["files"][0]) == {"path", "n_rows", "n_bytes", "sha256", "digest"}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (None, 0),
        (InputError("x"), 66),
        (PermissionError(13, "no", "f"), 73),
        (OSError(5, "Input/output error", "f"), 73),
        (SystemExit(143), 143),
        (KeyError("x"), 70),
    ],
)
def test_every_end_has_its_exit_code(error, code):
    assert describe(error)[0] == code


def test_every_error_class_has_a_code_of_its_own():
    codes = [error.exit_code for error in GristmillError.__subclasses__()]
    assert sorted(codes) == [2, 65, 66, 73, 75]
