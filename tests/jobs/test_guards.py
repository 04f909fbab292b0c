"""Names and files over which other programs would stumble, and settings files that no longer load."""

import importlib.metadata
import sys
import tomllib
from pathlib import Path

import pytest

from conf.load import load_settings
from jobs.settings import Settings
from jobs.stages import CHAIN, STAGES
from pipelines.tables import TABLES, writer_of
from trainer.settings import Settings as TrainerSettings

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"][
    "packages"
]
RECIPES = sorted(path.stem for path in (ROOT / "conf/recipes").glob("*.yaml"))
FILES = sorted(path.name for path in (ROOT / "conf").glob("*.yaml"))


def test_no_job_file_hides_a_module_from_those_that_run_beside_it():
    """Python puts the folder of the script that it runs before everything else."""
    names = {path.stem for path in (ROOT / "jobs").glob("*.py")} - {"__init__", "__main__"}
    assert not names & sys.stdlib_module_names
    assert not names & importlib.metadata.packages_distributions().keys()


@pytest.mark.parametrize("package", PACKAGES)
def test_no_package_of_ours_has_the_name_of_another_distributions(package: str):
    assert package not in sys.stdlib_module_names
    assert set(importlib.metadata.packages_distributions().get(package, [])) <= {"gristmill"}
    assert (ROOT / package / "__init__.py").is_file()


def test_the_folder_of_dags_is_no_package():
    """It would hide Airflow's own."""
    assert list((ROOT / "airflow").rglob("__init__.py")) == []


@pytest.mark.parametrize("recipe", ["none", *RECIPES])
def test_every_recipe_is_right_in_itself_and_below_another(recipe: str, tmp_path: Path):
    file = tmp_path / "settings.yaml"
    file.write_text(f"output: run\ninputs: [x.jsonl]\nrecipe: [{recipe}, web]\n")
    assert load_settings(str(file), [], Settings).recipe == [recipe, "web"]
    assert load_settings(str(file), [f"recipe={recipe}"], Settings).filter.checks(None)[0].reason == "empty"


@pytest.mark.parametrize("file", FILES)
def test_every_settings_file_loads(file: str):
    if file.startswith("train"):
        load_settings(str(ROOT / "conf" / file), [], TrainerSettings)
    else:
        load_settings(str(ROOT / "conf" / file), ["inputs=[x.jsonl]"], Settings)


def test_a_stage_reads_what_stages_before_it_write_and_needs_settings_that_exist():
    settings = Settings(output="run", inputs=["x.jsonl"])  # pyright: ignore[reportArgumentType] - as YAML has it
    written: set[str] = set()
    for stage in CHAIN:
        assert {writer_of(table) for table in stage.reads} <= written, stage.name
        written.add(stage.name)
        for need in stage.needs:
            value = settings
            for name in need.split("."):
                value = getattr(value, name)
    assert {table.written_by for name, table in TABLES.items() if name != "ledger"} <= STAGES.keys()
