"""Applications on the cluster of scripts/cluster: submit, watch, and find the processes of one."""

import json
import os
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tiny_corpus import QUICK_JVM

ROOT = Path(__file__).resolve().parents[2]
CLUSTER = Path(os.environ.get("GRISTMILL_CLUSTER", ROOT / ".cluster"))
HDFS, RESOURCE_MANAGER = "hdfs://127.0.0.1:19000", "http://127.0.0.1:18088"
EXECUTOR, MASTER, WORKER = "YarnCoarseGrainedExecutorBackend", "ApplicationMaster", "pyspark.daemon"
ENDED = ("FINISHED", "FAILED", "KILLED")
EVENTS = CLUSTER / "events"
SPARK = {
    "spark.driver.extraJavaOptions": QUICK_JVM,
    "spark.executor.extraJavaOptions": QUICK_JVM,
    "spark.eventLog.enabled": "true",
    "spark.eventLog.dir": EVENTS.as_uri(),
    "spark.eventLog.rolling.enabled": "false",
    "spark.eventLog.compress": "false",
}
SECONDS_TO_END = 900


@dataclass(frozen=True)
class Process:
    pid: int
    parent: int
    command: list[str]
    folder: Path
    """That of its container."""

    @property
    def node(self) -> str:
        return next(part for part in self.folder.parts if part.startswith("node-"))

    def after(self, option: str) -> str:
        return self.command[self.command.index(option) + 1]


def submit(stage: str, settings: Path, *changes: str, conf: Mapping[str, str] = MappingProxyType({})) -> str:
    """Submit a stage, or `run`, which is all of them; in cluster mode, if `conf` does not say otherwise. The
    application's id."""
    EVENTS.mkdir(exist_ok=True)
    program = [ROOT / "jobs" / f"{stage}.py"] if stage != "run" else [ROOT / "jobs" / "__main__.py", "run"]
    command = [
        "spark-submit",
        *("--properties-file", ROOT / "dist" / "spark.conf"),
        *("--conf", "spark.yarn.submit.waitAppCompletion=false"),
        *[word for pair in {**SPARK, **conf}.items() for word in ("--conf", "=".join(pair))],
        *("--files", settings),
        *(*program, "--settings", settings.name),
        *[f"--set={change}" for change in changes],
    ]
    finished = subprocess.run(command, cwd=settings.parent, capture_output=True, text=True, check=True)
    return re.findall(r"application_\d+_\d+", finished.stdout + finished.stderr)[-1]


def state(application: str) -> dict[str, str]:
    """What the resource manager says of it: `state`, `finalStatus`, `diagnostics` ..."""
    with urllib.request.urlopen(f"{RESOURCE_MANAGER}/ws/v1/cluster/apps/{application}", timeout=10) as answer:
        return json.load(answer)["app"]


def wait(application: str) -> dict[str, str]:
    """What the resource manager says when it has ended."""
    deadline = time.monotonic() + SECONDS_TO_END
    while (found := state(application))["state"] not in ENDED:
        assert time.monotonic() < deadline, found
        time.sleep(1)
    return found


def processes(application: str, word: str) -> Iterator[Process]:
    """Each process of an application that has `word` in its command."""
    for folder in Path("/proc").iterdir():
        try:
            command, place = (folder / "cmdline").read_bytes().decode().split("\0"), (folder / "cwd").readlink()
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, UnicodeDecodeError):
            continue
        is_program = not command[0].endswith("bash") and any(word in part for part in command)
        if is_program and application in place.parts:
            yield Process(int(folder.name), parent, command, place)


def await_work(application: str) -> Process:
    """An executor in the midst of a stage: it works on a task, and others are done. One on another node than the
    application master's, if there is such a one."""
    deadline = time.monotonic() + SECONDS_TO_END
    while time.monotonic() < deadline:
        executors = spark_api(application, "executors")
        busy = {found["id"] for found in executors if found["activeTasks"]}
        if busy and sum(found["completedTasks"] for found in executors):
            masters = {process.node for process in processes(application, MASTER)}
            found = [process for process in processes(application, EXECUTOR) if process.after("--executor-id") in busy]
            for process in sorted(found, key=lambda process: process.node in masters):
                return process
        assert state(application)["state"] not in ENDED, "it ended before it was seen at work"
        time.sleep(0.1)
    raise AssertionError("it was not seen at work")


def spark_api(application: str, what: str) -> list[dict[str, Any]]:
    """What a running application says of itself; nothing while it does not answer."""
    url = f"{RESOURCE_MANAGER}/proxy/{application}/api/v1/applications/{application}/{what}"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)
    except (OSError, ValueError):
        return []


def failed_tasks(application: str) -> int:
    """Tasks that failed, by the events that Spark wrote down; one that a copy of it overtook is not among them."""
    log = next(EVENTS.glob(f"{application}*"))
    events = [json.loads(line) for line in log.read_text().splitlines() if "SparkListenerTaskEnd" in line]
    return sum(event["Task End Reason"]["Reason"] not in ("Success", "TaskKilled") for event in events)


def kill_daemon(name: str) -> None:
    """SIGKILL for a daemon of the cluster."""
    pid = int((CLUSTER / "pids" / name).read_text())
    os.kill(pid, 9)
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
        time.sleep(0.1)


def mend_cluster() -> None:
    """Start the daemons that are not running, and wait until all are ready."""
    subprocess.run([ROOT / "scripts" / "cluster", "up"], check=True, stdout=subprocess.DEVNULL)
