"""In which scripts a text is written: shares of its letters, measured on the text as extracted.

Definitions: ours, by the blocks of the Unicode Standard; FineWeb-2 (arXiv 2506.20920) labels documents by language and
script. Letters of scripts that have no signal here count in the denominator only.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from udfs.spans import Floats, ratio
from udfs.text import Texts
from udfs.unicode_classes import LETTER

BLOCKS = {
    "latin": ((0x41, 0x24F), (0x250, 0x2AF), (0x1E00, 0x1EFF), (0x2C60, 0x2C7F), (0xA720, 0xA7FF), (0xFB00, 0xFB06),
              (0xFF21, 0xFF5A)),
    "cyrillic": ((0x400, 0x52F), (0x1C80, 0x1C8F), (0xA640, 0xA69F)),
    "greek": ((0x370, 0x3FF), (0x1F00, 0x1FFF)),
    "arabic": ((0x600, 0x6FF), (0x750, 0x77F), (0x870, 0x8FF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFE)),
    "hebrew": ((0x590, 0x5FF), (0xFB1D, 0xFB4F)),
    "devanagari": ((0x900, 0x97F), (0xA8E0, 0xA8FF)),
    "thai": ((0xE00, 0xE7F),),
    "hangul": ((0x1100, 0x11FF), (0x3130, 0x318F), (0xA960, 0xA97F), (0xAC00, 0xD7FF), (0xFFA0, 0xFFDC)),
    "kana": ((0x3040, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F), (0x1B000, 0x1B16F)),
    "han": ((0x3005, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF)),
}  # fmt: skip
"""script -> first and last code points of its blocks."""


@cache
def _scripts() -> NDArray[np.uint8]:
    """1 + the place in BLOCKS of the script of each code point, 0 for all others."""
    table = np.zeros(0x110000, np.uint8)
    for number, blocks in enumerate(BLOCKS.values(), 1):
        for first, last in blocks:
            table[first : last + 1] = number
    return table


def _share(texts: Texts, script: str) -> Floats:
    is_letter = texts.characters.has_some(LETTER)
    number = 1 + list(BLOCKS).index(script)
    in_script = is_letter & (_scripts()[texts.characters.codes] == number)
    return ratio(texts.characters.sum(in_script), texts.characters.sum(is_letter))


def latin(texts: Texts) -> Floats:
    """Share of letters that are Latin, 0 without letters (Unicode blocks)."""
    return _share(texts, "latin")


def cyrillic(texts: Texts) -> Floats:
    """Share of letters that are Cyrillic, 0 without letters (Unicode blocks)."""
    return _share(texts, "cyrillic")


def greek(texts: Texts) -> Floats:
    """Share of letters that are Greek, 0 without letters (Unicode blocks)."""
    return _share(texts, "greek")


def arabic(texts: Texts) -> Floats:
    """Share of letters that are Arabic, 0 without letters (Unicode blocks)."""
    return _share(texts, "arabic")


def hebrew(texts: Texts) -> Floats:
    """Share of letters that are Hebrew, 0 without letters (Unicode blocks)."""
    return _share(texts, "hebrew")


def devanagari(texts: Texts) -> Floats:
    """Share of letters that are Devanagari, 0 without letters (Unicode blocks)."""
    return _share(texts, "devanagari")


def thai(texts: Texts) -> Floats:
    """Share of letters that are Thai, 0 without letters (Unicode blocks)."""
    return _share(texts, "thai")


def hangul(texts: Texts) -> Floats:
    """Share of letters that are Hangul, 0 without letters (Unicode blocks)."""
    return _share(texts, "hangul")


def kana(texts: Texts) -> Floats:
    """Share of letters that are Hiragana and Katakana, 0 without letters (Unicode blocks)."""
    return _share(texts, "kana")


def han(texts: Texts) -> Floats:
    """Share of letters that are Han, 0 without letters (Unicode blocks)."""
    return _share(texts, "han")
