"""DCLM's variants of Gopher's quality signals and what its line corrections removed, measured on what they judged.

Definitions: Li et al. 2024 (arXiv 2406.11794), RefinedWeb's rules (Penedo et al. 2023, arXiv 2306.01116) as released in
mlfoundations/dclm (baselines/mappers/filters/content_filters.py). Words are those of `Texts`; DCLM's are `str.split`,
so its recipe sets `measure.words: whitespace`. Signals that DCLM defines as datatrove does are in `gopher`.
"""

import numpy as np
import pyarrow.compute as pc

from udfs.edits import Edited
from udfs.signals.gopher import STOP_WORDS
from udfs.spans import Floats, ratio
from udfs.text import Texts, hash_words

BULLETS = ("●", "•", "*", "-")
SYMBOLS = ("#", "...", ". . .", "…")


def mean_word_length(edited: Edited) -> Floats:
    """Mean length in characters of all words, those of punctuation too (DCLM: 3 to 10)."""
    return edited.judged.words.mean(edited.judged.words.n_chars)


def symbol_ratio(edited: Edited) -> Floats:
    """Number of `#`, `...`, `. . .` and `…` together per word, 0 without words (DCLM: at most 0.1)."""
    n_symbols = np.sum([edited.judged.count(symbol) for symbol in SYMBOLS], axis=0)
    return ratio(n_symbols, edited.judged.words.n_per_document)


def bullet_lines(edited: Edited) -> Floats:
    """Share of lines that begin with `●`, `•`, `*` or `-` (DCLM: at most 0.9)."""
    return edited.lines.mean(edited.lines.starts_with(*BULLETS))


def ellipsis_lines(edited: Edited) -> Floats:
    """Share of lines that end in `...`, `. . .` or `…` (DCLM: at most 0.3)."""
    return edited.lines.mean(edited.lines.ends_with(*SYMBOLS[1:]))


def stop_words(edited: Edited) -> Floats:
    """How often the, be, to, of, and, that, have, with stand in the text in upper or lower case (DCLM: at least 2)."""
    words = Texts(pc.utf8_lower(edited.judged.arrow), edited.judged.word_rule).words
    return words.sum(np.isin(words.hashes, hash_words(STOP_WORDS)))


def removed_words(edited: Edited) -> Floats:
    """Share of words, those of punctuation aside, that the line rules removed (DCLM: at most 0.05)."""
    before = edited.judged.content_words.n_per_document
    return ratio(before - edited.texts.content_words.n_per_document, before)
