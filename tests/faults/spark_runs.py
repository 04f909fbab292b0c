"""Stages on real Spark under faults drawn by seed, in one session: `spark_runs.py DONE SETTINGS FIRST COUNT` prints as
JSON what was done to the runs. DONE is a finished run; its stages STAGES are run anew, in a copy for each seed.

SIGKILL is for workers only, since the driver is this process; errors of the file system strike both.
"""

import json
import os
import random
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from operations import watched
from planned import FOLDER, Planned
from pyspark.sql import SparkSession
from tiny_corpus import PART_BYTES, QUICK_JVM
from witness import check_finished, look, tree

import pipelines.dedup
import pipelines.ingest
import pipelines.search
from conf.load import load_settings
from jobs.session import lazy_session
from jobs.settings import Settings
from jobs.stages import STAGES
from pipelines.run import Run
from pipelines.stage import describe, execute

REDONE = ("ingest", "dedup", "refine", "pack")
N_FAULTS = 5
SPARK = {
    "spark.master": "local[2,3]",
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": QUICK_JVM,
    "spark.sql.shuffle.partitions": 2,
    "spark.python.daemon.module": "faulty_daemon",
}


def undone(done: Path, root: Path) -> None:
    """A copy of the finished run in which these stages have still to run."""
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(done, root, ignore=shutil.ignore_patterns(".lock"))
    for stage in REDONE:
        record = root / "runs" / f"{stage}.json"
        for table in json.loads(record.read_text())["committed"]["tables"]:
            shutil.rmtree(root / table)
        record.unlink()


def attempt(root: Path, settings: Settings, session: Callable[[], SparkSession]) -> int:
    """Run the stages as the command does, a reader looking after each; the exit code."""
    run = Run(str(root))
    for stage in REDONE:
        try:
            with watched(str(root), Planned("driver")):
                execute(STAGES[stage], run, settings, session, "a test")
        except Exception as error:
            return describe(error)[0]
        finally:
            look(root)
    return 0


def draw(rng: random.Random, places: list[str]) -> list[tuple[str, str]]:
    chosen = [rng.choice(places) for _ in range(N_FAULTS)]
    return [(one, rng.choice(("EIO", "ENOSPC") + ("KILL", "KILL") * one.startswith("worker"))) for one in chosen]


def main(done: Path, settings_file: str, first: int, count: int) -> dict[str, object]:
    pipelines.ingest.MIN_PART_BYTES = PART_BYTES
    pipelines.search.BYTES_PER_SHARD = 4_000
    root = Path(os.environ["FAULTS_ROOT"])
    settings = load_settings(settings_file, [f"output={root}"], Settings)
    session = lazy_session("faults", SPARK)
    undone(done, root)
    assert attempt(root, settings, session) == 0
    expected = tree(root)
    check_finished(root, expected)
    places = sorted(set((FOLDER / "seen").read_text().splitlines()))
    codes, struck = Counter[int](), Counter[str]()
    for seed in range(first, first + count):
        rng = random.Random(seed)
        undone(done, root)
        for marker in FOLDER.glob("struck-*"):
            marker.unlink()
        plan = draw(rng, places)
        (FOLDER / "plan.json").write_text(json.dumps(plan))
        while code := attempt(root, settings, session):
            codes[code] += 1
        check_finished(root, expected)
        struck.update(kind for n, (_, kind) in enumerate(plan) if (FOLDER / f"struck-{n}").exists())
    return {"runs": count, "places": len(places), "faults": struck, "failed attempts by exit code": codes}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
