"""Two texts beside each other, line by line: what they have in common, and the words in which they differ."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_CHARS = 20_000
"""Of a text are compared; finding what is common takes the square of the number of lines, and of words in a line."""
MAX_WORDS = 2_000
CONTEXT = 1
"""Lines in common that are shown before and after a difference."""
WORDS = re.compile(r"\w+|\s+|[^\w\s]")
Run = tuple[str, bool]
"""A stretch of a line, and whether the other side lacks it."""


@dataclass(frozen=True)
class Row:
    """A line of each side; with `n_equal` so many lines in common, which are not shown."""

    left: tuple[Run, ...] = ()
    right: tuple[Run, ...] = ()
    n_equal: int = 0


def differences(left: str, right: str) -> Iterator[Row]:
    """A row for each line that differs; lines in common are counted, but for those next to a difference."""
    ours, theirs = (text[:MAX_CHARS].split("\n") for text in (left, right))
    matcher = difflib.SequenceMatcher(None, ours, theirs, autojunk=False)
    for tag, a, a_end, b, b_end in matcher.get_opcodes():
        if tag == "equal":
            yield from _common(ours[a:a_end], is_first=a == 0 and b == 0, is_last=a_end == len(ours))
            continue
        for i in range(max(a_end - a, b_end - b)):
            yield _changed(ours[a + i] if a + i < a_end else "", theirs[b + i] if b + i < b_end else "")


def _common(lines: list[str], is_first: bool, is_last: bool) -> Iterator[Row]:
    before = 0 if is_first else CONTEXT
    after = 0 if is_last else CONTEXT
    n_hidden = max(0, len(lines) - before - after)
    same = [Row(((line, False),), ((line, False),)) for line in lines]
    if n_hidden:
        same[before : len(lines) - after] = [Row(n_equal=n_hidden)]
    yield from same


def _changed(left: str, right: str) -> Row:
    """Two lines; what one has and the other lacks is marked."""
    ours, theirs = WORDS.findall(left), WORDS.findall(right)
    if max(len(ours), len(theirs)) > MAX_WORDS:
        return Row(((left, True),), ((right, True),))
    sides: tuple[list[Run], list[Run]] = [], []
    for tag, a, a_end, b, b_end in difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        for side, words in zip(sides, ("".join(ours[a:a_end]), "".join(theirs[b:b_end])), strict=True):
            _append(side, words, differs=tag != "equal" or words.isspace())
    return Row(tuple(sides[0]), tuple(sides[1]))


def _append(side: list[Run], words: str, differs: bool) -> None:
    """White space alone belongs to the words beside it, so that a changed sentence is one stretch."""
    if side and side[-1][1] == differs:
        side[-1] = side[-1][0] + words, differs
    elif words:
        side.append((words, differs))
