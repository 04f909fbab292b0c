"""Processes of an application, and of the cluster, are killed while a stage works: the stage ends as if nothing had
been, or fails, and then the same command converges."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from applications import EXECUTOR, MASTER, WORKER, await_process, kill_daemon, mend_cluster, submit, wait
from digests import STAGES, Corpus, digests_of

from pipelines.run import Run
from udfs import files

pytestmark = pytest.mark.cluster
FAULTED = ("ingest", "dedup", "pack")


def kill(word: str) -> Callable[[str], None]:
    """SIGKILL for the first process of its kind, as soon as Python works somewhere."""

    def fault(application: str) -> None:
        await_process(application, WORKER)
        os.kill(await_process(application, word)[0], 9)

    return fault


def lose_node(application: str) -> None:
    """A node dies: its node manager, and the executor that works on it."""
    executor, container = await_process(application, EXECUTOR)
    node = next(part for part in container.parts if part.startswith("node-"))
    kill_daemon(f"nodemanager-{node[-1]}")
    os.kill(executor, 9)


def restart_datanode(application: str) -> None:
    await_process(application, WORKER)
    kill_daemon("datanode")
    time.sleep(5)
    mend_cluster()


FAULTS = {
    "executor": kill(EXECUTOR),
    "python worker": kill(WORKER),
    "application master": kill(MASTER),
    "node manager": lose_node,
    "data node": restart_datanode,
}


@pytest.fixture(scope="module")
def done(on_hdfs: tuple[Run, Path]) -> tuple[Run, Path]:
    """The run, with every stage done."""
    run, settings = on_hdfs
    for stage in STAGES:
        if run.committed(stage) is None:
            assert wait(submit(stage, settings))["finalStatus"] == "SUCCEEDED"
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
    application = submit(stage, settings)
    FAULTS[fault](application)
    if wait(application)["finalStatus"] != "SUCCEEDED":
        mend_cluster()
        assert wait(submit(stage, settings))["finalStatus"] == "SUCCEEDED"
    expected = {name: digest for name, digest in corpus.digests.items() if name.startswith(f"{stage}: ")}
    assert digests_of(run, (stage,)) == expected
    committed = run.committed(stage)
    assert committed is not None
    for table in committed.tables.values():
        fs, folder = files.locate(run.path(table.name))
        found = {path.removeprefix(folder + "/") for path in fs.find(folder)}
        assert found == {file.path for file in table.files}, "a killed task left something behind"
