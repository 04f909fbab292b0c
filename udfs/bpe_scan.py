"""Pre-tokens, the pieces of text that no merge crosses: where they end, and how often each occurs.

Text is cut where Hugging Face's `Split(Regex(PATTERN), "isolated")` cuts it, but by hand, over UTF-8 as Arrow holds it.
Joined together the pre-tokens of a text are the text. Bytes that are no UTF-8 do no harm and are not lost; where they
are cut is not promised. Counts are those of one call: to add up those of many is left to the caller.
"""

from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from udfs.hashing import U64, hash_bytes
from udfs.spans import decode
from udfs.strings import Strings
from udfs.unicode_tokens import LETTER, NEWLINE, NUMBER, OTHER, SPACE, token_classes

PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""meta-llama/Meta-Llama-3-8B, tokenizer.json, pre_tokenizer."""
BLANK, APOSTROPHE, D, E, L, M, R, S, T, V = b" 'delmrstv"
FIRST_CAPACITY = 1 << 15


class WordCounts(NamedTuple):
    """`words` are distinct pre-tokens in the order in which they first occur, `counts` (int64) how often each does;
    `n_left_out` pre-tokens, of `bytes_left_out` bytes together, were too long to be counted."""

    words: Strings
    counts: NDArray[np.int64]
    n_left_out: int
    bytes_left_out: int


class _Table(NamedTuple):
    """An open-addressing hash table of words, at most half full: `slots` (int32) hold a word's number or -1. Word i has
    the hash hashes[i] (uint64), stands first at data[spans[i, 0]:spans[i, 1]] and was seen counts[i] times (int64)."""

    slots: Any
    hashes: Any
    spans: Any
    counts: Any


def count_words(texts: Strings, max_bytes: int) -> WordCounts:
    """How often each pre-token of up to `max_bytes` bytes occurs in the texts.

    Takes some 100 bytes of memory for each distinct pre-token: bound the texts of one call.
    """
    table, left_out = _count(texts.data, texts.offsets, token_classes(), max_bytes)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(table.spans[:, 1] - table.spans[:, 0])])
    data = _gather(texts.data, table.spans, offsets)
    data.flags.writeable = False
    return WordCounts(Strings(data, offsets), table.counts, int(left_out[0]), int(left_out[1]))


@numba.njit(cache=True, nogil=True)
def _count(data: Any, offsets: Any, classes: Any, max_bytes: Any) -> Any:
    """(table of exactly the words found, [number, bytes] of the pre-tokens longer than `max_bytes`)."""
    capacity = FIRST_CAPACITY
    spans = np.empty((capacity, 2), np.int64)
    table = _Table(_free_slots(capacity), np.empty(capacity, np.uint64), spans, np.empty(capacity, np.int64))
    left_out = np.zeros(2, np.int64)
    n = 0
    for text in range(offsets.size - 1):
        i, stop = offsets[text], offsets[text + 1]
        while i < stop:
            i, n = _count_until_full(data, i, stop, classes, max_bytes, table, n, left_out)
            if n == table.counts.size:
                table = _doubled(table)
    return _Table(table.slots, table.hashes[:n], table.spans[:n].copy(), table.counts[:n].copy()), left_out


@numba.njit
def _count_until_full(
    data: Any, i: Any, stop: Any, classes: Any, max_bytes: Any, table: Any, n: Any, left_out: Any
) -> Any:
    """(next position, number of words): counts the pre-tokens of data[i:stop] until the table of `n` words is full.
    A loop of its own, because an array that is replaced inside a loop costs a reference count each time round."""
    slots, hashes, spans, counts = table
    while i < stop and n < counts.size:
        end = pre_token_end(data, i, stop, classes)
        if end - i > max_bytes:
            left_out[0] += 1
            left_out[1] += end - i
        else:
            key = hash_bytes(data, i, end)
            slot = _find(slots, hashes, spans, data, key, i, end)
            if slots[slot] < 0:
                slots[slot] = n
                hashes[n], counts[n] = key, 0
                spans[n, 0], spans[n, 1] = i, end
                n += 1
            counts[slots[slot]] += 1
        i = end
    return i, n


@numba.njit
def _find(slots: Any, hashes: Any, spans: Any, data: Any, key: Any, start: Any, end: Any) -> Any:
    """The slot of the word data[start:end], or the free one where it belongs."""
    slot = np.int64(key & U64(slots.size - 1))
    while slots[slot] >= 0:
        word = slots[slot]
        if hashes[word] == key and _equal(data, spans[word, 0], spans[word, 1], start, end):
            break
        slot = (slot + 1) & (slots.size - 1)
    return slot


@numba.njit
def _equal(data: Any, start: Any, end: Any, other: Any, other_end: Any) -> Any:
    size = end - start
    if size != other_end - other:
        return False
    k = 0
    while k < size and data[start + k] == data[other + k]:
        k += 1
    return k == size


@numba.njit
def _free_slots(capacity: Any) -> Any:
    return np.full(2 * capacity, -1, np.int32)


@numba.njit
def _doubled(table: Any) -> Any:
    """A table with the words of a full one, and room for as many more."""
    slots = _free_slots(2 * table.hashes.size)
    for word in range(table.hashes.size):
        slot = np.int64(table.hashes[word] & U64(slots.size - 1))
        while slots[slot] >= 0:
            slot = (slot + 1) & (slots.size - 1)
        slots[slot] = word
    spans = np.concatenate((table.spans, table.spans))
    return _Table(slots, np.append(table.hashes, table.hashes), spans, np.append(table.counts, table.counts))


@numba.njit(cache=True, nogil=True)
def _gather(data: Any, spans: Any, offsets: Any) -> Any:
    out = np.empty(offsets[-1], np.uint8)
    for word in range(offsets.size - 1):
        out[offsets[word] : offsets[word + 1]] = data[spans[word, 0] : spans[word, 1]]
    return out


@numba.njit
def pre_token_end(data: Any, i: Any, stop: Any, classes: Any) -> Any:
    """The position behind the pre-token that begins at `i`, i < stop; PATTERN's alternatives in their order."""
    end = _contraction_end(data, i, stop)
    if end > i:
        return end
    kind, second = _character(data, i, stop, classes)
    if kind == LETTER:
        return _run_end(data, second, stop, classes, LETTER)
    if kind == NUMBER:
        return _number_end(data, second, stop, classes)
    following = _character(data, second, stop, classes)[0] if second < stop else NEWLINE
    if following == LETTER and kind != NEWLINE:
        return _run_end(data, second, stop, classes, LETTER)
    if kind == OTHER or (data[i] == BLANK and following == OTHER):
        return _run_end(data, _run_end(data, second, stop, classes, OTHER), stop, classes, NEWLINE)
    return _space_end(data, i, stop, classes)


@numba.njit(inline="always")
def _character(data: Any, i: Any, stop: Any, classes: Any) -> Any:
    """(class of the character at `i`, position behind it)."""
    if data[i] < 0x80:
        return classes[data[i]], i + 1
    code, behind = decode(data, U64(i), U64(stop))
    return classes[code], np.int64(behind)


@numba.njit(inline="always")
def _run_end(data: Any, i: Any, stop: Any, classes: Any, kind: Any) -> Any:
    """The position behind the run of characters of class `kind` that begins at `i`: `i` itself where none does."""
    while i < stop:
        found, behind = _character(data, i, stop, classes)
        if found != kind:
            break
        i = behind
    return i


@numba.njit
def _contraction_end(data: Any, i: Any, stop: Any) -> Any:
    """The position behind (?i:'s|'t|'re|'ve|'m|'ll|'d), or `i` where there is none."""
    if data[i] != APOSTROPHE or i + 1 >= stop:
        return i
    first = data[i + 1] | 0x20
    if first in (S, T, M, D):
        return i + 2
    if i + 2 >= stop:
        return i
    second = data[i + 2] | 0x20
    if (first in (R, V) and second == E) or (first == L and second == L):
        return i + 3
    return i + 3 if data[i + 1] == 0xC5 and data[i + 2] == 0xBF else i  # U+017F is an s too


@numba.njit
def _number_end(data: Any, second: Any, stop: Any, classes: Any) -> Any:
    """The position behind up to three numbers, of which the first ends at `second`."""
    end = second
    for _ in range(2):
        if end < stop:
            kind, behind = _character(data, end, stop, classes)
            if kind != NUMBER:
                break
            end = behind
    return end


@numba.njit
def _space_end(data: Any, i: Any, stop: Any, classes: Any) -> Any:
    r"""The position behind \s*[\r\n]+|\s+(?!\S)|\s+: that of the last line end in white space. Where there is none, the
    end of the white space; but if text follows, the last of several characters is left to it."""
    end = last = i
    line_end = 0
    while end < stop:
        kind, behind = _character(data, end, stop, classes)
        if kind != SPACE and kind != NEWLINE:
            break
        last, end = end, behind
        if kind == NEWLINE:
            line_end = end
    if line_end:
        return line_end
    return last if last > i and end < stop else end
