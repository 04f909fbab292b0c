"""Fixtures that any test may ask for."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from pyspark.sql import SparkSession

from jobs.session import start_session

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile("gristmill", deadline=None)  # the first call of a kernel may compile it
settings.load_profile("gristmill")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the long forms of fault and fuzz tests too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long"):
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="a long form; run with --long"))


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
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.adaptive.enabled": "true",
}


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """The one Spark session of the suite."""
    session = start_session("tests", SPARK_SETTINGS)
    yield session
    session.stop()
