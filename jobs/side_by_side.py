"""Two texts beside each other, line by line: what they have in common, and the words in which they differ."""

import difflib
import re
from collections.abc import Iterator

from rich.table import Table as Grid
from rich.text import Text

from udfs.printable import printable

MAX_CHARS = 20_000
"""Of a text are compared; finding what is common takes the square of the number of lines, and of words in a line."""
MAX_LINES = 60
"""Are shown."""
MAX_WORDS = 2_000
CONTEXT = 1
"""Lines in common that are shown before and after a difference."""
WORDS = re.compile(r"\w+|\s+|[^\w\s]")
ONLY_LEFT, ONLY_RIGHT, SKIPPED = "bold red", "bold green", "dim"
Sides = tuple[Text, Text]


def side_by_side(left: str, right: str, names: tuple[str, str]) -> Grid:
    """A grid of two columns: the lines that differ, with a line of context, words that one side lacks in colour."""
    grid = Grid(*names, title="differences", title_justify="left", show_lines=False)
    for number, row in enumerate(rows(*(printable(text[:MAX_CHARS]).split("\n") for text in (left, right)))):
        if number == MAX_LINES:
            grid.add_row(*[Text("... more lines", SKIPPED)] * 2)
            return grid
        grid.add_row(*row)
    if max(len(left), len(right)) > MAX_CHARS:
        grid.add_row(*[Text(f"... only the first {MAX_CHARS:,} characters were compared", SKIPPED)] * 2)
    return grid


def rows(left: list[str], right: list[str]) -> Iterator[Sides]:
    """A row for each line that differs; lines in common are counted, but for those next to a difference."""
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    for tag, a, a_end, b, b_end in matcher.get_opcodes():
        if tag == "equal":
            yield from common(left[a:a_end], is_first=a == 0 and b == 0, is_last=a_end == len(left))
            continue
        n_rows = max(a_end - a, b_end - b)
        for i in range(n_rows):
            yield changed(left[a + i] if a + i < a_end else "", right[b + i] if b + i < b_end else "")


def common(lines: list[str], is_first: bool, is_last: bool) -> Iterator[Sides]:
    before = 0 if is_first else CONTEXT
    after = 0 if is_last else CONTEXT
    if len(lines) <= before + after:
        yield from ((Text(line), Text(line)) for line in lines)
        return
    yield from ((Text(line), Text(line)) for line in lines[:before])
    n_skipped = len(lines) - before - after
    yield Text(f"... {n_skipped} equal", SKIPPED), Text(f"... {n_skipped} equal", SKIPPED)
    yield from ((Text(line), Text(line)) for line in lines[len(lines) - after :])


def changed(left: str, right: str) -> Sides:
    """Two lines; what one has and the other lacks is in colour."""
    ours, theirs = WORDS.findall(left), WORDS.findall(right)
    if max(len(ours), len(theirs)) > MAX_WORDS:
        return Text(left, ONLY_LEFT), Text(right, ONLY_RIGHT)
    sides = Text(), Text()
    for tag, a, a_end, b, b_end in difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        is_equal = tag == "equal"
        sides[0].append("".join(ours[a:a_end]), None if is_equal else ONLY_LEFT)
        sides[1].append("".join(theirs[b:b_end]), None if is_equal else ONLY_RIGHT)
    return sides
