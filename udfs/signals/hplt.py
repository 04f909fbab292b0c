"""HPLT's rules on the length of documents and lines, measured on the text as extracted.

Definitions: HPLT datasets (Burchell et al. 2025, arXiv 2503.10267) as released (hplt-project/monotextor-slurm). Its
score of whole documents needs a program of its own and is not here.
"""

from udfs.spans import Floats, ratio
from udfs.text import Texts


def characters(texts: Texts) -> Floats:
    """Characters of the text (HPLT: at least 500)."""
    return texts.n_chars


def words_per_line(texts: Texts) -> Floats:
    """Mean number of words in a line, blank lines aside (HPLT: more than 5, but for Chinese, Japanese and Korean)."""
    return ratio(texts.words.n_per_document, texts.lines.n_per_document)


def characters_per_line(texts: Texts) -> Floats:
    """Mean number of characters in a line, blank lines aside (HPLT: more than 10 in Chinese, Japanese and Korean)."""
    return texts.lines.mean(texts.lines.n_chars)
