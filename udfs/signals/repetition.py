"""Gopher's repetition signals, measured on the text as extracted.

Definitions: Rae et al. 2021 (arXiv 2112.11446, table A1) with the arithmetic of datatrove 0.10.1
(filters/gopher_repetition_filter.py): only second and later occurrences count, and shares are of all characters of the
text, white space included. Departures: words are those of `Texts`; lines and paragraphs are trimmed, blank ones do not
count, and a line of white space parts paragraphs too.

A top n-gram counts even where it occurs once, and with the spaces between its words, so that it can pass 1 in a text
without spaces; a duplicate n-gram is counted without them. Both as in datatrove, whose published bounds rely on it. But
n-grams are equal here if their words are; datatrove compares them run together, so that `1 11` equals `11 1`.
"""

from udfs.spans import Floats, ratio
from udfs.text import Texts


def _share_of_chars(texts: Texts, repeats: tuple[Floats, Floats]) -> Floats:
    return ratio(repeats[1], texts.n_chars)


def _share_of_top(texts: Texts, n: int) -> Floats:
    count, n_chars = texts.words.top_run(n)
    return ratio(count * (n_chars + n - 1), texts.n_chars)


def duplicate_lines(texts: Texts) -> Floats:
    """Share of lines that stood in the text before (table A1: at most 0.30)."""
    return ratio(texts.lines.repeats()[0], texts.lines.n_per_document)


def duplicate_line_characters(texts: Texts) -> Floats:
    """Characters of lines that stood in the text before, of all characters (table A1: at most 0.20)."""
    return _share_of_chars(texts, texts.lines.repeats())


def duplicate_paragraphs(texts: Texts) -> Floats:
    """Share of paragraphs that stood in the text before (table A1: at most 0.30)."""
    return ratio(texts.paragraphs.repeats()[0], texts.paragraphs.n_per_document)


def duplicate_paragraph_characters(texts: Texts) -> Floats:
    """Characters of paragraphs that stood in the text before, of all characters (table A1: at most 0.20)."""
    return _share_of_chars(texts, texts.paragraphs.repeats())


def top_2_gram(texts: Texts) -> Floats:
    """Characters in all places of the most frequent 2-gram of words, of all characters (table A1: at most 0.20)."""
    return _share_of_top(texts, 2)


def top_3_gram(texts: Texts) -> Floats:
    """Characters in all places of the most frequent 3-gram of words, of all characters (table A1: at most 0.18)."""
    return _share_of_top(texts, 3)


def top_4_gram(texts: Texts) -> Floats:
    """Characters in all places of the most frequent 4-gram of words, of all characters (table A1: at most 0.16)."""
    return _share_of_top(texts, 4)


def duplicate_5_grams(texts: Texts) -> Floats:
    """Characters of 5-grams of words that stood in the text before, of all characters (table A1: at most 0.15)."""
    return _share_of_chars(texts, texts.words.repeats(5))


def duplicate_6_grams(texts: Texts) -> Floats:
    """Characters of 6-grams of words that stood in the text before, of all characters (table A1: at most 0.14)."""
    return _share_of_chars(texts, texts.words.repeats(6))


def duplicate_7_grams(texts: Texts) -> Floats:
    """Characters of 7-grams of words that stood in the text before, of all characters (table A1: at most 0.13)."""
    return _share_of_chars(texts, texts.words.repeats(7))


def duplicate_8_grams(texts: Texts) -> Floats:
    """Characters of 8-grams of words that stood in the text before, of all characters (table A1: at most 0.12)."""
    return _share_of_chars(texts, texts.words.repeats(8))


def duplicate_9_grams(texts: Texts) -> Floats:
    """Characters of 9-grams of words that stood in the text before, of all characters (table A1: at most 0.11)."""
    return _share_of_chars(texts, texts.words.repeats(9))


def duplicate_10_grams(texts: Texts) -> Floats:
    """Characters of 10-grams of words that stood in the text before, of all characters (table A1: at most 0.10)."""
    return _share_of_chars(texts, texts.words.repeats(10))
