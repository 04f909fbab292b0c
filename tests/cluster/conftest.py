"""A corpus on the cluster, and the digests that every run over it has to come to."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from applications import HDFS
from digests import Corpus, digests_of
from tiny_corpus import english

from jobs.demo_corpus import write_demo
from pipelines.run import Run

N_FILES, N_DOCUMENTS, N_SENTENCES = 6, 9200, 12


def write_large(folder: Path) -> None:
    """Files of one part each, so that executors share a stage; every tenth text is nearly the one before it."""
    folder.mkdir()
    for first in range(0, N_FILES * N_DOCUMENTS, N_DOCUMENTS):
        texts = [
            english(n - 1, N_SENTENCES) + "\nThe end." if n % 10 == 9 else english(n, N_SENTENCES)
            for n in range(first, first + N_DOCUMENTS)
        ]
        lines = [json.dumps({"text": text}) + "\n" for text in texts]
        (folder / f"{first:06d}.jsonl").write_text("".join(lines))


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("cluster")
    settings = write_demo(str(folder))
    write_large(folder / "corpus" / "large")
    large = f"  - {{kind: jsonl, source: large, paths: [{folder}/corpus/large/*.jsonl]}}"
    settings.write_text(settings.read_text().replace("inputs:", f"inputs:\n{large}"))
    subprocess.run([sys.executable, "-m", "jobs", "run", "--settings", settings], check=True)
    return Corpus(folder, digests_of(Run(str(folder / "run"))))


@pytest.fixture(scope="session")
def on_hdfs(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    """The run over the corpus on HDFS, not yet made, and the settings file to make it."""
    file = tmp_path_factory.mktemp("settings") / "hdfs.yaml"
    return corpus.copied_to(f"{HDFS}/tests/{os.getpid()}", file), file
