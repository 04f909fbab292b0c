"""MAP-NEO Matrix's rules for Chinese documents, and Gopher's repetition by its third definition: on characters.

Definitions: Zhang et al. 2024 (arXiv 2405.19327) as released (multimodal-art-projection/MAP-NEO, Matrix). Characters
are those of the text in compatibility form (NFKC), white space aside. A top n-gram's first occurrence is not counted;
of duplicate n-grams the different characters are counted, each once, which looks like a slip but is what the bound of
0.6 belongs to. Words are those of `measure.words`; MAP-NEO's are jieba's, which parts kana into characters too.
"""

from udfs.spans import Floats, ratio
from udfs.text import Texts
from udfs.unicode_classes import NUMBER, PUNCTUATION

BULLETS = ("•", "●", "-", "*", "·")
NO_WORD = r"[^\pL\pN_\s\pZ\x1c-\x1f\x85]"
"""A character that is of no word and no white space, as Python's `re` has it."""
READ_MORE = ("readmore", "展开", "更多", "。。。", "...")


def characters(texts: Texts) -> Floats:
    """Characters of the text, white space aside (MAP-NEO: 50 to 10,000)."""
    return texts.compatible.characters.n_per_document


def sentences(texts: Texts) -> Floats:
    """Sentences as `Texts.n_sentences` counts them (MAP-NEO: more than 1)."""
    return texts.compatible.n_sentences


def mean_word_length(texts: Texts) -> Floats:
    """Mean length of the words of the text less its punctuation (MAP-NEO, with `measure.words: jieba`: 1.3 to 10)."""
    words = texts.compatible.without(NO_WORD).words
    return words.mean(words.n_chars)


def bracket_characters(texts: Texts) -> Floats:
    """Share of characters between 【 and 】, the brackets too, white space counted (MAP-NEO: at most 0.1)."""
    outside = texts.without("【[^】]*】").n_chars
    return ratio(texts.n_chars - outside, texts.n_chars)


def hash_ratio(texts: Texts) -> Floats:
    """Runs of `#` per character (MAP-NEO: at most 0.1)."""
    return _per_character(texts, "#+")


def ellipsis_ratio(texts: Texts) -> Floats:
    """Runs of three or more `.` or `。` per character (MAP-NEO: at most 0.1)."""
    return _per_character(texts, r"\.{3,}|。{3,}")


def digits(texts: Texts) -> Floats:
    """Numerals, of all characters that are no punctuation (MAP-NEO: at most 0.3)."""
    found = texts.compatible.characters
    return ratio(found.sum(found.has_some(NUMBER)), found.sum(~found.has_some(PUNCTUATION)))


def read_more_lines(texts: Texts) -> Floats:
    """Share of lines that end in `readmore`, `展开`, `更多` or an ellipsis (MAP-NEO: at most 0.3)."""
    lines = texts.compatible.lines
    return lines.mean(lines.ends_with(*READ_MORE))


def bullet_lines(texts: Texts) -> Floats:
    """Share of lines that begin with `•`, `●`, `-`, `*` or `·` (MAP-NEO: at most 0.9)."""
    lines = texts.compatible.lines
    return lines.mean(lines.starts_with(*BULLETS))


def punctuation(texts: Texts) -> Floats:
    """Number of punctuation marks and symbols (MAP-NEO: at least 1)."""
    found = texts.compatible.characters
    return found.sum(found.has_some(PUNCTUATION))


def distinct_characters(texts: Texts) -> Floats:
    """Different characters, of all (MAP-NEO: more than 0.1). It falls with length by nature."""
    found = texts.compatible.characters
    return ratio(found.n_distinct, found.n_per_document)


def character_entropy(texts: Texts) -> Floats:
    """Entropy of the characters in nats (MAP-NEO: at least 3)."""
    return texts.compatible.characters.entropy


def _per_character(texts: Texts, pattern: str) -> Floats:
    return ratio(texts.compatible.count_matches(pattern), texts.compatible.characters.n_per_document)


def _share_of_top(texts: Texts, n: int) -> Floats:
    found = texts.compatible.characters
    count, n_chars = found.top_run(n)
    return ratio((count - (count > 0)) * n_chars, found.n_per_document)


def _share_of_distinct(texts: Texts, n: int) -> Floats:
    found = texts.compatible.characters
    return ratio(found.keep(found.covered(n)).n_distinct, found.n_per_document)


def top_2_gram(texts: Texts) -> Floats:
    """Characters of the most frequent 2-gram of characters, from its second occurrence on (MAP-NEO: 0.20)."""
    return _share_of_top(texts, 2)


def top_3_gram(texts: Texts) -> Floats:
    """Characters of the most frequent 3-gram of characters, from its second occurrence on (MAP-NEO: 0.18)."""
    return _share_of_top(texts, 3)


def top_4_gram(texts: Texts) -> Floats:
    """Characters of the most frequent 4-gram of characters, from its second occurrence on (MAP-NEO: 0.16)."""
    return _share_of_top(texts, 4)


def duplicate_5_grams(texts: Texts) -> Floats:
    """Different characters in repeated 5-grams of characters, of all characters (MAP-NEO: at most 0.60)."""
    return _share_of_distinct(texts, 5)


def duplicate_6_grams(texts: Texts) -> Floats:
    """Different characters in repeated 6-grams of characters, of all characters (MAP-NEO: at most 0.60)."""
    return _share_of_distinct(texts, 6)


def duplicate_7_grams(texts: Texts) -> Floats:
    """Different characters in repeated 7-grams of characters, of all characters (MAP-NEO: at most 0.60)."""
    return _share_of_distinct(texts, 7)


def duplicate_8_grams(texts: Texts) -> Floats:
    """Different characters in repeated 8-grams of characters, of all characters (MAP-NEO: at most 0.60)."""
    return _share_of_distinct(texts, 8)


def duplicate_9_grams(texts: Texts) -> Floats:
    """Different characters in repeated 9-grams of characters, of all characters (MAP-NEO: at most 0.60)."""
    return _share_of_distinct(texts, 9)


def duplicate_10_grams(texts: Texts) -> Floats:
    """Different characters in repeated 10-grams of characters, of all characters (MAP-NEO: at most 0.60)."""
    return _share_of_distinct(texts, 10)
