"""C4's signals, measured on what its edits (udfs/edits.py) kept and dropped.

Definitions: Raffel et al. 2020 (JMLR 21:140) as released (tensorflow/datasets, text/c4_utils.py). C4 drops a whole
document at the first line that meets a rule below; here the lines are counted, and a bound of `max: 0` does the same.
"""

import re

import numpy as np
import pyarrow as pa

from udfs import edits
from udfs.edits import Edited
from udfs.spans import Floats
from udfs.text import Texts
from udfs.unicode_classes import UNSPACED

LONG_LINE_CHARS = 200


def sentences(edited: Edited) -> Floats:
    """Sentences in the lines kept, as `Texts.n_sentences` counts them (C4 as released: at least 3; paper: 5)."""
    return edited.texts.n_sentences


def long_lines(edited: Edited) -> Floats:
    """Lines kept of 200 characters or more (mC4, c4_utils.py: at least 3)."""
    return edited.texts.lines.sum(edited.texts.lines.n_chars >= LONG_LINE_CHARS)


def lorem_ipsum_lines(edited: Edited) -> Floats:
    """Lines with "lorem ipsum", of those that reach this rule, behind min_words_per_line (c4_utils.py: none)."""
    return edited.lines.sum(edited.met(edits.min_words_per_line) & edited.lines.matches("lorem ipsum"))


def curly_bracket_lines(edited: Edited) -> Floats:
    """Lines with `{`, of those that reach this rule, behind javascript (c4_utils.py: none)."""
    return edited.lines.sum(edited.met(edits.javascript) & edited.lines.matches(r"\{"))


def bad_word_lines(edited: Edited) -> Floats:
    """Lines kept that hold a word of `Edits.bad_words` between characters that are no letters (c4_utils.py: none).

    The ends of a line count as such. A word with a letter of an unspaced script is found anywhere, as in mC4 for
    Chinese, Japanese and Thai.
    """
    if not edited.bad_words:
        return np.zeros(len(edited.texts))
    return edited.texts.lines.sum(edited.texts.lines.matches(_pattern_of(edited.bad_words)))


def _pattern_of(words: tuple[str, ...]) -> str:
    unspaced = Texts(pa.array(words)).documents.has_some(UNSPACED)
    anywhere = [re.escape(word) for word, is_unspaced in zip(words, unspaced, strict=True) if is_unspaced]
    alone = [re.escape(word) for word, is_unspaced in zip(words, unspaced, strict=True) if not is_unspaced]
    return "|".join([*anywhere, rf"(?:^|\PL)(?:{'|'.join(alone)})(?:\PL|$)"] if alone else anywhere)


def dropped_for_word_length(edited: Edited) -> Floats:
    """Lines dropped for a word of more than 1,000 characters (c4_utils.py, `lines-with-too-long-word`)."""
    return edited.lines.sum(edited.dropped_by(edits.max_word_length))


def dropped_for_punctuation(edited: Edited) -> Floats:
    """Lines dropped because no end mark ends them (c4_utils.py, `lines-no-endmark`)."""
    return edited.lines.sum(edited.dropped_by(edits.terminal_punctuation))


def dropped_for_few_words(edited: Edited) -> Floats:
    """Lines dropped because they have too few words (c4_utils.py, `lines-too-short`)."""
    return edited.lines.sum(edited.dropped_by(edits.min_words_per_line))


def dropped_for_javascript(edited: Edited) -> Floats:
    """Lines dropped because they mention JavaScript (c4_utils.py, `lines-javascript`)."""
    return edited.lines.sum(edited.dropped_by(edits.javascript))


def dropped_for_policy(edited: Edited) -> Floats:
    """Lines dropped because they speak of cookies, privacy or terms of use (c4_utils.py, `lines-policy`)."""
    return edited.lines.sum(edited.dropped_by(edits.policy))
