"""Shards of a run whose Python workers were killed as they encoded and wrote are those of any other, to the byte."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tiny_corpus import QUICK_JVM, TinyRun

PROGRAM = """if True:
    import os, signal, sys
    import pipelines.pack as stage

    def killed_once(function, marker):
        def die():
            try:
                os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                return
            os.kill(os.getpid(), signal.SIGKILL)

        def encode(uri, plan):
            for batch in function(uri, plan):
                yield batch
                die()

        def write(*arguments):
            made = function(*arguments)
            die()  # its files are published, and nobody knows
            return made

        return encode if function.__name__ == "encode_part" else write

    folder = sys.argv.pop(1)
    stage.encode_part = killed_once(stage.encode_part, folder + "/killed-encoding")
    stage.write_shard = killed_once(stage.write_shard, folder + "/killed-writing")
    from jobs.__main__ import entry
    entry()"""


def test_shards_are_the_same_after_workers_were_killed(tiny_run: TinyRun, tmp_path: Path) -> None:
    shutil.copytree(tiny_run.root, tmp_path / "run", ignore=shutil.ignore_patterns("shards", "pack.json"))
    master = f"--set=spark={{spark.master: 'local[2,4]', spark.driver.extraJavaOptions: '{QUICK_JVM}'}}"
    arguments = ["pack", "--settings", str(tiny_run.settings), f"--set=output={tmp_path}/run", master]
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    assert {path.name for path in tmp_path.glob("killed-*")} == {"killed-encoding", "killed-writing"}
    assert contents(tmp_path / "run/shards") == contents(tiny_run.root / "shards")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
