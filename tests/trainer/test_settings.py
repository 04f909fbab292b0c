"""The settings files that ship with the trainer are valid."""

from pathlib import Path

import pytest

import conf
from conf.load import load_settings
from trainer.settings import Settings

FILES = sorted(Path(conf.__file__).parent.glob("train*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_shipped_settings_file_loads(file: Path) -> None:
    assert load_settings(str(file), [], Settings).steps > 0


def test_there_is_a_demo() -> None:
    assert "train-demo.yaml" in {file.name for file in FILES}
