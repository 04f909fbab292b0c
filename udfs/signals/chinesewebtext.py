"""ChineseWebText's rules, measured on the text as extracted.

Definitions: Chen et al. 2023 (arXiv 2311.01149) as released (CASIA-LM/ChineseWebText, preprocess.py). Lines are what
newlines part, blank ones included.
"""

import numpy as np
import pyarrow.compute as pc

from udfs.signals.batch import Batch
from udfs.spans import Floats, ratio
from udfs.text import Texts

N = 13
FIRST_HAN, LAST_HAN = 0x4E00, 0x9FA5


def characters(batch: Batch) -> Floats:
    """Characters of the text (ChineseWebText: more than 200)."""
    return batch.raw.n_chars


def characters_per_line(batch: Batch) -> Floats:
    """Characters of the text, newlines too, per line (ChineseWebText: at least 10)."""
    return batch.raw.n_chars / _n_lines(batch.raw)


def han_characters(batch: Batch) -> Floats:
    """Share of characters from U+4E00 to U+9FA5 (ChineseWebText: at least 0.3)."""
    codes = batch.raw.characters.codes
    return ratio(batch.raw.characters.sum((codes >= FIRST_HAN) & (codes <= LAST_HAN)), batch.raw.n_chars)


def traditional_characters(batch: Batch) -> Floats:
    """Number of characters that are in `measure.traditional` (ChineseWebText: none)."""
    listed = np.array([ord(character) for character in batch.lists.traditional], np.int64)
    return batch.raw.characters.sum(np.isin(batch.raw.characters.codes, listed))


def bad_words_per_line(batch: Batch) -> Floats:
    """Different words of `measure.bad_words` found anywhere in the text, per line (ChineseWebText: at most 0.5)."""
    found = np.zeros(len(batch.raw))
    for word in batch.lists.bad_words:
        found += np.asarray(pc.match_substring(batch.raw.arrow, word))
    return found / _n_lines(batch.raw)


def duplicate_13_grams(batch: Batch) -> Floats:
    """Share of 13-grams of characters that the text has twice or more (ChineseWebText: at most 0.5).

    In lower case, without white space; the last 13-gram is left out, as in the code.
    """
    characters = Texts(pc.utf8_lower(batch.raw.arrow)).characters
    is_last = np.zeros(len(characters.start), np.bool_)
    is_last[characters.first[1:][np.diff(characters.first) > 0] - 1] = True
    pieces = characters.keep(~is_last)
    occurrences = pieces.occurrences(N)
    return ratio(pieces.sum(occurrences > 1), pieces.sum(occurrences > 0))


def _n_lines(texts: Texts) -> Floats:
    return texts.count("\n") + 1
