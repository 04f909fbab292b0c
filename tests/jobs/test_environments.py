"""The same bytes whatever the machine is like: hash seeds, time zones, locales, tasks in flight, Java.

The short form runs the stages that need no Spark in two odd environments; the long one in twenty, and the chain up to
the shards on Spark in six more. tests/jobs/test_again.py has one core, another zone and locale in any case.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_corpus import PART_BYTES, QUICK_JVM, TinyRun

HERE = Path(__file__).resolve().parent
STAGES = ("ingest", "measure", "filter", "decontaminate", "refine")
ZONES = ("Pacific/Apia", "America/St_Johns", "Asia/Kathmandu", "Africa/Casablanca", "UTC")
WITHOUT_SPARK = """if True:
    import sys
    from pathlib import Path
    from faulted import Faulted
    from conf.load import load_settings
    from jobs.settings import Settings
    root, file, stages = sys.argv[1], sys.argv[2], sys.argv[3:]
    sys.exit(Faulted(Path(root), load_settings(file, [f"output={root}"], Settings)).run(stages))"""
ON_SPARK = """if True:
    import sys, pipelines.ingest, pipelines.search
    pipelines.ingest.MIN_PART_BYTES = int(sys.argv.pop(1))
    pipelines.search.BYTES_PER_SHARD = 100 * int(sys.argv.pop(1))
    from jobs.__main__ import entry
    entry()"""
TURKISH = f"{QUICK_JVM} -Duser.language=tr -Duser.country=TR -Duser.timezone=Pacific/Apia"
JAVA = [path.parents[1] for path in sorted(Path("/usr/lib/jvm").glob("*/bin/java")) if "17" not in path.parts[-3]]


def turkish(folder: Path) -> dict[str, str]:
    """The Turkish locale, in which i has another capital, made in `folder`; C.UTF-8 where nothing can make it."""
    if shutil.which("localedef"):
        subprocess.run(["localedef", "-i", "tr_TR", "-f", "UTF-8", folder / "tr_TR.UTF-8"], capture_output=True)
    is_made = (folder / "tr_TR.UTF-8").is_dir()
    return {"LC_ALL": "tr_TR.UTF-8", "LOCPATH": str(folder)} if is_made else {"LC_ALL": "C.UTF-8"}


def contents(root: Path, *tables: str) -> dict[str, bytes]:
    paths = (path for table in tables for path in (root / table).rglob("*"))
    return {str(path.relative_to(root)): path.read_bytes() for path in paths if path.is_file()}


@pytest.mark.parametrize("seeds", [range(2), pytest.param(range(2, 20), marks=pytest.mark.slow)], ids=str)
def test_hash_seeds_zones_and_locales_change_nothing(scheduled_run: TinyRun, tmp_path: Path, seeds: range):
    for seed in seeds:
        root = tmp_path / str(seed)
        shutil.copytree(scheduled_run.root, root, ignore=shutil.ignore_patterns(".lock"))
        for stage in STAGES:
            (root / "runs" / f"{stage}.json").unlink()
        paths = os.pathsep.join(map(str, (HERE.parents[1], HERE.parent, HERE.parent / "faults")))
        odd = {
            "PYTHONHASHSEED": str(seed),
            "TZ": ZONES[seed % len(ZONES)],
            **(turkish(tmp_path) if seed % 2 else {"LC_ALL": "C"}),
        }
        command = [sys.executable, "-c", WITHOUT_SPARK, root, scheduled_run.settings, *STAGES]
        subprocess.run(command, env={**os.environ, **odd, "PYTHONPATH": paths}, check=True)
        tables = ("documents", "quarantine", "signals", "ledger", "clean")
        assert contents(root, *tables) == contents(scheduled_run.root, *tables)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cores", "rows", "options", "java"),
    [
        (1, 1000, QUICK_JVM, None),
        (2, 40, TURKISH, None),
        (8, 10, QUICK_JVM, None),
        (8, 1000, TURKISH, None),
        *[(2, 40, QUICK_JVM, java) for java in JAVA[:1]],
    ],
)
def test_tasks_in_flight_partitions_and_java_change_nothing(
    tiny_run: TinyRun, tmp_path: Path, cores: int, rows: int, options: str, java: Path | None
):
    spark = {
        "spark.master": f"local[{cores}]",
        "spark.driver.memory": "1g",
        "spark.sql.shuffle.partitions": cores,
        "spark.driver.extraJavaOptions": options,
    }
    odd = {"PYTHONHASHSEED": str(cores), **turkish(tmp_path), **({"JAVA_HOME": str(java)} if java else {})}
    command = [sys.executable, "-c", ON_SPARK, str(PART_BYTES), str(rows), "run", "--until=pack"]
    changes = [f"--settings={tiny_run.settings}", f"--set=output={tmp_path}/run", f"--set=spark={json.dumps(spark)}"]
    finished = subprocess.run([*command, *changes], env={**os.environ, **odd}, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    other = TinyRun(tiny_run.corpus, tmp_path / "run", tiny_run.settings, tiny_run.ids)
    same = {name: digest for name, digest in tiny_run.digests().items() if name not in ("validation", "report")}
    assert other.digests() == same
    assert contents(other.root, "shards") == contents(tiny_run.root, "shards")
