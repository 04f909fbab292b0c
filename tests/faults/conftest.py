"""Copies of the finished run over the small corpus, to run stages on under faults."""

import os
import shutil
from pathlib import Path

import pytest
from faulted import Copied, Faulted
from tiny_corpus import TinyRun

from conf.load import load_settings
from jobs.settings import Settings


@pytest.fixture
def copied(scheduled_run: TinyRun, tmp_path: Path) -> Copied:
    """Makes copies of the finished run, each in a folder of its own, with changes to the settings."""
    numbers = iter(range(1_000_000))

    def copy(*changes: str) -> Faulted:
        root = tmp_path / f"run-{next(numbers)}"
        shutil.copytree(scheduled_run.root, root, copy_function=os.link, ignore=shutil.ignore_patterns(".lock"))
        return Faulted(root, load_settings(str(scheduled_run.settings), [f"output={root}", *changes], Settings))

    return copy
