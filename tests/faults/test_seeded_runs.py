"""The stages under faults drawn by seed, again and again until they pass, while a reader looks all the time."""

import json
import random
import shutil
from collections import Counter

import pytest
from faulted import CHANGES, Copied, Faulted
from operations import FaultAt
from witness import Poller, check_finished, tree

STAGES = tuple(CHANGES)
FAULTS_IN_A_RUN = 5
KINDS = ("EIO", "ENOSPC", "KILL", "KILL")


def undone(copied: Copied) -> Faulted:
    """A copy of the finished run in which these stages have still to run."""
    faulted = copied()
    for stage in STAGES:
        record = faulted.root / "runs" / f"{stage}.json"
        for table in json.loads(record.read_text())["committed"]["tables"]:
            shutil.rmtree(faulted.root / table)
        record.unlink()
    return faulted


def undisturbed(copied: Copied) -> tuple[list[str], dict[str, str]]:
    """(the names of all operations, the files that are left)."""
    faulted, names = undone(copied), []
    assert faulted.run(STAGES, names.append) == 0
    return names, tree(faulted.root)


def converge(faulted: Faulted, rng: random.Random, names: list[str]) -> tuple[int, int]:
    """Run under faults at named operations, in the order of the stages, then without; (faults that ended a process,
    looks of the reader)."""
    poller, n_struck, n_times = Poller(faulted.root), 0, Counter(names)
    for name in sorted(rng.choices(list(n_times), k=FAULTS_IN_A_RUN), key=names.index):
        fault = FaultAt(rng.randrange(n_times[name]), rng.choice(KINDS), name)
        n_struck += faulted.run_apart(STAGES, fault, rng.choice((1, 1, 4)), poller.poll) != 0
    assert faulted.run_apart(STAGES, lambda _: None, 1, poller.poll) == 0
    return n_struck, poller.looks


@pytest.mark.parametrize("seeds", [range(5), pytest.param(range(5, 200), marks=pytest.mark.slow)], ids=str)
def test_runs_converge_under_faults(copied: Copied, seeds: range, capsys: pytest.CaptureFixture[str]):
    names, expected = undisturbed(copied)
    n_struck = n_looks = 0
    for seed in seeds:
        faulted = undone(copied)
        struck, looks = converge(faulted, random.Random(seed), names)
        check_finished(faulted.root, expected)
        shutil.rmtree(faulted.root)
        n_struck, n_looks = n_struck + struck, n_looks + looks
    with capsys.disabled():
        print(f"\n{len(seeds)} runs, {n_struck} faults that ended a process, {n_looks} looks of a reader")


@pytest.mark.parametrize("n_seeds", [pytest.param(5, marks=pytest.mark.slow)])
def test_every_named_point_is_a_place_to_be_killed(copied: Copied, n_seeds: int, capsys: pytest.CaptureFixture[str]):
    """At each name, at as many of its occurrences, by seed."""
    names, expected = undisturbed(copied)
    rng, n_times, n_looks = random.Random(1), Counter(names), 0
    for name in list(n_times) * n_seeds:
        faulted, fault = undone(copied), FaultAt(rng.randrange(n_times[name]), "KILL", name)
        poller = Poller(faulted.root)
        assert faulted.run_apart(STAGES, fault, 1, poller.poll) == -9, name
        assert faulted.run_apart(STAGES, lambda _: None, 1, poller.poll) == 0
        check_finished(faulted.root, expected)
        shutil.rmtree(faulted.root)
        n_looks += poller.looks
    with capsys.disabled():
        print(f"\n{len(n_times)} named points, {n_seeds * len(n_times)} kills, {n_looks} looks of a reader")
