"""Values worked out by hand, and what the edits leave against plain Python."""

import plain_signals
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs.edits import Edits, edit
from udfs.signals import c4
from udfs.text import Texts

PAGE = """The cat[1] sat on the mat.[edit] It was "happy." Dr. Smith left.
Cookies { help } us, as the privacy policy says.
Enable JavaScript { to see this page.
lorem ipsum
Lorem Ipsum is the JavaScript of all text.
What a DAMN shame that it is damned.
It goes on and on..."""


@pytest.mark.parametrize(
    ("signal", "value"),
    [
        *(
            (c4.sentences, 5),
            (c4.long_lines, 0),
            (c4.lorem_ipsum_lines, 1),
            (c4.curly_bracket_lines, 1),
            (c4.bad_word_lines, 1),
        ),
        *((c4.dropped_for_word_length, 0), (c4.dropped_for_punctuation, 2), (c4.dropped_for_few_words, 0)),
        *((c4.dropped_for_javascript, 2), (c4.dropped_for_policy, 1)),
    ],
)
def test_a_page_has_the_values_worked_out_by_hand(signal, value: float) -> None:
    edited = edit(Texts(pa.array([PAGE, ""])), Edits(bad_words=("damn", "性")))
    assert signal(edited).tolist() == [value, 0]


@pytest.mark.parametrize(
    ("text", "n_lines"),
    [
        *(
            ("damn", 1),
            ("Damn! damn", 1),
            ("damned", 0),
            ("goddamn", 0),
            ("édamn", 0),
            ("damn1", 1),
            ("a.b, c", 1),
            ("axb", 0),
        ),
        *(("女性专用", 1), ("two words", 1), ("damn\nx\nDAMN", 2)),
    ],
)
def test_bad_words_stand_between_characters_that_are_no_letters(text: str, n_lines: int) -> None:
    rules = Edits(False, None, False, None, False, False, bad_words=("damn", "性", "a.b", "two words"))
    assert c4.bad_word_lines(edit(Texts(pa.array([text])), rules)).tolist() == [n_lines]


def test_long_lines_count_characters() -> None:
    rules = Edits(terminal_punctuation=False)
    assert c4.long_lines(edit(Texts(pa.array(["天" * 199 + "\n" + "地" * 200])), rules)).tolist() == [1]


@settings(max_examples=100, deadline=None)
@given(st.lists(plain_signals.TEXTS, max_size=4), st.booleans())
def test_what_is_left_equals_plain_python_and_stays_as_it_is(texts: list[str], punctuation: bool) -> None:
    rules = Edits(terminal_punctuation=punctuation, citations=False)
    once = edit(Texts(pa.array(texts, pa.string())), rules).texts
    assert once.arrow.to_pylist() == [plain_signals.c4(text, rules, "cjk")[0] for text in texts]
    assert edit(once, rules).texts.arrow == once.arrow
