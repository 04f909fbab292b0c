"""What `--json` prints is JSON with the figures that are printed for people, and nothing but ASCII."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tiny_corpus import Command, TinyRun

from jobs.terminal import print_json


@pytest.fixture
def answer(gristmill: Command):
    """The JSON that a command prints."""

    def answer(*arguments: object) -> Any:
        finished = gristmill(*arguments, "--json")
        assert finished.code == 0, finished.err
        return json.loads(finished.out)

    return answer


def test_run_says_which_stages_ran_and_where_things_stand(answer, tiny_run: TinyRun):
    found = answer("run", "--settings", tiny_run.settings, "--until", "refine")
    assert {one["stage"]: one["ran"] for one in found["stages"]}["refine"] is False
    assert found["clean"] == f"{tiny_run.root}/clean"


def test_verify_has_the_digest_of_every_table(answer, tiny_run: TinyRun):
    found = {row["table"]: row for row in answer("verify", tiny_run.root)}
    assert {name: row["digest"] for name, row in found.items()} == tiny_run.digests()
    assert found["clean"]["rows"] == len(tiny_run.rows("clean"))
    assert found["clean"]["wrong"] == []


def test_explain_has_the_verdict_the_signals_and_the_duplicate(answer, tiny_run: TinyRun):
    found = answer("explain", tiny_run.root, tiny_run.ids["brief"])
    assert (found["verdict"], found["stage"], found["reason"]) == ("removed", "filter", "c4.sentences")
    row = next(row for row in found["signals"] if row["signal"] == "c4.sentences")
    assert row == {"signal": "c4.sentences", "value": 1.0, "bound": ">= 3", "meets": False}
    assert answer("explain", tiny_run.root, tiny_run.ids["page-4"])["verdict"] == "kept"
    assert answer("explain", tiny_run.root, tiny_run.ids["not-json"])["verdict"] == "quarantined"
    duplicate = answer("explain", tiny_run.root, tiny_run.ids["reworded"])["duplicate"]
    assert duplicate["kept_id"] == tiny_run.ids["page-2"]


def test_whatif_counts_by_source(answer, tiny_run: TinyRun):
    found = answer("whatif", tiny_run.root, "--set", "filter.bounds.gopher.word_count.min=1e9")
    kept = sum(row["documents"]["kept"] for row in found)
    assert kept == len(tiny_run.rows("clean")) == sum(row["documents"]["lost"] for row in found)


def test_plan_adds_up(answer, tiny_run: TinyRun):
    found = answer("plan", "--settings", tiny_run.settings)
    assert {row["source"] for row in found["sources"]} == {row["source"] for row in tiny_run.rows("clean")}
    assert all(math.isclose(row["tokens"], row["once"] * row["times"]) for row in found["sources"])


def test_doctor_and_diff(answer, tiny_run: TinyRun, tmp_path: Path):
    assert {"Python", "Java", "inputs"} <= {row["name"] for row in answer("doctor", "--settings", tiny_run.settings)}
    found = answer("diff", tiny_run.root, tiny_run.root, "--output", tmp_path / "diff.html")
    assert found["settings"] == []
    assert {row["table"] for row in found["tables"]} >= {"documents", "clean"}


def test_no_character_of_it_does_anything_on_a_terminal(capsys: pytest.CaptureFixture[str]):
    print_json(Console(), {"a": "\x9b31m\x1b[0m\u202e", "b": math.nan})
    said = capsys.readouterr().out
    assert said.isascii()
    assert "\x1b" not in said
    assert json.loads(said) == {"a": "\x9b31m\x1b[0m\u202e", "b": None}
