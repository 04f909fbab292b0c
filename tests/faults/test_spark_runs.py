"""The stages on real Spark, under faults in the driver and in Python workers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_corpus import TinyRun

HERE = Path(__file__).parent


@pytest.mark.parametrize("count", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_runs_on_spark_converge_under_faults(
    tiny_run: TinyRun, tmp_path: Path, count: int, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "plan").mkdir()
    found = os.pathsep.join(map(str, (HERE.parents[1], HERE.parent, HERE)))
    plan = {"FAULTS_PLAN": str(tmp_path / "plan"), "FAULTS_ROOT": str(tmp_path / "run"), "PYTHONPATH": found}
    command = [sys.executable, HERE / "spark_runs.py", tiny_run.root, tiny_run.settings, "0", str(count)]
    finished = subprocess.run(command, env={**os.environ, **plan}, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    with capsys.disabled():
        print(f"\n{finished.stdout}")
    assert json.loads(finished.stdout)["faults"]
