"""Two texts beside each other on the terminal, what they do not have in common in colour."""

from collections.abc import Sequence
from itertools import islice

from rich.table import Table as Grid
from rich.text import Text

from udfs.differences import MAX_CHARS, Run, differences
from udfs.printable import printable

MAX_LINES = 60
"""Are shown."""
ONLY_LEFT, ONLY_RIGHT, SKIPPED = "bold red", "bold green", "dim"


def side_by_side(left: str, right: str, names: tuple[str, str]) -> Grid:
    """A grid of two columns: the lines that differ, with a line of context, words that one side lacks in colour."""
    grid = Grid(*names, title="differences", title_justify="left", show_lines=False)
    rows = differences(printable(left), printable(right))
    for row in islice(rows, MAX_LINES):
        if row.n_equal:
            grid.add_row(*[Text(f"... {row.n_equal} equal", SKIPPED)] * 2)
        else:
            grid.add_row(coloured(row.left, ONLY_LEFT), coloured(row.right, ONLY_RIGHT))
    if next(rows, None):
        grid.add_row(*[Text("... more lines", SKIPPED)] * 2)
    elif max(len(left), len(right)) > MAX_CHARS:
        grid.add_row(*[Text(f"... only the first {MAX_CHARS:,} characters were compared", SKIPPED)] * 2)
    return grid


def coloured(line: Sequence[Run], style: str) -> Text:
    found = Text()
    for text, is_lacking in line:
        found.append(text, style if is_lacking else None)
    return found
