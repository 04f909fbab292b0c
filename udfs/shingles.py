"""The set of shingles of each document: hashes of n consecutive words or characters, the sets that Jaccard compares.

`word`: a maximal run of letters, numbers and marks, in which a run of digits is one 0 (FineWeb's rule: pages that
differ in dates and prices only are duplicates). A character of a script without spaces (Han, kana, Thai ...) is a word
of its own, so that such text has shingles at all. Punctuation, symbols and white space separate words.
`char`: every character but white space; punctuation counts, and digits stay as they are.
`joined`: as `word`, but punctuation and symbols are dropped and separate nothing (decontamination).
In all, characters are folded first (`udfs/folding.py`).

A document of fewer than n units has one shingle, of all its units; one without units (empty, null, in `word` only
punctuation) has the empty set. Shingles are 64-bit hashes: two different ones of the same billion collide with
probability 0.03. The hash has no key, so it is no defence against texts made to collide.
"""

from itertools import pairwise
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from udfs.errors import UsageError
from udfs.folding import (
    CODE,
    DIGIT,
    IN_WORD,
    KIND_SHIFT,
    NOTHING,
    WORD,
    character_table,
    code_point,
    joined_table,
    word_table,
)
from udfs.hashing import GOLDEN, ONE, U64, mix64
from udfs.strings import Strings

TABLES = {"word": word_table, "char": character_table, "joined": joined_table}
BLOCK = 1024
"""Units that are read before their shingles are made: few enough to stay in the first cache."""
MAX_UNITS = 256
SHINGLE_BASE = U64(0xD1342543DE82EF95)


class ShingleSets(NamedTuple):
    """Sets of many documents: set i is hashes[offsets[i]:offsets[i + 1]], uint64, ascending and distinct."""

    hashes: NDArray[np.uint64]
    offsets: NDArray[np.int64]


def shingle_sets(texts: Strings, unit: str = "word", n: int = 5) -> ShingleSets:
    """The shingle set of each text. Raises UsageError for a `unit` or `n` that does not exist."""
    hashes, bounds = _all_shingles(texts.data, texts.offsets, unit_table(unit, n), n)
    for start, end in pairwise(bounds.tolist()):
        hashes[start:end].sort()  # numpy's sort is vectorised, and 5 to 10 times as fast as Numba's
    return ShingleSets(*_distinct(hashes, bounds))


def count_units(texts: Strings, unit: str = "word") -> NDArray[np.int64]:
    """Units of each text, repeated ones counted."""
    _, bounds = _all_shingles(texts.data, texts.offsets, unit_table(unit, 1), 1)
    return np.diff(bounds)


def unit_table(unit: str, n: int) -> NDArray[np.uint32]:
    """The table by which `next_shingles` reads units of this kind, once `n` is known to be in bounds."""
    if unit not in TABLES:
        raise UsageError(f"shingle unit {unit!r}", f"one of: {', '.join(TABLES)}")
    if not 1 <= n <= MAX_UNITS:
        raise UsageError(f"shingles of {n} units", f"1 to {MAX_UNITS}")
    return TABLES[unit]()


@numba.njit
def read_units(text: Any, position: Any, table: Any, units: Any, n_units: Any) -> Any:
    """(next position, number of units): the hashes of the units of text[position:], appended to units[:n_units] until
    it is full or the text ends. The next position never stands inside a word."""
    word = U64(0)
    previous = NOTHING
    most = U64(units.size - 1)
    while position < text.size and n_units < most:
        code, position = code_point(text, position)
        entry = table[code]
        kind, folded = entry >> KIND_SHIFT, entry & CODE
        if kind == NOTHING or (kind == DIGIT and previous == DIGIT):
            continue
        previous = kind
        if kind in (IN_WORD, DIGIT):
            word = (word ^ U64(folded)) * GOLDEN
            continue
        if word:
            units[n_units] = word
            n_units += ONE
            word = U64(0)
        if kind == WORD:
            units[n_units] = U64(folded) * GOLDEN
            n_units += ONE
    if word:
        units[n_units] = word
        n_units += ONE
    return position, n_units


@numba.njit
def next_shingles(text: Any, position: Any, table: Any, n: Any, units: Any, n_carried: Any, shingles: Any) -> Any:
    """(next position, units carried, number of shingles): the hashes of the next shingles of text[position:], written
    to `shingles`. Start at 0 with nothing carried and go on to the end of the text; `units` and `shingles` are uint64
    arrays of BLOCK elements, and `units` is to be left alone between calls. Numbers and positions are uint64."""
    position, n_units = read_units(text, position, table, units, n_carried)
    width = n if n_carried else max(ONE, min(n, n_units))
    n_shingles = n_units + ONE - width
    for first in range(n_shingles):
        h = width
        for k in range(first, first + width):
            h = h * SHINGLE_BASE + units[k]
        shingles[first] = mix64(h)
    n_carried = min(n - ONE, n_units)
    for k in range(n_carried):
        units[k] = units[n_units - n_carried + k]
    return position, n_carried, n_shingles


@numba.njit(cache=True, nogil=True)
def _all_shingles(data: Any, offsets: Any, table: Any, n: Any) -> Any:
    """(hashes, bounds): the shingles of each text in the order in which they stand."""
    units, shingles = np.empty(BLOCK, np.uint64), np.empty(BLOCK, np.uint64)
    hashes = np.empty(offsets[-1] - offsets[0], np.uint64)  # a unit has a byte at least; pages not reached cost nothing
    bounds = np.zeros(offsets.size, np.int64)
    total = 0
    for i in range(offsets.size - 1):
        text = data[offsets[i] : offsets[i + 1]]
        position = n_carried = U64(0)
        while position < text.size:
            position, n_carried, n_shingles = next_shingles(text, position, table, U64(n), units, n_carried, shingles)
            hashes[total : total + np.int64(n_shingles)] = shingles[:n_shingles]
            total += np.int64(n_shingles)
        bounds[i + 1] = total
    return hashes[:total], bounds


@numba.njit(cache=True, nogil=True)
def _distinct(hashes: Any, bounds: Any) -> Any:
    """(hashes, bounds) with each hash once in its text; hashes[bounds[i]:bounds[i + 1]] are sorted."""
    offsets = np.zeros(bounds.size, np.int64)
    total = 0
    for i in range(bounds.size - 1):
        for k in range(bounds[i], bounds[i + 1]):
            if total == offsets[i] or hashes[k] != hashes[total - 1]:
                hashes[total] = hashes[k]
                total += 1
        offsets[i + 1] = total
    return hashes[:total], offsets
