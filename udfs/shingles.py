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
from udfs.folding import character_table, joined_table, word_table
from udfs.hashing import ONE, U64, mix64
from udfs.strings import Strings
from udfs.units import read_units

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
    """The table by which `read_units` reads units of this kind, once `n` is known to be in bounds."""
    if unit not in TABLES:
        raise UsageError(f"shingle unit {unit!r}", f"one of: {', '.join(TABLES)}")
    if not 1 <= n <= MAX_UNITS:
        raise UsageError(f"shingles of {n} units", f"1 to {MAX_UNITS}")
    return TABLES[unit]()


@numba.njit
def next_shingles(
    data: Any, position: Any, end: Any, table: Any, n: Any, units: Any, n_carried: Any, shingles: Any
) -> Any:
    """(next position, units carried, number of shingles): the hashes of the next shingles of data[position:end],
    written to `shingles`. Begin with nothing carried and go on to the end of the text; `units` and `shingles` are
    uint64 arrays of BLOCK elements, and `units` is to be left alone between calls. Numbers and positions are uint64."""
    position, n_units = read_units(data, position, end, table, units, n_carried)
    width = n if n_carried else max(ONE, min(n, n_units))
    n_shingles = n_units + ONE - width
    shingles[:n_shingles] = width
    for k in range(width):  # shingles side by side in the inner loop, for vector instructions
        for first in range(n_shingles):
            shingles[first] = shingles[first] * SHINGLE_BASE + units[first + k]
    for first in range(n_shingles):
        shingles[first] = mix64(shingles[first])
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
        position, end, n_carried = U64(offsets[i]), U64(offsets[i + 1]), U64(0)
        while position < end:
            position, n_carried, n_shingles = next_shingles(
                data, position, end, table, U64(n), units, n_carried, shingles
            )
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
