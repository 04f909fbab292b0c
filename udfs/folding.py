"""How de-duplication reads text: each character is a letter, a digit, a word of its own, a space, nothing or a break,
and is folded so that variants of a spelling are equal.

Folding is FineWeb's (huggingface/datatrove `utils/text.py`, `simplify_text`), one character at a time: lower case, and
accents (category Mn, the voicing marks of kana among them) are dropped whether composed or not. In addition half and
full width are one, so are the decimal digits of all scripts, and NUL and format characters (soft hyphen, zero-width
joiner) are dropped. A character that folds to several (sharp s, the ligature fi) stays as it is, and so does Hangul in
single jamo: they are not joined.

The table, folding.npz, is made by scripts/make_folding.py and never at run time.
"""

from functools import cache
from importlib import resources
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from udfs.hashing import ONE, U64
from udfs.unicode_classes import LETTER, MARK, NUMBER, SPACE, UNSPACED, character_classes

IN_WORD, DIGIT, WORD, BLANK, NOTHING, BREAK = range(6)
"""Kinds of a character: part of a word, a decimal digit (part of a word too), a word of its own (scripts without
spaces), white space, dropped, the rest (punctuation, symbols, controls, unassigned)."""
KIND_SHIFT = 21
CODE = (1 << KIND_SHIFT) - 1
REPLACEMENT = U64(0xFFFD)


def _folded() -> NDArray[np.int64]:
    """The folded code point of each code point, 0 for nothing; (0x110000,)."""
    with (resources.files("udfs") / "folding.npz").open("rb") as stream, np.load(stream) as archive:
        return archive["shift"] + np.arange(0x110000)


@cache
def word_table() -> NDArray[np.uint32]:
    """kind << 21 | folded code point of each code point, digits folded to 0; uint32 (0x110000,), 4.4 MB, read-only."""
    folded, classes = _folded(), character_classes()
    is_digit = (folded >= ord("0")) & (folded <= ord("9"))
    kinds = np.select(
        [folded == 0, is_digit, classes & SPACE > 0, classes & UNSPACED > 0, classes & (LETTER | NUMBER | MARK) > 0],
        [NOTHING, DIGIT, BLANK, WORD, IN_WORD],
        BREAK,
    )
    return _entries(kinds, np.where(is_digit, ord("0"), folded))


@cache
def character_table() -> NDArray[np.uint32]:
    """Like `word_table`, with every character a word of its own but white space and what is dropped; digits stay."""
    kinds = word_table() >> KIND_SHIFT
    return _entries(np.where((kinds == NOTHING) | (kinds == BLANK), kinds, WORD), _folded())


@cache
def joined_table() -> NDArray[np.uint32]:
    """Like `word_table`, with punctuation and symbols dropped: words end at white space alone, and 7:11 is 711."""
    kinds, folded = word_table() >> KIND_SHIFT, word_table() & CODE
    return _entries(np.where(kinds == BREAK, NOTHING, kinds), folded)


def _entries(kinds: NDArray[Any], folded: NDArray[Any]) -> NDArray[np.uint32]:
    table = (kinds << KIND_SHIFT | folded).astype(np.uint32)
    table.flags.writeable = False
    return table


@numba.njit
def code_point(data: Any, position: Any, end: Any) -> Any:
    """(code point at data[position], position of the next), uint64 as `position` and `end`; data is uint8, and nothing
    of it from `end` on is read. A byte that begins no well-formed UTF-8 sequence is one U+FFFD."""
    byte = U64(data[position])
    if byte < 0x80:
        return byte, position + ONE
    size = U64(2) + U64(byte >= 0xE0) + U64(byte >= 0xF0)
    if byte < 0xC2 or byte > 0xF4 or position + size > end:
        return REPLACEMENT, position + ONE
    code = byte & (U64(0xFF) >> (size + ONE))
    for k in range(ONE, size):
        follower = U64(data[position + k])
        if follower & U64(0xC0) != 0x80:
            return REPLACEMENT, position + ONE
        code = code << U64(6) | follower & U64(0x3F)
    overlong = code < 0x800 if size == 3 else size == 4 and code < 0x10000
    surrogate = code >> U64(11) == 0x1B
    if overlong or surrogate or code > 0x10FFFF:
        return REPLACEMENT, position + ONE
    return code, position + size
