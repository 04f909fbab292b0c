"""White space of texts folded, eight bytes at a time in a uint64 ("SIMD within a register").

Eight bytes are copied as they are, white space as newlines, up to the first one at which more is to be decided: white
space behind white space, or a byte that may begin white space beyond ASCII. Masks have the top bit of a byte set where
something holds of that byte; a text's first byte stands lowest.
"""

from typing import Any

import numba
import numpy as np

from udfs.byte_masks import trailing_zeros
from udfs.hashing import ONE, U64, load_eight
from udfs.spans import NEWLINE, decode
from udfs.unicode_classes import SPACE

EIGHT = U64(8)
EACH = U64(0x0101010101010101)
"""Times a byte: that byte eight times."""
TOP = U64(0x80)
TOPS = TOP * EACH
NEWLINES = U64(NEWLINE) * EACH


@numba.njit(inline="always")
def _store_eight(out: Any, n: Any, word: Any) -> None:
    for k in range(EIGHT):
        out[n + k] = np.uint8(word >> (EIGHT * k) & U64(0xFF))


@numba.njit
def _load_rest(data: Any, start: Any, stop: Any) -> Any:
    """The up to eight bytes from `start` on, with zeros behind `stop`. By one load only where all eight are there: with
    a mask for those behind `stop`, Numba's compiler makes eight loads of all, and folding takes seven times as long."""
    if start + EIGHT <= stop:
        return load_eight(data, start)
    word = U64(0)
    for k in range(stop - start):
        word |= U64(data[start + k]) << (EIGHT * k)
    return word


@numba.njit(inline="always")
def _between(low: Any, first: Any, last: Any) -> Any:
    """Mask, other bits undefined, of the bytes from `first` to `last`; bytes and bounds are below 128."""
    return (low + EACH * U64(0x80 - first)) & ~(low + EACH * U64(0x7F - last))


@numba.njit(inline="always")
def _white_space(word: Any) -> Any:
    """Mask of the ASCII white space: 9 to 13 and 28 to 32."""
    low = word & ~TOPS
    return (_between(low, 9, 13) | _between(low, 28, 32)) & ~word & TOPS


@numba.njit(inline="always")
def _leads(word: Any) -> Any:
    """Mask of C2, E1, E2 and E3, with which all white space beyond ASCII begins."""
    low = word & ~TOPS
    return (_between(low, 0x42, 0x42) | _between(low, 0x61, 0x63)) & word & TOPS


@numba.njit(inline="always")
def _with_newlines(word: Any, space: Any) -> Any:
    """The bytes, with a newline for each in the mask `space`."""
    whole = (space >> U64(7)) * U64(0xFF)
    return word & ~whole | NEWLINES & whole


@numba.njit(inline="always")
def _fold_characters(data: Any, i: Any, stop: Any, classes: Any, out: Any, n: Any, behind: Any) -> Any:
    """`_fold_text` from `i` to the next ASCII character: (i, n, behind) there."""
    while i < stop and data[i] >= TOP:
        code, after = decode(data, i, stop)
        is_space = classes[code] & SPACE != 0
        if is_space:
            out[n] = NEWLINE
            n += U64(behind == 0)
        else:
            for k in range(i, after):
                out[n] = data[k]
                n += ONE
        behind = TOP * U64(is_space)
        i = after
    return i, n, behind


@numba.njit(inline="always")
def _fold_text(data: Any, i: Any, stop: Any, classes: Any, out: Any, n: Any) -> Any:
    """Write data[i:stop] folded to out[n:], but one newline for white space at its end; up to eight more bytes are
    overwritten. The position behind it."""
    behind = TOP  # or 0: whether white space stands before `i`, or nothing
    while i < stop:
        word = _load_rest(data, i, stop)
        space = _white_space(word)
        halt = space & (space << EIGHT | behind)
        if word & TOPS:
            halt |= _leads(word)
        _store_eight(out, n, _with_newlines(word, space))
        if halt == 0:
            n_bytes = min(EIGHT, stop - i)
            i, n, behind = i + n_bytes, n + n_bytes, space >> U64(56)
            continue
        bits = U64(trailing_zeros(halt)) - U64(7)  # of the bytes before the one to halt at
        i, n, behind = i + (bits >> U64(3)), n + (bits >> U64(3)), (space << EIGHT | behind) >> bits & TOP
        if space >> bits & TOP:
            i += U64(trailing_zeros(~(space >> bits) & TOPS)) >> U64(3)
        else:
            i, n, behind = _fold_characters(data, i, stop, classes, out, n, behind)
    return n


@numba.njit(cache=True, nogil=True)
def fold(data: Any, offsets: Any, classes: Any) -> Any:
    """(bytes, offsets) of the documents with one newline for the white space between words, and none at the ends; uint8
    and int64. What is no UTF-8 is copied, and decides about white space in its own document alone."""
    n_docs = offsets.size - 1
    room = offsets[n_docs] - offsets[0] + 8
    out, ends = np.empty(room, np.uint8), np.zeros(n_docs + 1, np.int64)
    n = U64(0)
    for doc in range(n_docs):
        begin = n
        n = _fold_text(data, U64(offsets[doc]), U64(offsets[doc + 1]), classes, out, n)
        if n > begin and out[n - ONE] == NEWLINE:
            n -= ONE
        ends[doc + 1] = n
    return out[:n], ends
