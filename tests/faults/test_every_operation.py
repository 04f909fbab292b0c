"""A fault at each operation on a file that a stage does: readers see the old version or the new one, and the same
command again comes to the files of an undisturbed run.

The short form takes the first operation of each name; the long one takes all, until a run passes without a fault.
"""

import shutil

import pytest
from faulted import CHANGES, Copied
from operations import FaultAt
from witness import check_finished, look, tree

FAULTS = ("EIO", "ENOSPC", "KILL")
TYPED = (0, 73)


def undisturbed(copied: Copied, stage: str) -> tuple[dict[str, str], list[str]]:
    """(the files that the stage leaves, the names of its operations), a reader having looked before each of them."""
    faulted, names = copied(CHANGES[stage]), []

    def watch(operation: str) -> None:
        names.append(operation)
        look(faulted.root)

    assert faulted.run([stage], watch) == 0
    found = tree(faulted.root)
    check_finished(faulted.root, found)
    assert found != tree(copied().root)
    return found, names


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["first", "every"])
@pytest.mark.parametrize("stage", CHANGES)
def test_a_fault_at_any_operation_does_no_harm(copied: Copied, stage: str, every: bool):
    expected, names = undisturbed(copied, stage)
    for number in range(len(names)) if every else map(names.index, dict.fromkeys(names)):
        faulted, fault = copied(CHANGES[stage]), FaultAt(number, FAULTS[number % len(FAULTS)])
        if FAULTS[number % len(FAULTS)] == "KILL":
            assert faulted.run_apart([stage], fault, 1, lambda: None) == -9
        else:
            assert faulted.run([stage], fault) in TYPED, names[number]
        look(faulted.root)
        assert faulted.run([stage]) == 0
        check_finished(faulted.root, expected)
        shutil.rmtree(faulted.root)
