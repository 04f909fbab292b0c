"""Pieces of documents (words, lines, paragraphs) as flat arrays: lengths, classes, equality, sums per document.

Equal pieces are found by 64-bit hashes alone: two different runs of words in a document of n words are taken for equal
with odds of about n^2 / 2^65, one in 10^9 for 100,000 words. Nothing here knows what a word is; see udfs/text.py.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numba
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from udfs.hashing import GOLDEN, ONE, U64, hash_bytes
from udfs.strings import strings
from udfs.unicode_classes import character_classes

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

REPLACEMENT = U64(0xFFFD)
NEWLINE = 10


@numba.njit(cache=True)
def decode(data: Any, i: Any, stop: Any) -> Any:
    """(code point, position behind it) of the UTF-8 character at `i`; never reads at or behind `stop`.

    All are uint64.
    """
    code = U64(data[i])
    if code < 0x80:
        return code, i + ONE
    size = U64(2 if code < 0xE0 else 3 if code < 0xF0 else 4)
    if i + size > stop:
        return REPLACEMENT, i + ONE
    code &= U64(0x7F) >> size
    for k in range(i + ONE, i + size):
        code = code << U64(6) | U64(data[k] & 0x3F)
    return min(code, U64(0x10FFFF)), i + size


@numba.njit(cache=True, nogil=True)
def _read_characters(data: Any, start: Any, end: Any, classes: Any) -> Any:
    """Per span: (number of characters, classes that any of them has, classes that all have, classes of the last)."""
    n_chars = np.zeros(start.size, np.int64)
    some, every, last = np.zeros(start.size, np.uint8), np.zeros(start.size, np.uint8), np.zeros(start.size, np.uint8)
    for span in range(start.size):
        i, stop = U64(start[span]), U64(end[span])
        kind = any_kind = np.uint8(0)
        all_kind = np.uint8(255)
        n = 0
        while i < stop:
            code, i = decode(data, i, stop)
            kind = classes[code]
            any_kind |= kind
            all_kind &= kind
            n += 1
        n_chars[span], some[span], every[span], last[span] = n, any_kind, all_kind, kind
    return n_chars, some, every, last


@numba.njit(cache=True, nogil=True)
def _read_codes(data: Any, start: Any, end: Any) -> Any:
    """Code point of the first character of each span, none of them empty."""
    out = np.empty(start.size, np.int64)
    for span in range(start.size):
        out[span], _ = decode(data, U64(start[span]), U64(end[span]))
    return out


@numba.njit(cache=True, nogil=True)
def _hash_spans(data: Any, start: Any, end: Any) -> Any:
    out = np.empty(start.size, np.uint64)
    for span in range(start.size):
        out[span] = hash_bytes(data, start[span], end[span])
    return out


@numba.njit(cache=True, nogil=True)
def _join(data: Any, start: Any, end: Any, first: Any) -> Any:
    """(bytes, offsets) of texts, each made of its spans with a newline between them."""
    out = np.empty((end - start).sum() + start.size, np.uint8)
    offsets = np.zeros(first.size, np.int64)
    n = 0
    for doc in range(first.size - 1):
        for span in range(first[doc], first[doc + 1]):
            if span > first[doc]:
                out[n] = NEWLINE
                n += 1
            size = end[span] - start[span]
            out[n : n + size] = data[start[span] : end[span]]
            n += size
        offsets[doc + 1] = n
    return out[:n], offsets


@numba.njit(cache=True, nogil=True)
def prefix_hashes(hashes: Any) -> Any:
    """Polynomial hashes of the first 0, 1, 2 ... pieces, from which the hash of any run follows."""
    out = np.zeros(hashes.size + 1, np.uint64)
    for i in range(hashes.size):
        out[i + 1] = out[i] * GOLDEN + hashes[i]
    return out


@numba.njit(cache=True)
def power_of(n: Any) -> Any:
    """The factor by which the hash of what stands before a run of `n` pieces is part of the hash of both."""
    out = U64(1)
    for _ in range(n):
        out *= GOLDEN
    return out


@numba.njit(cache=True)
def _table_size(n_entries: Any) -> Any:
    """A power of two that leaves half of a hash table of `n_entries` free."""
    size = 2
    while size < 2 * n_entries:
        size *= 2
    return size


@numba.njit(cache=True)
def _find_slot(keys: Any, owners: Any, owner: Any, size: Any, key: Any) -> Any:
    """Where `key` stands in the first `size` places of the table, or should; a place not of `owner` is free."""
    last = U64(size - 1)
    slot = key & last
    while owners[slot] == owner and keys[slot] != key:
        slot = (slot + ONE) & last
    return slot


@numba.njit(cache=True, nogil=True)
def _count_repeats(prefixes: Any, chars: Any, first: Any, n: Any) -> Any:
    """Per document: (number, characters) of the runs of `n` pieces that a scan from the left has seen before."""
    n_docs = first.size - 1
    count, n_chars = np.zeros(n_docs, np.int64), np.zeros(n_docs, np.int64)
    power, n = power_of(n), U64(n)
    table = _table_size((first[1:] - first[:-1]).max() if n_docs else 0)
    keys, owners = np.empty(table, np.uint64), np.full(table, -1, np.int64)
    for doc in range(n_docs):
        size = _table_size(first[doc + 1] - first[doc])
        i, stop = U64(first[doc]), U64(first[doc + 1])
        while i + n <= stop:
            key = prefixes[i + n] - prefixes[i] * power
            slot = _find_slot(keys, owners, doc, size, key)
            if owners[slot] == doc:
                count[doc] += 1
                n_chars[doc] += chars[i + n] - chars[i]
                i += n
            else:
                keys[slot], owners[slot] = key, doc
                i += ONE
    return count, n_chars


@numba.njit(cache=True, nogil=True)
def _find_top_runs(prefixes: Any, chars: Any, first: Any, n: Any) -> Any:
    """Per document: (occurrences, characters) of the run of `n` pieces that occurs most, the earliest of equals."""
    n_docs = first.size - 1
    top, n_chars = np.zeros(n_docs, np.int64), np.zeros(n_docs, np.int64)
    power = power_of(n)
    table = _table_size((first[1:] - first[:-1]).max() if n_docs else 0)
    keys, owners = np.empty(table, np.uint64), np.full(table, -1, np.int64)
    places, counts = np.empty(table, np.int64), np.empty(table, np.int64)
    for doc in range(n_docs):
        size = _table_size(first[doc + 1] - first[doc])
        place, most = first[doc], 0
        for i in range(first[doc], first[doc + 1] - n + 1):
            key = prefixes[i + n] - prefixes[i] * power
            slot = _find_slot(keys, owners, doc, size, key)
            if owners[slot] != doc:
                keys[slot], owners[slot], places[slot], counts[slot] = key, doc, i, 0
            counts[slot] += 1
            if counts[slot] > most or (counts[slot] == most and places[slot] < place):
                place, most = places[slot], counts[slot]
        if most:
            top[doc], n_chars[doc] = most, chars[place + n] - chars[place]
    return top, n_chars


@numba.njit(cache=True, nogil=True)
def _count_runs(prefixes: Any, first: Any, n: Any) -> Any:
    """Per piece: how often the run of `n` pieces that begins there stands in its document; 0 where none fits."""
    out = np.zeros(prefixes.size - 1, np.int64)
    power = power_of(n)
    table = _table_size((first[1:] - first[:-1]).max() if first.size > 1 else 0)
    keys, owners, counts = np.empty(table, np.uint64), np.full(table, -1, np.int64), np.empty(table, np.int64)
    slots = np.empty(table, np.int64)
    for doc in range(first.size - 1):
        size = _table_size(first[doc + 1] - first[doc])
        n_runs = max(first[doc + 1] - first[doc] - n + 1, 0)
        for run in range(n_runs):
            i = first[doc] + run
            key = prefixes[i + n] - prefixes[i] * power
            slot = _find_slot(keys, owners, doc, size, key)
            if owners[slot] != doc:
                keys[slot], owners[slot], counts[slot] = key, doc, 0
            counts[slot] += 1
            slots[run] = slot
        for run in range(n_runs):
            out[first[doc] + run] = counts[slots[run]]
    return out


@numba.njit(cache=True, nogil=True)
def _entropies(counts: Any, first: Any) -> Any:
    """Entropy of each document from its pieces' counts. Compiled, so that every machine has the same last bit."""
    out = np.zeros(first.size - 1, np.float64)
    for doc in range(out.size):
        n = np.float64(first[doc + 1] - first[doc])
        for i in range(first[doc], first[doc + 1]):
            out[doc] += np.log(n / counts[i]) / n
    return out


def ratio(numerator: ArrayLike, denominator: ArrayLike) -> Floats:
    """numerator / denominator, and 0 where the denominator is 0."""
    above, below = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    return np.divide(above, below, out=np.zeros_like(below), where=below != 0)


def string_array(data: Any, offsets: Any) -> pa.StringArray:
    """Arrow strings over the bytes (uint8; int64 offsets), without a copy. From 2 GiB on raises ArrowInvalid."""
    wide: Any = pa.Array.from_buffers(
        pa.large_string(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    )
    return wide.cast(pa.string())


def running_sum(values: NDArray[Any]) -> Ints:
    """Sums of the first 0, 1, 2 ... values."""
    sums = np.zeros(len(values) + 1, np.int64)
    np.cumsum(values, out=sums[1:])
    return sums


@dataclass(frozen=True, eq=False)
class Spans:
    """Pieces of documents, in order: piece i is data[start[i]:end[i]], document d has pieces first[d]:first[d + 1]."""

    data: Bytes
    start: Ints
    end: Ints
    first: Ints

    @property
    def n_per_document(self) -> Floats:
        return np.diff(self.first).astype(np.float64)

    @cached_property
    def _characters(self) -> tuple[Ints, Bytes, Bytes, Bytes]:
        return _read_characters(self.data, self.start, self.end, character_classes())

    @property
    def n_chars(self) -> Ints:
        return self._characters[0]

    @cached_property
    def codes(self) -> Ints:
        """Code point of the first character of each piece."""
        return _read_codes(self.data, self.start, self.end)

    def has_some(self, kind: int) -> Flags:
        """Whether a character of the piece has a class of `kind` (the bits of udfs.unicode_classes)."""
        return self._characters[1] & kind != 0

    def has_only(self, kind: int) -> Flags:
        return self._characters[2] & kind != 0

    def ends_in(self, kind: int) -> Flags:
        return self._characters[3] & kind != 0

    @cached_property
    def arrow(self) -> pa.StringArray:
        """The pieces as an Arrow array of their own."""
        return self.join(np.arange(len(self.start) + 1))

    def matches(self, pattern: str) -> Flags:
        """Whether the regular expression (RE2 syntax) is found in the piece, upper and lower case alike."""
        return np.asarray(pc.match_substring_regex(self.arrow, pattern, ignore_case=True))

    def starts_with(self, *prefixes: str) -> Flags:
        return np.logical_or.reduce([np.asarray(pc.starts_with(self.arrow, prefix)) for prefix in prefixes])

    def ends_with(self, *suffixes: str) -> Flags:
        return np.logical_or.reduce([np.asarray(pc.ends_with(self.arrow, suffix)) for suffix in suffixes])

    def sum(self, values: NDArray[Any]) -> Floats:
        """Sum over each document of one number (or flag) per piece; exact for integers."""
        if values.dtype == np.bool_:
            return np.diff(np.searchsorted(np.flatnonzero(values), self.first)).astype(np.float64)
        return np.diff(running_sum(values)[self.first]).astype(np.float64)

    def mean(self, values: NDArray[Any]) -> Floats:
        """Mean over each document of one number (or flag) per piece; 0 for a document without a piece."""
        return ratio(self.sum(values), self.n_per_document)

    @cached_property
    def hashes(self) -> NDArray[np.uint64]:
        """64-bit hash of each piece's bytes."""
        return _hash_spans(self.data, self.start, self.end)

    @cached_property
    def _prefix_hashes(self) -> NDArray[np.uint64]:
        return prefix_hashes(self.hashes)

    @cached_property
    def _prefix_chars(self) -> Ints:
        return running_sum(self.n_chars)

    def repeats(self, n: int = 1) -> tuple[Floats, Floats]:
        """Per document: (number, characters) of the runs of `n` pieces that stood in the document before.

        They are found in one scan from the left, which goes on behind each of them, so that no piece counts twice.
        """
        count, n_chars = _count_repeats(self._prefix_hashes, self._prefix_chars, self.first, n)
        return count.astype(np.float64), n_chars.astype(np.float64)

    def top_run(self, n: int) -> tuple[Floats, Floats]:
        """Per document: (occurrences, characters of one) of the run of `n` pieces that occurs most; 0 and 0 for none.

        Of several it is the one that comes first.
        """
        count, n_chars = _find_top_runs(self._prefix_hashes, self._prefix_chars, self.first, n)
        return count.astype(np.float64), n_chars.astype(np.float64)

    def occurrences(self, n: int = 1) -> Ints:
        """Per piece: how often the run of `n` pieces that begins there stands in its document; 0 where none fits."""
        return _count_runs(self._prefix_hashes, self.first, n)

    def covered(self, n: int = 1) -> Flags:
        """Whether the piece lies in a run of `n` pieces that its document has twice or more, the first one included."""
        begun = running_sum(self.occurrences(n) > 1)
        ends = np.arange(1, len(begun))
        return begun[ends] > begun[np.maximum(ends - n, 0)]

    def longest_top_run(self, n: int) -> tuple[Floats, Floats]:
        """As `top_run`, but of several it is the one with the most characters."""
        count = self.occurrences(n)
        top = self.max(count)
        is_top = count == np.repeat(top, np.diff(self.first))
        chars = self._prefix_chars[np.minimum(np.arange(len(count)) + n, len(count))] - self._prefix_chars[:-1]
        return top, self.max(chars * (is_top & (count > 0)))

    def max(self, values: Ints) -> Floats:
        """The largest over each document of one number per piece, none below 0; 0 for a document without a piece."""
        out = np.zeros(len(self.first) - 1)
        has_pieces = np.diff(self.first) > 0
        if has_pieces.any():
            out[has_pieces] = np.maximum.reduceat(values, self.first[:-1][has_pieces])
        return out

    @cached_property
    def n_distinct(self) -> Floats:
        """Per document: how many different pieces it has."""
        return self.n_per_document - self.repeats()[0]

    @cached_property
    def entropy(self) -> Floats:
        """Entropy of the pieces of each document in nats: 0 where all are equal, and for none."""
        return _entropies(self.occurrences(), self.first)

    def keep(self, kept: Flags) -> "Spans":
        """Only the pieces flagged."""
        places = np.flatnonzero(kept)
        return Spans(self.data, self.start[places], self.end[places], np.searchsorted(places, self.first))

    def join(self, first: Ints) -> pa.StringArray:
        """Texts made of the pieces first[i]:first[i + 1], with a newline between them."""
        return string_array(*_join(self.data, self.start, self.end, first))


def spans_of(pieces: pa.Array, first: Ints) -> Spans:
    """An Arrow array of pieces, document d having first[d]:first[d + 1] of them."""
    data, offsets = strings(pieces)
    return Spans(data, offsets[:-1], offsets[1:], first)
