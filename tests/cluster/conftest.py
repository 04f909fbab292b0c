"""A corpus on the cluster, and the digests that every run over it has to come to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from applications import HDFS
from digests import Corpus, digests_of

from jobs.demo_corpus import write_demo
from pipelines.run import Run


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("cluster")
    settings = write_demo(str(folder))
    subprocess.run([sys.executable, "-m", "jobs", "run", "--settings", settings], check=True)
    return Corpus(folder, digests_of(Run(str(folder / "run"))))


@pytest.fixture(scope="session")
def on_hdfs(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    """The run over the corpus on HDFS, not yet made, and the settings file to make it."""
    file = tmp_path_factory.mktemp("settings") / "hdfs.yaml"
    return corpus.copied_to(f"{HDFS}/tests/{os.getpid()}", file), file
