"""Fixtures that any test may ask for."""

import contextlib
import io
import json
import os
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from pyspark.sql import SparkSession
from tiny_corpus import PART_BYTES, QUICK_JVM, Command, Finished, TinyRun, settings_for, write_corpus

from jobs.session import start_session

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile("gristmill", deadline=None)  # the first call of a kernel may compile it
settings.load_profile("gristmill")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the long forms of fault and fuzz tests too")
    parser.addoption("--cluster", action="store_true", help="run the tests on the cluster of scripts/cluster")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for option, mark in (("--long", "slow"), ("--cluster", "cluster")):
        if not config.getoption(option):
            for item in items:
                if item.get_closest_marker(mark):
                    item.add_marker(pytest.mark.skip(reason=f"a long form; run with {option}"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real crawls and gold sets; the test is skipped where it is absent."""
    folder = Path(os.environ.get("GRISTMILL_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "warc").is_dir():
        pytest.skip(f"no real data in {folder}; set GRISTMILL_DATA to run this test")
    return folder


SPARK_SETTINGS = {
    "spark.master": "local[2]",
    "spark.driver.memory": "2g",
    "spark.driver.extraJavaOptions": QUICK_JVM,
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.adaptive.enabled": "true",
}


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """The one Spark session of the suite."""
    session = start_session("tests", SPARK_SETTINGS)
    yield session
    session.stop()


@pytest.fixture(scope="session")
def gristmill(spark: SparkSession) -> Command:
    """Runs the command in this process, with small parts and partitions, so that a few documents make several."""
    from jobs.__main__ import main

    def command(*arguments: object) -> Finished:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings(), small_parts():
            warnings.filterwarnings("ignore", category=DeprecationWarning, module="great_expectations")
            code = main([str(argument) for argument in arguments])
        return Finished(code, out.getvalue(), err.getvalue())

    return command


@contextlib.contextmanager
def small_parts() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.ingest.MIN_PART_BYTES", PART_BYTES)
        patch.setattr("pipelines.search.BYTES_PER_SHARD", 4_000)
        yield


@pytest.fixture(scope="session")
def tiny_run(gristmill: Command, tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    """The whole chain, run once over a small corpus."""
    folder = tmp_path_factory.mktemp("tiny")
    ids = write_corpus(folder / "corpus")
    file = folder / "settings.yaml"
    file.write_text(json.dumps(settings_for(folder / "corpus", folder / "run")))
    finished = gristmill("run", "--settings", file)
    assert finished.code == 0, finished.err
    return TinyRun(folder / "corpus", folder / "run", file, ids)


@pytest.fixture(scope="session")
def scheduled_run(gristmill: Command, tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    """A copy of it in which `refine` cuts no passages; so that stage too only has Spark schedule tasks."""
    folder = tmp_path_factory.mktemp("scheduled")
    shutil.copytree(tiny_run.root, folder / "run", ignore=shutil.ignore_patterns(".lock"))
    tree = json.loads(tiny_run.settings.read_text())
    file = folder / "settings.yaml"
    file.write_text(json.dumps({**tree, "output": str(folder / "run"), "refine": {**tree["refine"], "passages": []}}))
    finished = gristmill("refine", "--settings", file)
    assert finished.code == 0, finished.err
    return TinyRun(tiny_run.corpus, folder / "run", file, tiny_run.ids)
