"""Which lines the edits drop."""

import pyarrow as pa
import pytest

from udfs import edits
from udfs.edits import Edits, edit
from udfs.text import Texts

OFF = Edits(False, None, False, None, False, False)
PAGE = """Cookies help us, as the Privacy Policy says.
Enable JavaScript to see this page.

Short one.
no end mark on this line
It goes on and on...
 The cat[1] sat on the mat.[edit] It was "happy."\r
"""


def edited(text: str, settings: Edits) -> str:
    return edit(Texts(pa.array([text])), settings).texts.arrow[0].as_py()


def test_c4_keeps_whole_sentences() -> None:
    assert edited(PAGE, Edits()) == 'The cat sat on the mat. It was "happy."'


def test_fineweb_keeps_lines_without_an_end_mark() -> None:
    assert edited(PAGE, Edits(terminal_punctuation=False, min_words_per_line=3)) == (
        'no end mark on this line\nIt goes on and on...\nThe cat sat on the mat. It was "happy."'
    )


def test_with_all_rules_off_only_blank_lines_and_margins_go() -> None:
    assert edited(PAGE, OFF) == "\n".join(line.strip() for line in PAGE.splitlines() if line.strip())


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("A javascript " + "x" * 1001, edits.max_word_length),
        ("javascript", edits.terminal_punctuation),
        ("javascript.", edits.min_words_per_line),
        ("We use cookies and JAVASCRIPT here.", edits.javascript),
        ("By the terms Of Use of this site.", edits.policy),
    ],
)
def test_a_line_is_counted_for_the_first_rule_that_drops_it(line: str, rule: edits.LineRule) -> None:
    result = edit(Texts(pa.array([line])), Edits())
    assert result.dropped_by(rule).tolist() == [True]
    assert result.met(rule).tolist() == [False]


def test_a_number_is_a_bound_even_when_it_is_0() -> None:
    assert edited("a b", Edits(False, 0, False, None, False, False)) == ""
    assert edited("a b", Edits(False, None, False, 0, False, False)) == "a b"


def test_the_length_of_a_word_is_counted_in_characters() -> None:
    rules = Edits(False, 1000, False, None, False, False)
    assert edited("é" * 1000 + "\n" + "é" * 1001 + "\nb", rules) == "é" * 1000 + "\nb"


def test_a_line_of_chinese_has_many_words() -> None:
    rules = Edits(terminal_punctuation=False, max_word_length=10)
    column = pa.array(["今天天气很好，我们去公园散步。"])
    assert edit(Texts(column), rules).texts.arrow.equals(column)
    assert edit(Texts(column, "whitespace"), rules).texts.arrow.to_pylist() == [""]
