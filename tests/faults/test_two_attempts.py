"""Somebody else does the same work: a repeated task, a zombie that goes on after the commit, a second command."""

import os
import random
import shutil
import time
from collections import Counter

import pytest
from faulted import CHANGES, Copied, Faulted
from witness import Poller, check_finished, look, tree


class Overtaken:
    """A watch under which, at operation `number`, another attempt does the whole work and commits it."""

    def __init__(self, faulted: Faulted, stage: str, number: int) -> None:
        self._faulted, self._stage, self._left = faulted, stage, number

    def __call__(self, operation: str) -> None:
        self._left -= 1
        if self._left == -1:
            assert self._faulted.run([self._stage], lock=False) == 0


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["first", "every"])
@pytest.mark.parametrize("stage", CHANGES)
def test_an_attempt_that_was_overtaken_at_any_operation_changes_nothing(copied: Copied, stage: str, every: bool):
    """It publishes the same bytes under the same names, or finds what it wrote aside gone and fails; at the first
    operation of each name, or at every one."""
    first, names = copied(CHANGES[stage]), []
    assert first.run([stage], names.append, lock=False) == 0
    expected = tree(first.root)
    for number in range(len(names)) if every else map(names.index, dict.fromkeys(names)):
        faulted = copied(CHANGES[stage])
        faulted.run([stage], Overtaken(faulted, stage, number), lock=False)
        look(faulted.root)
        assert faulted.run([stage]) == 0
        check_finished(faulted.root, expected)
        shutil.rmtree(faulted.root)


@pytest.mark.parametrize("n_pairs", [5, pytest.param(50, marks=pytest.mark.slow)])
def test_of_two_commands_on_one_output_one_works_and_the_other_is_told_to_wait(copied: Copied, n_pairs: int):
    rng, first, codes = random.Random(n_pairs), copied(CHANGES["ingest"]), Counter[int]()
    assert first.run(["ingest"]) == 0
    expected = tree(first.root)
    for _ in range(n_pairs):
        faulted, delay = copied(CHANGES["ingest"]), rng.random() / 20
        poller, other = Poller(faulted.root), os.fork()
        if not other:
            code = 99
            try:
                time.sleep(delay)
                code = faulted.run(["ingest"])
            finally:
                os._exit(code)
        pair = [faulted.run_apart(["ingest"], lambda _: None, 1, poller.poll)]
        pair += [os.waitstatus_to_exitcode(os.waitpid(other, 0)[1])]
        assert 0 in pair
        check_finished(faulted.root, expected)
        shutil.rmtree(faulted.root)
        codes.update(pair)
    assert set(codes) == {0, 75}
