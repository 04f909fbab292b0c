"""Two texts beside each other: only what differs is shown, and marked."""

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from jobs.side_by_side import MAX_CHARS, MAX_LINES, ONLY_LEFT, ONLY_RIGHT, changed, rows, side_by_side

LINES = st.lists(st.sampled_from(["barley", "river [bold]", "", "sea"]), max_size=8)


def marked(side: Text) -> list[str]:
    return [side.plain[span.start : span.end] for span in side.spans if span.style in (ONLY_LEFT, ONLY_RIGHT)]


def test_words_that_the_other_lacks_are_marked():
    left, right = changed("The old miller, he slept.", "The young miller slept.")
    assert (left.plain, marked(left)) == ("The old miller, he slept.", ["old", ", he"])
    assert (right.plain, marked(right)) == ("The young miller slept.", ["young"])


def test_lines_in_common_are_counted_but_for_the_ones_beside_a_difference():
    left = [*"abcdef", "old", *"ghijk"]
    right = [*"abcdef", "new", *"ghijk"]
    assert [(one.plain, other.plain) for one, other in rows(left, right)] == [
        ("... 5 equal", "... 5 equal"),
        ("f", "f"),
        ("old", "new"),
        ("g", "g"),
        ("... 4 equal", "... 4 equal"),
    ]


@given(LINES, LINES)
def test_every_line_is_shown_or_counted(left: list[str], right: list[str]):
    for side, lines in zip(zip(*rows(left, right), strict=True), (left, right), strict=False):
        n_equal = sum(int(one.plain.split(" ")[1]) for one in side if one.plain.startswith("... "))
        shown = [one.plain for one in side if not one.plain.startswith("... ") and one.plain]
        assert len(shown) <= len([line for line in lines if line]) <= len(shown) + n_equal


def test_long_texts_are_cut_and_it_is_said():
    out = io.StringIO()
    Console(file=out, width=200).print(side_by_side("a" * (MAX_CHARS + 1), "b", ("one", "other")))
    assert "only the first 20,000 characters" in out.getvalue()
    many = "\n".join(map(str, range(MAX_LINES + 5)))
    assert side_by_side(many, "", ("one", "other")).row_count == MAX_LINES + 1
