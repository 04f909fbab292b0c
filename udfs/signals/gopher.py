"""Gopher's quality signals, measured on the text as extracted.

Definitions: Rae et al. 2021 (arXiv 2112.11446, section A1.1), with the details of datatrove 0.10.1
(filters/gopher_quality_filter.py). Departures from datatrove: words are those of `Texts`, not of a language's
tokenizer; a word made only of punctuation is told by Unicode classes, not by a list; blank lines do not count.
"""

import numpy as np

from udfs.spans import Floats, ratio
from udfs.text import Texts, hash_words
from udfs.unicode_classes import LETTER, PUNCTUATION

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")


def word_count(texts: Texts) -> Floats:
    """Number of words that are not only punctuation (Gopher A1.1: 50 to 100,000)."""
    return texts.words.sum(~texts.words.has_only(PUNCTUATION))


def mean_word_length(texts: Texts) -> Floats:
    """Mean length in characters of the words that are not only punctuation, 0 without any (Gopher A1.1: 3 to 10)."""
    counted = ~texts.words.has_only(PUNCTUATION)
    return ratio(texts.words.sum(texts.words.n_chars * counted), texts.words.sum(counted))


def hash_ratio(texts: Texts) -> Floats:
    """Number of `#` per word, 0 without words (Gopher A1.1: at most 0.1)."""
    return ratio(texts.count("#"), texts.words.n_per_document)


def ellipsis_ratio(texts: Texts) -> Floats:
    """Number of `...` and `…` per word, 0 without words (Gopher A1.1: at most 0.1)."""
    return ratio(texts.count("...") + texts.count("…"), texts.words.n_per_document)


def bullet_lines(texts: Texts) -> Floats:
    """Share of lines that begin with `•` or `-` (Gopher A1.1: at most 0.9; the marks are datatrove's)."""
    return texts.lines.mean(texts.lines.starts_with("•", "-"))


def ellipsis_lines(texts: Texts) -> Floats:
    """Share of lines that end in `...` or `…` (Gopher A1.1: at most 0.3)."""
    return texts.lines.mean(texts.lines.ends_with("...", "…"))


def alphabetic_words(texts: Texts) -> Floats:
    """Share of words with a letter in them (Gopher A1.1: at least 0.8)."""
    return texts.words.mean(texts.words.has_some(LETTER))


def stop_words(texts: Texts) -> Floats:
    """How many of the, be, to, of, and, that, have, with are words of the text (Gopher A1.1: at least 2).

    In lower case, and each counts once, as in datatrove.
    """
    found = np.zeros(len(texts))
    for word in hash_words(STOP_WORDS):
        found += texts.words.sum(texts.words.hashes == word) > 0
    return found
