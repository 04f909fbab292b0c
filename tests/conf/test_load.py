"""Settings: what is merged over what, and what an error says."""

import subprocess
import sys
import zipfile
from functools import partial
from pathlib import Path

import pytest
from pydantic import Field

from conf.load import SettingsError, load_settings
from conf.model import Model


class Stage(Model):
    share: float = Field(0.5, ge=0, le=1)
    languages: list[str] = []
    bounds: dict[str, dict[str, float | None] | None] = {}


class Settings(Model):
    output: str
    stage: Stage = Stage()
    recipe: str | list[str] = "none"


@pytest.fixture
def write(tmp_path):
    def write(text: str, name: str = "settings.yaml") -> str:
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


def test_a_file_is_read_as_yaml_1_2(write):
    loaded = load_settings(write("output: x\nstage:\n  languages: [no, en]\n  share: 3e-1\n"), [], Settings)
    assert loaded.stage.languages == ["no", "en"]
    assert loaded.stage.share == 0.3


def test_an_override_wins_over_the_file_and_the_file_over_the_recipe(write):
    recipe = write("stage: {share: 0.1, bounds: {a: {x: 1, y: 2}, b: {z: 3}}}\n", "recipe.yaml")
    file = write(f"output: x\nrecipe: {recipe}\nstage: {{bounds: {{a: {{y: null}}}}, share: 0.2}}\n")
    loaded = load_settings(file, ["stage.share=0.3"], Settings)
    assert loaded.stage.share == 0.3
    assert loaded.stage.bounds == {"a": {"x": 1, "y": None}, "b": {"z": 3}}


def test_later_recipes_lie_over_earlier_ones_and_can_be_named_on_the_command_line(write):
    one, two = write("stage: {share: 0.1}\n", "one.yaml"), write("stage: {share: 0.2}\n", "two.yaml")
    file = write("output: x\nstage: {languages: [en]}\n")
    assert load_settings(file, [f"recipe=[{one}, {two}]"], Settings).stage.share == 0.2
    assert load_settings(file, [f"recipe={two}"], Settings).stage.languages == ["en"]


@pytest.mark.parametrize(
    ("text", "overrides", "expected"),
    [
        ("output: x\nstage:\n  shaer: 1\n", [], "3: stage.shaer: there is no such key; did you mean 'share'?"),
        ("output: x\nstage:\n  share: 2\n", [], "3: stage.share: Input should be less than or equal to 1 (found 2)"),
        ("stage: {}\n", [], "output: this key is required"),
        ("output: x\n", ["stage.share=hi"], "--set: stage.share: Input should be a valid number"),
        ("output: x\n", ["stage.share"], "--set stage.share: expected KEY=VALUE"),
        ("output: x\noutput: y\n", [], 'found duplicate key "output"'),
        ("- x\n", [], "a settings file is a mapping of keys to values; this one is a"),
        ("output: [\n", [], "cannot be read as YAML"),
        ("output: x\nrecipe: finweb\n", [], "2: recipe: there is no recipe 'finweb'; did you mean 'fineweb'?"),
    ],
)  # fmt: skip
def test_an_error_names_place_key_problem_and_value(write, text, overrides, expected):
    with pytest.raises(SettingsError) as error:
        load_settings(write(text), overrides, Settings)
    assert expected in str(error.value)


def test_a_mistake_in_a_recipe_is_placed_there(write):
    recipe = write("stage:\n  languages: [en]\n  share: 7\n", "mine.yaml")
    with pytest.raises(SettingsError, match=r"mine\.yaml:3: stage\.share"):
        load_settings(write(f"output: x\nrecipe: {recipe}\n"), [], Settings)


def test_all_mistakes_are_reported_at_once(write):
    with pytest.raises(SettingsError) as error:
        load_settings(write("stage: {shaer: 1, share: 7}\n"), [], Settings)
    assert len(str(error.value).splitlines()) == 3


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"nowhere\.yaml: no such settings file"):
        load_settings(str(tmp_path / "nowhere.yaml"), [], Settings)


def test_recipes_are_read_from_the_zip_that_a_cluster_is_sent(tmp_path):
    root = Path(__file__).parents[2]
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as code:
        for file in [*root.glob("conf/*.py"), *root.glob("conf/recipes/*.yaml")]:
            code.write(file, file.relative_to(root).as_posix())
    program = """import sys
from pydantic import BaseModel
from conf.load import SettingsError, load_settings
try:
    print(load_settings("s.yaml", sys.argv[1:], type("Any", (BaseModel,), {"model_config": {"extra": "allow"}})))
except SettingsError as error:
    print(error)
"""
    (tmp_path / "s.yaml").write_text("recipe: gopher\n")
    run = partial(subprocess.run, capture_output=True, text=True, cwd=tmp_path, env={"PYTHONPATH": "code.zip"})
    found, missed = (run([sys.executable, "-c", program, *given]) for given in ((), ("recipe=goper",)))
    assert "'word_count': {'min': 50" in found.stdout, found.stderr
    assert "did you mean 'gopher'?; there are c4, ccnet" in missed.stdout, missed.stderr
