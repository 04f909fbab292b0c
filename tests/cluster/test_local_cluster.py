"""The short form, everywhere: the chain on executors that are processes of their own, as on a cluster."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyspark
from digests import digests_of
from tiny_corpus import PART_BYTES, QUICK_JVM, TinyRun

from pipelines.run import Run

SPARK = {
    "spark.master": "local-cluster[2,1,1024]",
    "spark.executor.memory": "1g",
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": QUICK_JVM,
    "spark.executor.extraJavaOptions": QUICK_JVM,
    "spark.sql.shuffle.partitions": 2,
}
SMALL_PARTS = f"""
import sys
import pipelines.ingest
from jobs.__main__ import main
pipelines.ingest.MIN_PART_BYTES = {PART_BYTES}
sys.exit(main(sys.argv[1:]))
"""


def test_executors_in_processes_of_their_own_come_to_the_same_digests(tiny_run: TinyRun, tmp_path: Path):
    settings = json.loads(tiny_run.settings.read_text()) | {"output": str(tmp_path / "run"), "spark": SPARK}
    (tmp_path / "settings.yaml").write_text(json.dumps(settings))
    program = tmp_path / "small_parts.py"  # a file: under `python -c` pyspark takes itself for a doctest, and exits
    program.write_text(SMALL_PARTS)
    home = tmp_path / "spark"  # where executors work: not in the installed package
    home.mkdir()
    for part in ("bin", "jars", "python"):
        (home / part).symlink_to(Path(pyspark.__file__).parent / part)
    environment = {**os.environ, "SPARK_HOME": str(home)}
    command = [sys.executable, str(program), "run", "--settings", str(tmp_path / "settings.yaml")]
    finished = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert "report           done" in finished.stderr, finished.stderr
    assert digests_of(Run(str(tmp_path / "run"))) == digests_of(Run(str(tiny_run.root)))
    assert {path.name for path in home.glob("work/app-*/*")} >= {"0", "1"}, "executors had folders to work in"
