"""Two texts beside each other: only what differs is there, and marked."""

from hypothesis import given
from hypothesis import strategies as st

from udfs.differences import MAX_WORDS, Run, differences

LINES = st.lists(st.sampled_from(["barley", "river [bold]", "", "sea"]), max_size=8)


def plain(line: tuple[Run, ...]) -> str:
    return "".join(text for text, _ in line)


def marked(line: tuple[Run, ...]) -> list[str]:
    return [text for text, is_lacking in line if is_lacking]


def test_words_that_the_other_lacks_are_marked():
    (row,) = differences("The old miller, he slept.", "The young miller slept.")
    assert (plain(row.left), marked(row.left)) == ("The old miller, he slept.", ["old", ", he"])
    assert (plain(row.right), marked(row.right)) == ("The young miller slept.", ["young"])


def test_white_space_between_changed_words_is_changed_too():
    (row,) = differences("The MIT License, all of it", "The plain old rules, all of it")
    assert (marked(row.left), marked(row.right)) == (["MIT License"], ["plain old rules"])


def test_lines_in_common_are_counted_but_for_the_ones_beside_a_difference():
    rows = differences("\n".join([*"abcdef", "old", *"ghijk"]), "\n".join([*"abcdef", "new", *"ghijk"]))
    assert [(row.n_equal, plain(row.left), plain(row.right)) for row in rows] == [
        (5, "", ""),
        (0, "f", "f"),
        (0, "old", "new"),
        (0, "g", "g"),
        (4, "", ""),
    ]


@given(LINES, LINES)
def test_every_line_is_shown_or_counted(left: list[str], right: list[str]):
    rows = list(differences("\n".join(left), "\n".join(right)))
    n_equal = sum(row.n_equal for row in rows)
    for side, lines in (("left", left), ("right", right)):
        shown = [line for row in rows if (line := plain(getattr(row, side)))]
        assert len(shown) <= len([line for line in lines if line]) <= len(shown) + n_equal


def test_lines_of_too_many_words_are_not_compared_word_by_word():
    (row,) = differences("a " * MAX_WORDS, "a")
    assert (marked(row.left), marked(row.right)) == (["a " * MAX_WORDS], ["a"])
