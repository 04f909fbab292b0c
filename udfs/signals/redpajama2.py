"""RedPajama-v2's quality signals, without those of trained models: classifiers, importance weights, and
perplexity, which is the family `perplexity`.

Definitions: Weber et al. 2024 (arXiv 2411.12372) as released (togethercomputer/RedPajama-Data,
app/src/core/quality_signals). "Normalised" words are those of `Texts.normalized`; raw words are `str.split`'s if
`measure.words` is `whitespace`. RedPajama has a list of numbers per line where a signal here has one per document: the
share, mean or sum that its docstring says. Nothing is rounded to 8 digits, and what it leaves undefined is 0.
Departure: capitals are the category Lu, small letters Ll, Lt, ª and º.
"""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from udfs.signals.batch import Batch
from udfs.spans import Floats, ratio
from udfs.text import hash_words
from udfs.unicode_classes import NUMBER, UPPER

BULLETS = tuple("\u2022\u2023\u25b6\u25c0\u25e6\u25a0\u25a1\u25aa\u25ab\u2013")
SENTENCE = r"[^.!?]*[\pL\pN_][^.!?]*"
ALL_CAPS = r"^[^\p{Ll}\p{Lt}ªº]*\p{Lu}[^\p{Ll}\p{Lt}ªº]*$"


def sentences(batch: Batch) -> Floats:
    """Runs of text between `.`, `!` and `?` with a letter or digit in them (RedPajama, `num_sentences`)."""
    return batch.raw.count_matches(SENTENCE)


def word_count(batch: Batch) -> Floats:
    """Number of normalised words (RedPajama, `word_count`)."""
    return batch.raw.normalized.words.n_per_document


def mean_word_length(batch: Batch) -> Floats:
    """Mean length in characters of the normalised words (RedPajama, `mean_word_length`)."""
    words = batch.raw.normalized.words
    return words.mean(words.n_chars)


def symbol_ratio(batch: Batch) -> Floats:
    """Number of `#`, `...` and `…` together per raw word (RedPajama, `symbol_to_word_ratio`)."""
    n_symbols = batch.raw.count("#") + batch.raw.count("...") + batch.raw.count("…")
    return ratio(n_symbols, batch.raw.words.n_per_document)


def ellipsis_lines(batch: Batch) -> Floats:
    """Share of lines that end in `...` or `…` (RedPajama, `frac_lines_end_with_ellipsis`)."""
    return batch.raw.lines.mean(batch.raw.lines.ends_with("...", "…"))


def no_alphabetic_words(batch: Batch) -> Floats:
    """Share of raw words without a letter a to z (RedPajama, `frac_no_alph_words`)."""
    words = batch.raw.words
    return words.mean(~words.matches("[a-z]"))


def unique_words(batch: Batch) -> Floats:
    """Different normalised words, of all of them (RedPajama, `frac_unique_words`)."""
    words = batch.raw.normalized.words
    return ratio(words.n_distinct, words.n_per_document)


def unigram_entropy(batch: Batch) -> Floats:
    """Entropy of the normalised words in nats (RedPajama, `unigram_entropy`)."""
    return batch.raw.normalized.words.entropy


def all_caps_words(batch: Batch) -> Floats:
    """Share of raw words with a capital and no small letter (RedPajama, `frac_all_caps_words`)."""
    words = batch.raw.words
    return words.mean(np.asarray(pc.match_substring_regex(words.arrow, ALL_CAPS)))


def stop_words(batch: Batch) -> Floats:
    """Share of normalised words in `measure.stop_words` for the document's language (RedPajama)."""
    words = batch.raw.normalized.words
    found = np.zeros(len(batch.raw))
    for language, listed in batch.lists.stop_words.items():
        found += batch.speakers(language) * words.mean(np.isin(words.hashes, hash_words(listed)))
    return found


def _share_of_top(batch: Batch, n: int) -> Floats:
    words = batch.raw.normalized.words
    count, n_chars = words.top_run(n)
    return ratio((count > 1) * count * n_chars, words.sum(words.n_chars))


def _share_of_duplicates(batch: Batch, n: int) -> Floats:
    words = batch.raw.normalized.words
    return ratio(words.sum(words.n_chars * words.covered(n)), words.sum(words.n_chars))


def top_2_gram(batch: Batch) -> Floats:
    """Characters in all places of the most frequent 2-gram, if it is there twice (RedPajama)."""
    return _share_of_top(batch, 2)


def top_3_gram(batch: Batch) -> Floats:
    """Characters in all places of the most frequent 3-gram, if it is there twice (RedPajama)."""
    return _share_of_top(batch, 3)


def top_4_gram(batch: Batch) -> Floats:
    """Characters in all places of the most frequent 4-gram, if it is there twice (RedPajama)."""
    return _share_of_top(batch, 4)


def duplicate_5_grams(batch: Batch) -> Floats:
    """Characters of normalised words in repeated 5-grams (RedPajama, `frac_chars_dupe_5grams`)."""
    return _share_of_duplicates(batch, 5)


def duplicate_6_grams(batch: Batch) -> Floats:
    """Characters of normalised words in repeated 6-grams (RedPajama, `frac_chars_dupe_6grams`)."""
    return _share_of_duplicates(batch, 6)


def duplicate_7_grams(batch: Batch) -> Floats:
    """Characters of normalised words in repeated 7-grams (RedPajama, `frac_chars_dupe_7grams`)."""
    return _share_of_duplicates(batch, 7)


def duplicate_8_grams(batch: Batch) -> Floats:
    """Characters of normalised words in repeated 8-grams (RedPajama, `frac_chars_dupe_8grams`)."""
    return _share_of_duplicates(batch, 8)


def duplicate_9_grams(batch: Batch) -> Floats:
    """Characters of normalised words in repeated 9-grams (RedPajama, `frac_chars_dupe_9grams`)."""
    return _share_of_duplicates(batch, 9)


def duplicate_10_grams(batch: Batch) -> Floats:
    """Characters of normalised words in repeated 10-grams (RedPajama, `frac_chars_dupe_10grams`)."""
    return _share_of_duplicates(batch, 10)


def terminal_punctuation_lines(batch: Batch) -> Floats:
    """Share of lines that end in `.`, `!`, `?` or `”` (RedPajama, mean of `ending_with_terminal_punctution_mark`)."""
    return batch.raw.lines.mean(batch.raw.lines.ends_with(".", "!", "?", "”"))


def bullet_lines(batch: Batch) -> Floats:
    """Share of lines that begin with one of ten bullets (RedPajama, mean of `start_with_bulletpoint`)."""
    return batch.raw.lines.mean(batch.raw.lines.starts_with(*BULLETS))


def words_per_line(batch: Batch) -> Floats:
    """Mean number of normalised words in a line that has one (RedPajama, mean of `num_words`)."""
    return ratio(batch.raw.normalized.words.n_per_document, batch.raw.normalized.lines.n_per_document)


def javascript_words(batch: Batch) -> Floats:
    """How often `javascript` is a normalised word (RedPajama, sum of `javascript_counts`)."""
    words = batch.raw.normalized.words
    return words.sum(np.isin(words.hashes, hash_words(["javascript"])))


def uppercase_characters(batch: Batch) -> Floats:
    """Share of capitals of the characters of all lines (RedPajama, `uppercase_letter_fraction` over the text)."""
    lines = batch.raw.lines
    return ratio(lines.sum(batch.raw.count_in_lines(UPPER)), lines.sum(lines.n_chars))


def numerical_characters(batch: Batch) -> Floats:
    """Share of numerals of the characters of all normalised lines (RedPajama, `numerical_chars_fraction`)."""
    lines = batch.raw.normalized.lines
    return ratio(lines.sum(batch.raw.normalized.count_in_lines(NUMBER)), lines.sum(lines.n_chars))


def lorem_ipsum(batch: Batch) -> Floats:
    """Number of `lorem ipsum` per character of the normalised text (RedPajama, `lorem_ipsum`)."""
    return ratio(batch.raw.normalized.count_matches(r"lorem\s+ipsum"), batch.raw.normalized.n_chars)


def curly_brackets(batch: Batch) -> Floats:
    """Number of `{` and `}` per character (RedPajama, `curly_bracket`)."""
    return ratio(batch.raw.count_matches("[{}]"), batch.raw.n_chars)


def bad_words(batch: Batch) -> Floats:
    """How often a word or phrase of `measure.bad_words` stands in the normalised text (RedPajama, `ldnoobw_words`)."""
    counts = np.zeros(len(batch.raw))
    patterns = [rf"\b{re.escape(word)}\b" for word in batch.lists.bad_words]
    if not patterns:
        return counts
    found = np.flatnonzero(batch.raw.normalized.documents.matches("|".join(patterns)))
    # Few texts have one. Arrow counts by cutting off what it has read, and so loses the boundary before the next match.
    for row, text in zip(found, batch.raw.normalized.arrow.take(pa.array(found)).to_pylist(), strict=True):
        counts[row] = sum(len(re.findall(pattern, text, re.ASCII)) for pattern in patterns)
    return counts
