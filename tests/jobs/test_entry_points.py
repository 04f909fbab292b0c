"""Every stage is a job file of its own, for plain Python and for spark-submit."""

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pyspark
import pytest
from tiny_corpus import QUICK_JVM, TinyRun

from jobs.session import COMMITTER, start_session
from jobs.stages import CHAIN
from udfs.errors import UsageError

JOBS = Path(__file__).resolve().parents[2] / "jobs"


@pytest.mark.parametrize("stage", [stage.name for stage in CHAIN])
def test_a_job_file_runs_its_stage(stage: str, monkeypatch: pytest.MonkeyPatch):
    started: list[str] = []
    monkeypatch.setattr("jobs.__main__.run_job", started.append)
    runpy.run_path(str(JOBS / f"{stage}.py"), run_name="__main__")
    assert started == [stage]
    runpy.run_path(str(JOBS / f"{stage}.py"), run_name="imported")
    assert started == [stage]


def test_plain_python_ends_with_the_exit_code_and_one_message(tiny_run: TinyRun, tmp_path: Path):
    command = [sys.executable, JOBS / "filter.py", "--settings", tiny_run.settings, f"--set=output={tmp_path}/run"]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert finished.returncode == 66
    assert "documents: not there yet" in finished.stderr
    assert "run `gristmill ingest` first" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_spark_submit_runs_a_stage_in_its_session(tiny_run: TinyRun, tmp_path: Path):
    shutil.copytree(tiny_run.root, tmp_path / "run")
    submit = Path(pyspark.__file__).parent / "bin" / "spark-submit"
    changes = [f"--set=output={tmp_path}/run", "--set=filter.bounds.gopher.word_count.min=85"]
    command = [
        submit,
        "--master",
        "local[1]",
        "--driver-java-options",
        QUICK_JVM,
        JOBS / "filter.py",
        "--settings",
        tiny_run.settings,
        *changes,
    ]
    environment = {**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    finished = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert "filter           done in" in finished.stdout  # spark-submit sends both there
    run = TinyRun(tiny_run.corpus, tmp_path / "run", tiny_run.settings, tiny_run.ids)
    n_words = {row["id"]: row["gopher"]["word_count"] for row in run.rows("signals")}
    removed = {row["id"] for row in run.rows("ledger/filter") if "gopher.word_count" in row["broken"]}
    assert removed == {identity for identity, n in n_words.items() if n < 85}


def test_committer_version_2_is_refused_wherever_it_is_set(tiny_run: TinyRun, tmp_path: Path):
    submit = Path(pyspark.__file__).parent / "bin" / "spark-submit"
    command = [submit, "--master", "local[1]", "--conf", f"{COMMITTER}=2", JOBS / "filter.py"]
    changes = ["--settings", tiny_run.settings, f"--set=output={tmp_path}/run"]
    environment = {**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    finished = subprocess.run([*command, *changes], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert finished.returncode == 2
    assert f"{COMMITTER} is 2" in finished.stdout + finished.stderr
    with pytest.raises(UsageError, match=COMMITTER):
        start_session("test", {COMMITTER: 2})
