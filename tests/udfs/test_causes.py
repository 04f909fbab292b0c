"""The places that are marked are those that a signal counts: its value follows from them."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from udfs import signals
from udfs.causes import VIEWS, cause_of, has_place
from udfs.edits import Edits, edit
from udfs.signals.batch import Batch
from udfs.text import Texts

TEXT = """- The miller carried # sacks of barley ... to the mill {and} he slept.

The river rose before the harvest was over, and nobody in the town had seen it
The river rose before the harvest was over, and nobody in the town had seen it
Please enable JavaScript to read all of this page.

• One short line…
2024 42 --
LOREM IPSUM is what it said: 【a note】 ### ......

- The miller carried # sacks of barley ... to the mill {and} he slept.
"""


def one_document(text: str, edits: Edits | None = None) -> Batch:
    raw = Texts(pa.array([text]))
    return Batch(raw, edit(raw, edits))


def value_of(signal: str, document: Batch) -> float:
    family, _, name = signal.partition(".")
    return float(signals.measure(document, [family])[family][name][0])


def n_places(signal: str, document: Batch) -> int:
    spans = cause_of(signal, document)
    assert spans is not None
    return len(spans.start)


SIGNALS = [signal for finders in VIEWS.values() for signal in finders]
LINES = [name for name in SIGNALS if name.endswith("lines")]
RUNS = [name for name in SIGNALS if "gram" in name or "duplicate" in name]


@pytest.mark.parametrize("signal", LINES)
def test_marked_lines_are_as_many_as_the_signal_says(signal: str):
    document = one_document(TEXT)
    value, n = value_of(signal, document), n_places(signal, document)
    if signal.startswith("c4."):
        assert n == value
    elif "repetition.duplicate" in signal:
        assert n > len(document.raw.lines.start) * value > 0  # the first of equals is marked too
    elif signal == "fineweb.terminal_punctuation_lines":
        assert 1 - n / len(document.left.lines.start) == pytest.approx(value)
    else:
        assert 0 < n / len(document.raw.lines.start) == pytest.approx(value)


@pytest.mark.parametrize("signal", RUNS)
def test_something_is_marked_where_something_repeats_and_nothing_elsewhere(signal: str):
    assert n_places(signal, one_document(TEXT)) > 0
    if "top_" not in signal:
        assert n_places(signal, one_document("No two words here are alike.")) == 0


def test_the_most_frequent_run_is_marked_at_all_its_places():
    spans = cause_of("repetition.top_2_gram", one_document("a b c a b d"))
    assert spans is not None
    assert spans.start.tolist() == [0, 2, 6, 8]
    assert n_places("repetition.top_4_gram", one_document("too short")) == 0


PER_WORD = ("gopher.hash_ratio", "gopher.ellipsis_ratio", "dclm.symbol_ratio", "redpajama2.symbol_ratio")
WORDS = ("redpajama2.no_alphabetic_words", "redpajama2.all_caps_words")


@pytest.mark.parametrize("signal", [*PER_WORD, *WORDS])
def test_marked_symbols_and_words_per_word_are_the_value(signal: str):
    document = one_document(TEXT)
    share = n_places(signal, document) / len(document.raw.words.start)
    assert share == pytest.approx(value_of(signal, document))


def test_words_without_a_letter_are_what_alphabetic_words_lacks():
    document = one_document(TEXT)
    n_words = len(document.raw.words.start)
    assert 1 - n_places("gopher.alphabetic_words", document) / n_words == pytest.approx(
        value_of("gopher.alphabetic_words", document)
    )


@pytest.mark.parametrize("rule", [name for name in SIGNALS if "dropped_for" in name])
def test_lines_that_a_rule_dropped_are_marked(rule: str):
    document = one_document(f"{TEXT}\n{'x' * 1001} is a long word.\nToo short.\nWe use cookies on this page.", Edits())
    assert n_places(rule, document) == value_of(rule, document) > 0


@pytest.mark.parametrize("signal", SIGNALS)
def test_every_signal_with_a_place_is_one_and_bears_an_empty_text(signal: str):
    family, _, name = signal.partition(".")
    assert name in signals.names(family)
    for text in ("", " ", "#"):
        spans: Any = cause_of(signal, one_document(text))
        assert np.all(spans.end <= len(text))


def test_a_mean_has_no_place():
    assert not has_place("gopher.mean_word_length")
    assert cause_of("gopher.mean_word_length", one_document(TEXT)) is None
