"""A run goes on from what is there: it does what has changed, nothing else, and ends where a first run would.

The first run that it is compared with has one core, other partitions, another hash seed, time zone and locale; so
these decide nothing either.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_corpus import PART_BYTES, QUICK_JVM, Command, Finished, TinyRun

from jobs.stages import CHAIN

NAMES = [stage.name for stage in CHAIN]
OTHER_BOUND = "--set=filter.bounds.gopher.word_count.min=85"
ONE_CORE = {
    "spark.master": "local[1]",
    "spark.sql.shuffle.partitions": 5,
    "spark.driver.extraJavaOptions": QUICK_JVM,
}
PROGRAM = """if True:
    import sys, pipelines.ingest
    pipelines.ingest.MIN_PART_BYTES = int(sys.argv.pop(1))
    from jobs.__main__ import entry
    entry()"""


def ran(finished: Finished) -> list[str]:
    """The stages that the command says it ran, the others having had nothing to do."""
    said = re.findall(r"^  (\w+) +(done in|nothing to do)", finished.err, re.MULTILINE)
    return [name for name, what in said if what == "done in"]


def records(run: TinyRun) -> dict[str, str]:
    return {path.name: path.read_text() for path in (run.root / "runs").glob("*.json")}


@pytest.fixture
def copied(tiny_run: TinyRun, tmp_path: Path) -> TinyRun:
    """The finished run, in a folder where a test may change it."""
    return copy(tiny_run, tmp_path)


def copy(run: TinyRun, folder: Path) -> TinyRun:
    shutil.copytree(run.root, folder / "run")
    return TinyRun(run.corpus, folder / "run", run.settings, run.ids)


@pytest.fixture(scope="module")
def changed(
    tiny_run: TinyRun, gristmill: Command, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TinyRun, Finished]:
    """The finished run, run again with another bound."""
    run = copy(tiny_run, tmp_path_factory.mktemp("changed"))
    return run, gristmill("run", "--settings", run.settings, f"--set=output={run.root}", OTHER_BOUND)


@pytest.fixture(scope="module")
def first(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    """A first run with that bound up to the shards, on one core, in a process of its own."""
    root = tmp_path_factory.mktemp("first") / "run"
    environment = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C", "LANG": "C"}
    command = [sys.executable, "-c", PROGRAM, str(PART_BYTES), "run", "--until=pack"]
    changes = [
        f"--settings={tiny_run.settings}",
        f"--set=output={root}",
        OTHER_BOUND,
        f"--set=spark={json.dumps(ONE_CORE)}",
    ]
    subprocess.run(command + changes, env=environment, check=True, capture_output=True)
    return TinyRun(tiny_run.corpus, root, tiny_run.settings, tiny_run.ids)


def test_a_second_run_does_nothing_says_so_and_starts_no_spark(
    tiny_run: TinyRun, gristmill: Command, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("jobs.__main__.lazy_session", lambda *_: lambda: pytest.fail("started Spark"))
    before = records(tiny_run)
    finished = gristmill("run", "--settings", tiny_run.settings)
    assert finished.code == 0, finished.err
    assert finished.err.count("nothing to do") == len(NAMES)
    assert records(tiny_run) == before


def test_another_bound_is_applied_from_filter_on(changed: tuple[TinyRun, Finished], tiny_run: TinyRun):
    run, finished = changed
    assert finished.code == 0, finished.err
    assert ran(finished) == NAMES[NAMES.index("filter") :]
    assert len(run.rows("clean")) < len(tiny_run.rows("clean"))
    assert run.digests()["signals"] == tiny_run.digests()["signals"]


def test_it_gives_what_a_first_run_gives_on_one_core(changed: tuple[TinyRun, Finished], first: TinyRun):
    later = ("sft", "preference", "validation", "report")
    expected = {name: digest for name, digest in changed[0].digests().items() if name not in later}
    assert first.digests() == expected


def test_shards_are_the_same_to_the_byte(changed: tuple[TinyRun, Finished], first: TinyRun):
    contents = [
        {path.relative_to(run.root): path.read_bytes() for path in (run.root / "shards").rglob("*") if path.is_file()}
        for run in (changed[0], first)
    ]
    assert contents[0] == contents[1]


def test_both_pass_verify(changed: tuple[TinyRun, Finished], first: TinyRun, gristmill: Command):
    assert [gristmill("verify", run.root).code for run in (changed[0], first)] == [0, 0]


def test_diff_tells_what_the_other_bound_changed(
    changed: tuple[TinyRun, Finished], tiny_run: TinyRun, gristmill: Command, tmp_path: Path
):
    finished = gristmill("diff", tiny_run.root, changed[0].root, "-o", tmp_path / "diff.html")
    assert finished.code == 0, finished.err
    before, after = len(tiny_run.rows("clean")), len(changed[0].rows("clean"))
    assert re.search(rf"documents kept +{before:,} +{after:,} +{after - before:+,} *\n", finished.out)
    assert re.search(r"filter\.bounds\.gopher\.word_count\.min: \S+ -> 85\.0 *\n", finished.out)
    removed = [
        sum(row["reason"] == "gopher.word_count" for row in run.rows("ledger/filter")) for run in (tiny_run, changed[0])
    ]
    assert re.search(
        rf"filter +gopher\.word_count +{removed[0]} +{removed[1]} +[+]{removed[1] - removed[0]} *\n", finished.out
    )
    assert "signals" in finished.out.partition("equal tables: ")[2].split(", ")
    assert "filter.bounds.gopher.word_count.min" in (tmp_path / "diff.html").read_text()


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
