"""Two texts beside each other on a terminal: what differs is in colour, and what is left out is said."""

import io

from rich.console import Console

from jobs.side_by_side import MAX_LINES, ONLY_LEFT, coloured, side_by_side
from udfs.differences import MAX_CHARS


def test_what_the_other_side_lacks_is_in_colour():
    line = coloured((("The ", False), ("old [bold]", True), (" mill", False)), ONLY_LEFT)
    assert line.plain == "The old [bold] mill"
    assert [(span.start, span.end, span.style) for span in line.spans] == [(4, 14, ONLY_LEFT)]


def test_long_texts_are_cut_and_it_is_said():
    out = io.StringIO()
    Console(file=out, width=200).print(side_by_side("a" * (MAX_CHARS + 1), "b", ("one", "other")))
    assert "only the first 20,000 characters" in out.getvalue()
    many = "\n".join(map(str, range(MAX_LINES + 5)))
    assert side_by_side(many, "", ("one", "other")).row_count == MAX_LINES + 1


def test_lines_in_common_are_counted():
    out = io.StringIO()
    Console(file=out, width=80).print(side_by_side("a\nb\nc\nold", "a\nb\nc\nnew", ("one", "other")))
    assert "... 2 equal" in out.getvalue()
