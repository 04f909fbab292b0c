"""The units of a text, words or characters as a table of udfs/folding.py has them, as 64-bit hashes.

A text is looked at in blocks of 64 bytes. Masks with a bit for each byte say where runs stand between separators. A run
of ASCII letters, as most are, is a word, and is hashed eight bytes at once; one of ASCII digits is a 0. All others are
read character by character, and so is a whole stretch where they prevail. A word's hash is the same either way:

h is 0 before the first character. Up to eight ASCII characters in a row are one number, the first in its lowest byte,
and make h = mix64(h ^ number); any other character makes h = (h ^ code point) * GOLDEN. The hash is h, or mix64(h) when
the last character is none of ASCII. That of a character that is a unit of its own is mix64(code point * GOLDEN). So no
two words of up to eight ASCII letters share a hash, and longer ones by chance only.
"""

from typing import Any

import numba

from udfs.borrowing import borrowed
from udfs.byte_masks import mask_of, trailing_zeros
from udfs.folding import BREAK, CODE, DIGIT, IN_WORD, KIND_SHIFT, NOTHING, WORD, code_point
from udfs.hashing import GOLDEN, ONE, U64, load_eight, mix64

BLOCK_BYTES = U64(64)
"""A bit each in a mask. A block holds as many units at most."""
BYTES_READ = BLOCK_BYTES + U64(8)
"""The last word of a block is read eight bytes at once."""
STRETCH = U64(256)
"""Bytes read character by character where MANY of a block have to be: a block looked at in vain costs little beside
them."""
MANY = U64(24)
ALL = ~U64(0)
LOWER = U64(0x2020202020202020)
"""The bit that makes an ASCII letter lower case, in each byte."""
PERIOD, LETTER, ZERO = ord("."), ord("a"), U64(ord("0"))
letters_at = mask_of((ord("A"), ord("Z")), (ord("a"), ord("z")))
digits_at = mask_of((ord("0"), ord("9")))
blanks_at = mask_of((ord("\t"), ord("\r")), (ord(" "), ord(" ")))
never_apart_at = mask_of((0x00, 0x00), (0x80, 0xFF))


@numba.njit
def read_units(data: Any, position: Any, end: Any, table: Any, units: Any, n_units: Any) -> Any:
    """(next position, number of units): the hashes of the units of data[position:end], appended to units[:n_units]
    until it is nearly full or the text ends. The next position is never inside a word, but may be behind `end`. `data`
    is uint8, `units` uint64 and longer than BLOCK_BYTES, `table` of udfs/folding.py; positions and numbers are uint64.
    The caller keeps the arrays."""
    data, table, units = borrowed(data), borrowed(table), borrowed(units)
    in_blocks = table[LETTER] >> KIND_SHIFT == IN_WORD
    while position < end and n_units + BLOCK_BYTES < units.size:
        if in_blocks and position + BYTES_READ <= data.size:
            position, n_units = _read_block(data, position, end, table, units, n_units)
        else:
            position, n_units = _read_characters(data, position, end, end, table, units, n_units)
    return position, n_units


@numba.njit(inline="always")
def _read_block(data: Any, position: Any, end: Any, table: Any, units: Any, n_units: Any) -> Any:
    """`read_units` of the next 64 bytes, up to where the last run begins that does not end in them."""
    letters, digits, others = _classes(data, position, end, table)
    runs = letters | digits | others
    if runs == ALL or _count_ones(others) > MANY:
        return _read_characters(data, position, min(position + STRETCH, end), end, table, units, n_units)
    starts, ends = runs & ~(runs << ONE), ~runs & (runs << ONE)
    while ends:
        first, last = U64(trailing_zeros(starts)), U64(trailing_zeros(ends))
        run = (ONE << last) - (ONE << first)
        if letters & run == run:
            units[n_units] = _hash_letters(data, position + first, last - first)
            n_units += ONE
        elif digits & run == run:
            units[n_units] = mix64(ZERO)
            n_units += ONE
        else:
            stop = position + last
            _, n_units = _read_characters(data, position + first, stop, stop, table, units, n_units)
        starts, ends = starts & (starts - ONE), ends & (ends - ONE)
    return position + (U64(trailing_zeros(starts)) if starts else BLOCK_BYTES), n_units


@numba.njit(inline="always")
def _classes(data: Any, position: Any, end: Any, table: Any) -> Any:
    """(letters, digits, others): which of the next 64 bytes are ASCII letters, which are ASCII digits, and which of the
    rest may stand in a word or be dropped from one, so that it takes the table to know. None behind `end` is."""
    letters, digits = letters_at(data, position), digits_at(data, position)
    others = never_apart_at(data, position)
    if table[PERIOD] >> KIND_SHIFT != BREAK:
        others = ~(letters | digits | blanks_at(data, position))
    in_text = ALL if end - position >= BLOCK_BYTES else (ONE << (end - position)) - ONE
    return letters & in_text, digits & in_text, others & in_text


@numba.njit
def _count_ones(mask: Any) -> Any:
    """The compiler knows this loop, and makes one instruction of it."""
    n = U64(0)
    while mask:
        mask &= mask - ONE
        n += ONE
    return n


@numba.njit(inline="always")
def _hash_letters(data: Any, start: Any, size: Any) -> Any:
    """The hash of a word of so many ASCII letters."""
    h = U64(0)
    while size > 8:
        h = mix64(h ^ (load_eight(data, start) | LOWER))
        start += U64(8)
        size -= U64(8)
    return mix64(h ^ ((load_eight(data, start) | LOWER) & (ALL >> (U64(64) - U64(8) * size))))


@numba.njit
def _read_characters(data: Any, position: Any, stop: Any, end: Any, table: Any, units: Any, n_units: Any) -> Any:
    """`read_units` up to the first place at or behind `stop` that is not inside a word, whatever stands there."""
    h = number = shift = U64(0)
    previous = NOTHING
    while position < end and n_units < U64(units.size - 1):
        code, position = code_point(data, position, end)
        kind, folded = table[code] >> KIND_SHIFT, U64(table[code] & CODE)
        if kind == NOTHING or (kind == DIGIT and previous == DIGIT):
            continue
        previous = kind
        if kind in (IN_WORD, DIGIT):
            h, number, shift = _lengthened(h, number, shift, folded)
            continue
        if h | number:
            units[n_units] = mix64(h ^ number)
            n_units += ONE
            h = number = shift = U64(0)
        if kind == WORD:
            units[n_units] = mix64(folded * GOLDEN)
            n_units += ONE
        if position >= stop:
            break
    if h | number:
        units[n_units] = mix64(h ^ number)
        n_units += ONE
    return position, n_units


@numba.njit(inline="always")
def _lengthened(h: Any, number: Any, shift: Any, code: Any) -> Any:
    """What is known of a word with another character: h, the number not yet in it, and the bits of that number."""
    if number and (code >= 0x80 or shift == 64):
        h, number, shift = mix64(h ^ number), U64(0), U64(0)
    if code >= 0x80:
        return (h ^ code) * GOLDEN, number, shift
    return h, number | code << shift, shift + U64(8)
