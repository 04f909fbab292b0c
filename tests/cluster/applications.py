"""Applications on the cluster of scripts/cluster: submit, watch, and find the processes of one."""

import json
import os
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CLUSTER = Path(os.environ.get("GRISTMILL_CLUSTER", ROOT / ".cluster"))
HDFS, RESOURCE_MANAGER = "hdfs://127.0.0.1:19000", "http://127.0.0.1:18088"
EXECUTOR, MASTER, WORKER = "YarnCoarseGrainedExecutorBackend", "ApplicationMaster", "pyspark.daemon"
SECONDS_TO_END = 600


def submit(stage: str, settings: Path, *changes: str) -> str:
    """Submit a stage in cluster mode; the application's id."""
    command = [
        "spark-submit",
        *("--properties-file", ROOT / "dist" / "spark.conf"),
        *("--conf", "spark.yarn.submit.waitAppCompletion=false"),
        *("--files", settings),
        *(ROOT / "jobs" / f"{stage}.py", "--settings", settings.name),
        *[f"--set={change}" for change in changes],
    ]
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    return re.findall(r"application_\d+_\d+", finished.stdout + finished.stderr)[-1]


def state(application: str) -> dict[str, str]:
    """What the resource manager says of it: `state`, `finalStatus`, `diagnostics` ..."""
    with urllib.request.urlopen(f"{RESOURCE_MANAGER}/ws/v1/cluster/apps/{application}", timeout=10) as answer:
        return json.load(answer)["app"]


def wait(application: str) -> dict[str, str]:
    """What the resource manager says when it has ended."""
    deadline = time.monotonic() + SECONDS_TO_END
    while (found := state(application))["state"] not in ("FINISHED", "FAILED", "KILLED"):
        assert time.monotonic() < deadline, found
        time.sleep(1)
    return found


def processes(application: str, word: str) -> Iterator[tuple[int, Path]]:
    """(process, folder of its container) of each process of an application that has `word` in its command."""
    for folder in Path("/proc").iterdir():
        try:
            command, place = (folder / "cmdline").read_bytes().decode().split("\0"), (folder / "cwd").readlink()
        except (OSError, UnicodeDecodeError):
            continue
        is_program = not command[0].endswith("bash") and any(word in part for part in command)
        if is_program and application in place.parts:
            yield int(folder.name), place


def await_process(application: str, word: str) -> tuple[int, Path]:
    """The first process of an application that has `word` in its command."""
    deadline = time.monotonic() + SECONDS_TO_END
    while time.monotonic() < deadline:
        for found in processes(application, word):
            return found
        assert state(application)["state"] not in ("FINISHED", "FAILED", "KILLED"), f"it ended before {word} was seen"
        time.sleep(0.1)
    raise AssertionError(f"{word} was not seen")


def kill_daemon(name: str) -> None:
    """SIGKILL for a daemon of the cluster."""
    pid = int((CLUSTER / "pids" / name).read_text())
    os.kill(pid, 9)
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
        time.sleep(0.1)


def mend_cluster() -> None:
    """Start the daemons that are not running, and wait until all are ready."""
    subprocess.run([ROOT / "scripts" / "cluster", "up"], check=True, stdout=subprocess.DEVNULL)
