"""Gopher's repetition signals by their second definition: every piece that lies in repeated text counts once.

Definitions: DCLM (mlfoundations/dclm, baselines/mappers/filters/content_filters.py, `repetition_filter`), for Rae et
al. 2021 (arXiv 2112.11446, table A1). All occurrences count, the first one too; shares are of the characters of all
lines, paragraphs or words, without white space and punctuation between them; a top n-gram counts from its second
occurrence on, and among equals it is the longest. The family `repetition` has datatrove's definition of the same
quantities, `map_neo` a third one. Departures: words are those of `Texts` that are not only punctuation, where DCLM
splits by UAX #29; lines and paragraphs are trimmed.
"""

from udfs.spans import Floats, Spans, ratio
from udfs.text import Texts


def _share_of_chars(pieces: Spans, n: int = 1) -> Floats:
    return ratio(pieces.sum(pieces.n_chars * pieces.covered(n)), pieces.sum(pieces.n_chars))


def _share_of_top(texts: Texts, n: int) -> Floats:
    count, n_chars = texts.content_words.longest_top_run(n)
    return ratio((count > 1) * count * n_chars, texts.content_words.sum(texts.content_words.n_chars))


def duplicate_lines(texts: Texts) -> Floats:
    """Share of lines that stand in the text twice or more (table A1: at most 0.30)."""
    return texts.lines.mean(texts.lines.covered())


def duplicate_line_characters(texts: Texts) -> Floats:
    """Characters of lines that stand in the text twice or more, of those of all lines (table A1: at most 0.20)."""
    return _share_of_chars(texts.lines)


def duplicate_paragraphs(texts: Texts) -> Floats:
    """Share of paragraphs that stand in the text twice or more (table A1: at most 0.30)."""
    return texts.paragraphs.mean(texts.paragraphs.covered())


def duplicate_paragraph_characters(texts: Texts) -> Floats:
    """Characters of paragraphs that stand in the text twice or more, of those of all paragraphs (table A1: 0.20)."""
    return _share_of_chars(texts.paragraphs)


def top_2_gram(texts: Texts) -> Floats:
    """Characters in all places of the most frequent 2-gram of words, 0 if it is there once (table A1: 0.20)."""
    return _share_of_top(texts, 2)


def top_3_gram(texts: Texts) -> Floats:
    """Characters in all places of the most frequent 3-gram of words, 0 if it is there once (table A1: 0.18)."""
    return _share_of_top(texts, 3)


def top_4_gram(texts: Texts) -> Floats:
    """Characters in all places of the most frequent 4-gram of words, 0 if it is there once (table A1: 0.16)."""
    return _share_of_top(texts, 4)


def duplicate_5_grams(texts: Texts) -> Floats:
    """Characters of words in repeated 5-grams, of those of all words (table A1: at most 0.15)."""
    return _share_of_chars(texts.content_words, 5)


def duplicate_6_grams(texts: Texts) -> Floats:
    """Characters of words in repeated 6-grams, of those of all words (table A1: at most 0.14)."""
    return _share_of_chars(texts.content_words, 6)


def duplicate_7_grams(texts: Texts) -> Floats:
    """Characters of words in repeated 7-grams, of those of all words (table A1: at most 0.13)."""
    return _share_of_chars(texts.content_words, 7)


def duplicate_8_grams(texts: Texts) -> Floats:
    """Characters of words in repeated 8-grams, of those of all words (table A1: at most 0.12)."""
    return _share_of_chars(texts.content_words, 8)


def duplicate_9_grams(texts: Texts) -> Floats:
    """Characters of words in repeated 9-grams, of those of all words (table A1: at most 0.11)."""
    return _share_of_chars(texts.content_words, 9)


def duplicate_10_grams(texts: Texts) -> Floats:
    """Characters of words in repeated 10-grams, of those of all words (table A1: at most 0.10)."""
    return _share_of_chars(texts.content_words, 10)
