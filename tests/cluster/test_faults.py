"""Processes of an application, and of the cluster, are killed while a stage works: the stage ends as if nothing had
been, or fails, and then the same command converges."""

import contextlib
import os
import time
from pathlib import Path

import pytest
from applications import (
    EXECUTOR,
    MASTER,
    WORKER,
    await_work,
    failed_tasks,
    kill_daemon,
    mend_cluster,
    processes,
    spark_api,
    submit,
    wait,
)
from digests import Corpus, digests_of

from pipelines.run import Run
from udfs import files

pytestmark = pytest.mark.cluster
FAULTED = ("ingest", "dedup", "pack")


def kill_executor(application: str) -> None:
    os.kill(await_work(application).pid, 9)


def kill_python_workers(application: str) -> None:
    """Those of an executor; the daemon that forked them lives. Again until a task fails by it: between the short tasks
    of a stage, workers wait in a pool, and Spark quietly replaces one that dies there."""
    while not any(executor["failedTasks"] for executor in spark_api(application, "executors")):
        folder = await_work(application).folder
        python = [process for process in processes(application, WORKER) if process.folder == folder]
        forked = [process.pid for process in python if process.parent in {other.pid for other in python}]
        for pid in forked:
            with contextlib.suppress(ProcessLookupError):  # it ended by itself
                os.kill(pid, 9)
        time.sleep(0.5 if forked else 0.1)  # the driver is told of the failure


def kill_master(application: str) -> None:
    await_work(application)
    for process in processes(application, MASTER):
        os.kill(process.pid, 9)


def lose_node(application: str) -> None:
    """A node dies: its node manager, and the executors that work on it."""
    node = await_work(application).node
    kill_daemon(f"nodemanager-{node[-1]}")
    for process in processes(application, EXECUTOR):
        if process.node == node:
            os.kill(process.pid, 9)


def restart_datanode(application: str) -> None:
    await_work(application)
    kill_daemon("datanode")
    time.sleep(5)
    mend_cluster()


FAULTS = {
    "executor": kill_executor,
    "Python worker": kill_python_workers,
    "application master": kill_master,
    "node manager": lose_node,
    "data node": restart_datanode,
}
LOSES_TASKS = ("executor", "Python worker", "node manager")


@pytest.fixture(scope="module")
def done(on_hdfs: tuple[Run, Path], corpus: Corpus) -> tuple[Run, Path]:
    """The run, with every stage done in one application."""
    run, settings = on_hdfs
    assert wait(submit("run", settings))["finalStatus"] == "SUCCEEDED"
    assert digests_of(run) == corpus.digests
    return on_hdfs


@pytest.fixture
def cluster():
    yield
    mend_cluster()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("stage", FAULTED)
def test_a_stage_survives(stage: str, fault: str, corpus: Corpus, done: tuple[Run, Path], cluster: None):
    run, settings = done
    files.delete(run.path("runs", f"{stage}.json"))  # so that there is something to do
    started = time.monotonic()
    application = submit(stage, settings)
    FAULTS[fault](application)
    survived = wait(application)["finalStatus"] == "SUCCEEDED"
    if fault in LOSES_TASKS:
        assert failed_tasks(application), "nothing was at work in what was killed"
    if not survived:
        mend_cluster()
        assert wait(submit(stage, settings))["finalStatus"] == "SUCCEEDED"
    outcome = "the same application ended well" if survived else "it failed, the next one ended well"
    print(f"{fault} in {stage}: {outcome}, {time.monotonic() - started:.0f} s")
    expected = {name: digest for name, digest in corpus.digests.items() if name.startswith(f"{stage}: ")}
    assert digests_of(run, (stage,)) == expected
    committed = run.committed(stage)
    assert committed is not None
    for table in committed.tables.values():
        fs, folder = files.locate(run.path(table.name))
        found = {path.removeprefix(folder + "/") for path in fs.find(folder)}
        assert found == {file.path for file in table.files}, "a killed task left something behind"
