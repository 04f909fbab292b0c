"""De-duplication against earlier snapshots, beside a run from scratch over all of them."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tiny_corpus import Command, TinyRun, english, json_lines

N_FILES = 6
Verdicts = dict[str, tuple[Any, ...]]


def corpus(draw: random.Random) -> list[list[dict[str, Any]]]:
    """The documents of each file: chains of texts each like the one before, copies, pages of one URL, in any order."""
    rows = []
    for family in range(14):
        words = english(family, 14).split(" ")
        for _ in range(draw.randint(1, 5)):
            words[draw.randrange(len(words))] = f"changed{draw.randint(0, 99)}"
            words[draw.randrange(len(words))] = "altered"
            row = {"text": " ".join(words), "date": f"20{draw.randint(10, 24)}-0{draw.randint(1, 9)}-11"}
            rows += [row] * draw.choice([1, 1, 1, 3])
    rows += [{"text": english(60 + i), "url": f"http://h.org/{i % 6}", "date": "2015"} for i in range(12)]
    draw.shuffle(rows)
    return [rows[start::N_FILES] for start in range(N_FILES)]


class Snapshots:
    """Runs over some of the files of a corpus each; a file has one name in all of them, so its documents one id."""

    def __init__(self, folder: Path, gristmill: Command) -> None:
        self.folder = folder
        self.gristmill = gristmill
        self.files = corpus(random.Random(6))

    def run(self, name: str, files: Sequence[int], index: Sequence[str] = ()) -> TinyRun:
        """The run of this name, made from the files and de-duplicated against other runs."""
        for number in files:
            file = self.folder / name / "in" / f"{number:02d}.jsonl"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(json_lines(self.files[number]))
        settings = {
            "output": str(self.folder / name / "run"),
            "inputs": [{"paths": [str(self.folder / name / "in")], "source": "crawl"}],
            "dedup": {"keep": "oldest", "max_removed_share": None},
            "spark": {"spark.sql.shuffle.partitions": 2},
        }
        path = self.folder / name / "settings.yaml"
        path.write_text(json.dumps(settings))
        self.dedup(path, index, "run", "--until=dedup")
        return TinyRun(self.folder, self.folder / name / "run", path, {})

    def dedup(self, settings: Path, index: Sequence[str], *command: str) -> None:
        roots = json.dumps([str(self.folder / name / "run") for name in index])
        finished = self.gristmill(*command, "--settings", settings, f"--set=dedup.index={roots}")
        assert finished.code == 0, finished.err


@pytest.fixture
def snapshots(tmp_path: Path, gristmill: Command) -> Snapshots:
    return Snapshots(tmp_path, gristmill)


def removed(run: TinyRun) -> Verdicts:
    """id -> (kept id, kind, similarity) of what a run removed of its own documents."""
    rows = [row for row in run.rows("duplicates") if row["kind"] != "kept"]
    return {row["id"]: (row["kept_id"], row["kind"], row["similarity"]) for row in rows}


def removed_in_all(earlier: Sequence[TinyRun], last: TinyRun) -> set[str]:
    """Ids removed of the union: each run's own, as the last one revises them."""
    own = {identity for run in (*earlier, last) for identity in removed(run)}
    verdicts = {row["id"]: row["verdict"] for row in last.rows("revisions")}
    assert {one for one, verdict in verdicts.items() if verdict == "restored"} <= own
    return {one for one in own | verdicts.keys() if verdicts.get(one, "removed") == "removed"}


@pytest.fixture(scope="module")
def scratch(gristmill: Command, tmp_path_factory: pytest.TempPathFactory) -> Verdicts:
    """What a run over the whole corpus removes."""
    whole = Snapshots(tmp_path_factory.mktemp("scratch"), gristmill).run("whole", range(N_FILES))
    assert whole.rows("revisions") == []
    return removed(whole)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 5))])
def test_a_snapshot_against_an_earlier_one_is_as_both_from_scratch(snapshots: Snapshots, scratch: Verdicts, seed: int):
    assert {kind for _, kind, _ in scratch.values()} == {"url", "exact", "near"}
    files = random.Random(seed).sample(range(N_FILES), N_FILES)
    n_first = random.Random(seed).randint(2, 4)
    first = snapshots.run("first", files[:n_first])
    second = snapshots.run("second", files[n_first:], ["first"])
    assert removed_in_all([first], second) == set(scratch)
    own = {row["id"] for row in second.rows("documents")}
    assert removed(second) == {identity: said for identity, said in scratch.items() if identity in own}
    known = {(row["left"], row["right"]) for row in first.rows("compared")}
    assert known
    assert known.isdisjoint((row["left"], row["right"]) for row in second.rows("compared"))


def test_a_withdrawn_snapshot_leaves_no_trace(snapshots: Snapshots):
    first = snapshots.run("first", range(2))
    snapshots.run("second", range(2, 4), ["first"])
    third = snapshots.run("third", range(4, 6), ["first", "second"])
    with_all = removed(third)
    snapshots.dedup(third.settings, ["first"], "dedup")
    without = removed(third)
    union = snapshots.run("union", [*range(2), *range(4, 6)])
    assert removed_in_all([first], third) == set(removed(union))
    assert without.keys() < with_all.keys()


def test_snapshots_that_cannot_be_compared_are_refused(snapshots: Snapshots):
    snapshots.run("first", range(2))
    second = snapshots.run("second", range(2, 4))
    index = f"--set=dedup.index=[{snapshots.folder}/first/run]"
    other = snapshots.gristmill("run", "--until=dedup", "--settings", second.settings, index, "--set=dedup.shingle.n=4")
    assert other.code == 2
    assert "was measured with dedup.shingle" in other.err
    absent = f"--set=dedup.index=[{snapshots.folder}/nowhere]"
    assert snapshots.gristmill("dedup", "--settings", second.settings, absent).code == 66
    third = snapshots.run("third", range(2))
    same = snapshots.gristmill("dedup", "--settings", third.settings, index)
    assert same.code == 2
    assert "crawl/00.jsonl" in same.err


def test_a_snapshot_whose_band_keys_are_of_an_earlier_version_is_refused(snapshots: Snapshots):
    first, second = snapshots.run("first", range(2)), snapshots.run("second", range(2, 4))
    record = first.record("measure")
    del record["committed"]["counts"]["band_keys"]
    (first.root / "runs" / "measure.json").write_text(json.dumps(record))
    index = f"--set=dedup.index=[{first.root}]"
    refused = snapshots.gristmill("dedup", "--settings", second.settings, index)
    assert refused.code == 2
    assert "was measured with version of band keys = 1, this run with 2" in refused.err
