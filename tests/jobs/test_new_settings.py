"""`gristmill init` writes every key as it is by default, and a schema that editors check against."""

import json
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from conf.load import load_settings, made_settings
from jobs.__main__ import main
from jobs.settings import Settings


@pytest.fixture
def written(tmp_path: Path) -> Path:
    file = tmp_path / "run.yaml"
    assert main(["init", str(file), "--inputs", "in/*.jsonl", "-o", "out", "--recipe", "gopher"]) == 0
    return file


def test_as_written_and_with_every_key_uncommented_it_is_the_default(written: Path) -> None:
    given = {"inputs": ["in/*.jsonl"], "output": "out", "recipe": "gopher"}
    assert load_settings(str(written), [], Settings) == made_settings(given, [], Settings)
    text = written.read_text().replace('recipe: "gopher"', 'recipe: "none"')
    text = "\n".join(line.removeprefix("# ") for line in text.splitlines()[3:])
    uncommented = written.with_name("all.yaml")
    uncommented.write_text(text)
    assert set(YAML(typ="safe").load(text)) == set(Settings.model_fields)
    assert load_settings(str(uncommented), [], Settings) == made_settings(given | {"recipe": "none"}, [], Settings)


def test_the_schema_accepts_the_file_and_names_what_is_wrong(written: Path) -> None:
    schema = json.loads(written.with_suffix(".schema.json").read_text())
    assert "$schema=run.schema.json" in written.read_text().splitlines()[0]
    settings = YAML(typ="safe").load(written.read_text())
    jsonschema.validate(settings, schema)
    with pytest.raises(jsonschema.ValidationError, match="tresh"):
        jsonschema.validate(settings | {"dedup": {"tresh": 0.7}}, schema)


def test_a_file_that_is_there_is_left_alone(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = written.read_bytes()
    assert main(["init", str(written)]) == 73
    assert "is there already" in capsys.readouterr().err
    assert written.read_bytes() == before
