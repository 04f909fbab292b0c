"""FineWeb's own signals, measured on the text after its edits.

Definitions: Penedo et al. 2024 (arXiv 2406.17557) as in datatrove 0.10.1 (filters/fineweb_quality_filter.py).
Departures: words are those of `Texts`, and lines are trimmed.
"""

from udfs.spans import Floats, ratio
from udfs.text import Texts
from udfs.unicode_classes import TERMINAL

SHORT_LINE_CHARS = 30


def terminal_punctuation_lines(texts: Texts) -> Floats:
    """Share of lines that end in a mark that ends sentences in some script (FineWeb: at least 0.12).

    The marks are Unicode's Sentence_Terminal: datatrove's list with newer marks, less three signs of Khmer.
    """
    return texts.lines.mean(texts.lines.ends_in(TERMINAL))


def short_lines(texts: Texts) -> Floats:
    """Share of lines of at most 30 characters (FineWeb: at most 0.67)."""
    return texts.lines.mean(texts.lines.n_chars <= SHORT_LINE_CHARS)


def duplicate_line_characters(texts: Texts) -> Floats:
    """Characters of lines that stood in the text before, of all but newlines (FineWeb: up to 0.01; FineWeb-2: 0.1)."""
    return ratio(texts.lines.repeats()[1], texts.n_chars - texts.count("\n"))


def newline_ratio(texts: Texts) -> Floats:
    """Newlines per word, 0 without words (FineWeb: at most 0.3)."""
    return ratio(texts.count("\n"), texts.n_words)
