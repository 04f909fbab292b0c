"""A second run does what has changed and nothing else, and ends where a first run would."""

import json
import re
import shutil
from pathlib import Path

import pytest
from tiny_corpus import Command, Finished, TinyRun

from jobs.stages import CHAIN

NAMES = [stage.name for stage in CHAIN]
OTHER_BOUND = "--set=filter.bounds.gopher.word_count.min=85"


def ran(finished: Finished) -> list[str]:
    """The stages that the command says it ran, the others having had nothing to do."""
    said = re.findall(r"^  (\w+) +(done in|nothing to do)", finished.err, re.MULTILINE)
    return [name for name, what in said if what == "done in"]


def records(run: TinyRun) -> dict[str, str]:
    return {path.name: path.read_text() for path in (run.root / "runs").glob("*.json")}


@pytest.fixture
def copied(tiny_run: TinyRun, tmp_path: Path) -> TinyRun:
    """The finished run, in a folder where a test may change it."""
    shutil.copytree(tiny_run.root, tmp_path / "run")
    return TinyRun(tiny_run.corpus, tmp_path / "run", tiny_run.settings, tiny_run.ids)


def test_a_second_run_does_nothing_says_so_and_starts_no_spark(
    tiny_run: TinyRun, gristmill: Command, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("jobs.__main__.lazy_session", lambda *_: lambda: pytest.fail("started Spark"))
    before = records(tiny_run)
    finished = gristmill("run", "--settings", tiny_run.settings)
    assert finished.code == 0, finished.err
    assert finished.err.count("nothing to do") == len(NAMES)
    assert records(tiny_run) == before


def test_another_bound_is_applied_from_filter_on_and_gives_what_a_fresh_run_gives(
    copied: TinyRun, tmp_path: Path, gristmill: Command
):
    finished = gristmill("run", "--settings", copied.settings, f"--set=output={copied.root}", OTHER_BOUND)
    assert finished.code == 0, finished.err
    assert ran(finished) == NAMES[NAMES.index("filter") :]
    fresh = TinyRun(copied.corpus, tmp_path / "fresh", copied.settings, copied.ids)
    finished = gristmill("run", "--until=pack", "--settings", fresh.settings, f"--set=output={fresh.root}", OTHER_BOUND)
    assert finished.code == 0, finished.err
    digests = copied.digests()
    assert fresh.digests() == {table: digests[table] for table in fresh.digests()}
    assert len(fresh.rows("ledger/stage=filter")) > 10


def test_a_deleted_file_is_made_again_by_its_stage_alone_with_the_same_bytes(copied: TinyRun, gristmill: Command):
    files = [copied.parts("signals")[1], copied.parts("clean")[0], next(copied.root.glob("shards/train/c4/*.bin"))]
    before = [file.read_bytes() for file in files]
    for file in files:
        file.unlink()
    finished = gristmill("run", "--settings", copied.settings, f"--set=output={copied.root}")
    assert finished.code == 0, finished.err
    assert ran(finished) == ["measure", "refine", "pack"]
    assert [file.read_bytes() for file in files] == before


def test_a_stage_is_refused_whose_input_was_made_from_other_tables(copied: TinyRun, gristmill: Command):
    changed = ["--settings", copied.settings, f"--set=output={copied.root}", OTHER_BOUND]
    assert gristmill("filter", *changed).code == 0
    finished = gristmill("refine", *changed)
    assert finished.code == 66
    assert "gristmill dedup" in finished.err
    assert "Traceback" not in finished.err


def test_an_input_that_has_changed_is_read_again(copied: TinyRun, gristmill: Command, tmp_path: Path):
    """Only what is read counts: the same bytes under another root are the same input."""
    corpus = tmp_path / "elsewhere"
    shutil.copytree(copied.corpus, corpus)
    settings = tmp_path / "settings.yaml"
    settings.write_text(copied.settings.read_text().replace(str(copied.corpus), str(corpus)))
    arguments = ["ingest", "--settings", settings, f"--set=output={copied.root}"]
    assert ran(gristmill(*arguments)) == []
    with (corpus / "pile" / "extra.jsonl").open("w") as stream:
        stream.write(json.dumps({"text": "One more."}))
    assert ran(gristmill(*arguments)) == ["ingest"]
    assert len(copied.rows("documents")) == 1 + len(copied.rows("signals"))


def test_check_says_what_is_done_and_what_is_to_do(tiny_run: TinyRun, gristmill: Command):
    finished = gristmill("check", "--settings", tiny_run.settings)
    assert finished.code == 0
    assert re.findall(r"^  (\w+) +done$", finished.out, re.MULTILINE) == NAMES
    changed = gristmill("check", "--settings", tiny_run.settings, OTHER_BOUND)
    assert re.findall(r"^  (\w+) +to do$", changed.out, re.MULTILINE) == NAMES[NAMES.index("filter") :]
    assert "gopher.word_count >= 85" in changed.out
