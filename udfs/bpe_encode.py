"""Texts to token ids by byte-level BPE and back, on one core.

Ids are those of Hugging Face's `tokenizers` for the same merges: in each pre-token the neighbours of the lowest rank
are joined first, of equal ones the leftmost. Short pre-tokens are scanned for them, long ones go through a queue, so
that a word of a million letters costs n log n. Every id is a byte's or a merge's: no text becomes a control token,
however it is spelt. Decoding gives back the bytes of the text.

The tokens of a pre-token are remembered in the one slot that its bytes choose, until another takes it. So the memory is
fixed, no text makes lookups slow, and what was encoded before never changes an id.
"""

import heapq
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from udfs.bpe_scan import pre_token_end
from udfs.bpe_sequence import GAP, join_at, stands_at
from udfs.bpe_vocabulary import N_BYTES, byte_tokens, token_bytes
from udfs.errors import InputError
from udfs.hashing import GOLDEN, U64
from udfs.strings import Strings
from udfs.unicode_tokens import token_classes

MAX_TEXT_BYTES = 2**31 - 1
SHORT = 64
"""Bytes up to which a pre-token is scanned for its lowest rank."""
KEPT_BYTES, KEPT_TOKENS = 24, 7
"""Longer pre-tokens, and those of more tokens, are not remembered."""
NO_RANK = np.int32(2**31 - 1)
CACHE_SLOTS = 1 << 18  # 16 MB


class Tokens(NamedTuple):
    """Tokens of many texts: those of text i are ids[offsets[i]:offsets[i + 1]]."""

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]


class _Model(NamedTuple):
    """`byte_tokens` int32 (256,); `merges` int32 (n, 2); `lengths` of the tokens in bytes, int32; an open-addressing
    hash table of `ranks` (int32) by `pairs`, left << 32 | right (int64), -1 where free; `classes` of code points."""

    byte_tokens: Any
    merges: Any
    lengths: Any
    pairs: Any
    ranks: Any
    classes: Any


class _Cache(NamedTuple):
    """Slots of one cache line, seen in two ways: `keys` uint64 (slots, 8), the first three the bytes of a pre-token;
    `values` int32 (slots, 16), from 6 on how many bytes they are, 0 where a slot is free, its number of tokens and the
    tokens."""

    keys: Any
    values: Any


class Encoder:
    """A vocabulary at work; `cache_slots` is a power of two, of 64 bytes each. For one thread at a time."""

    def __init__(self, merges: NDArray[np.int32], cache_slots: int = CACHE_SLOTS) -> None:
        if cache_slots < 1 or cache_slots & (cache_slots - 1):
            raise ValueError(f"a cache of {cache_slots} slots; a power of two is needed")
        self.tokens = token_bytes(merges)
        lengths = np.fromiter(map(len, self.tokens), np.int32, len(self.tokens))
        n_slots = 1 << (4 * len(merges) + 1).bit_length()
        pairs, ranks = _pair_table(merges, n_slots)
        self._model = _Model(byte_tokens(), merges, lengths, pairs, ranks, token_classes())
        self._cache = _empty_cache(cache_slots)

    def encode(self, texts: Strings) -> Tokens:
        """The tokens of each text. Raises InputError for a text of 2 GiB or more."""
        longest = int(np.diff(texts.offsets).max(initial=0))
        if longest > MAX_TEXT_BYTES:
            raise InputError(f"a text of {longest:,} bytes", f"at most {MAX_TEXT_BYTES:,} can be encoded: cut it")
        return Tokens(*_encode(texts.data, texts.offsets, self._model, self._cache))

    def decode(self, ids: NDArray[np.int32]) -> bytes:
        """The bytes that the tokens stand for. Raises ValueError for an id that no text has."""
        if ids.size and not 0 <= ids.min() <= ids.max() < len(self.tokens):
            raise ValueError(f"ids {ids.min()} to {ids.max()}; those of text are 0 to {len(self.tokens) - 1}")
        return b"".join([self.tokens[token] for token in ids.tolist()])


def _empty_cache(n_slots: int) -> _Cache:
    memory = np.zeros(8 * n_slots + 8, np.uint64)
    first = -memory.ctypes.data // 8 % 8
    keys = memory[first : first + 8 * n_slots].reshape(n_slots, 8)
    return _Cache(keys, keys.view(np.int32))


@numba.njit(cache=True)
def _pair_table(merges: Any, n_slots: Any) -> Any:
    pairs, ranks = np.full(n_slots, -1, np.int64), np.empty(n_slots, np.int32)
    for rank in range(len(merges)):
        slot = _pair_slot(pairs, merges[rank, 0], merges[rank, 1])
        pairs[slot] = np.int64(merges[rank, 0]) << 32 | merges[rank, 1]
        ranks[slot] = rank
    return pairs, ranks


@numba.njit
def _pair_slot(pairs: Any, left: Any, right: Any) -> Any:
    """Where the pair stands, or the free slot where it belongs."""
    pair = np.int64(left) << 32 | right
    slot = np.int64((U64(pair) * GOLDEN >> U64(32)) & U64(pairs.size - 1))
    while pairs[slot] >= 0 and pairs[slot] != pair:
        slot = (slot + 1) & (pairs.size - 1)
    return slot


@numba.njit
def _rank(pairs: Any, ranks: Any, left: Any, right: Any) -> Any:
    slot = _pair_slot(pairs, left, right)
    return ranks[slot] if pairs[slot] >= 0 else NO_RANK


@numba.njit(cache=True, nogil=True)
def _encode(data: Any, offsets: Any, model: Any, cache: Any) -> Any:
    """(ids, offsets)."""
    ids = np.empty(offsets[-1] - offsets[0], np.int32)  # a token has a byte at least; unused pages cost nothing
    bounds = np.zeros(offsets.size, np.int64)
    n = 0
    for text in range(offsets.size - 1):
        n = _encode_text(data, offsets[text], offsets[text + 1], model, cache, ids, n)
        bounds[text + 1] = n
    return ids[:n].copy(), bounds


@numba.njit
def _encode_text(data: Any, i: Any, stop: Any, model: Any, cache: Any, ids: Any, n: Any) -> Any:
    """The number of ids once those of data[i:stop] are appended to ids[:n]."""
    byte_tokens, _, _, _, _, classes = model
    keys, values = cache
    while i < stop:
        end = pre_token_end(data, i, stop, classes)
        if end - i == 1:
            ids[n] = byte_tokens[data[i]]
            n += 1
        elif end - i > KEPT_BYTES or i + KEPT_BYTES > data.size:  # _eight would read behind the end
            n = _encode_pre_token(data, i, end, model, ids, n)
        else:
            a, b, c = _eight(data, i, end), _eight(data, i + 8, end), _eight(data, i + 16, end)
            mixed = ((a * GOLDEN ^ b) * GOLDEN ^ c ^ U64(end - i)) * GOLDEN >> U64(32)
            slot = np.int64(mixed & U64(keys.shape[0] - 1))
            if keys[slot, 0] != a or keys[slot, 1] != b or keys[slot, 2] != c or values[slot, 6] != end - i:
                first = n
                n = _encode_pre_token(data, i, end, model, ids, n)
                if n - first <= KEPT_TOKENS:
                    keys[slot, 0], keys[slot, 1], keys[slot, 2], values[slot, 6] = a, b, c, end - i
                    values[slot, 7] = n - first
                    values[slot, 8 : 8 + n - first] = ids[first:n]
            else:
                for k in range(values[slot, 7]):
                    ids[n + k] = values[slot, 8 + k]
                n += values[slot, 7]
        i = end
    return n


@numba.njit
def _eight(data: Any, start: Any, end: Any) -> Any:
    """Up to eight bytes of data[start:end] as one number, the first lowest; 0 for none. Reads data[start:start + 8]."""
    size = end - start
    if size <= 0:
        return U64(0)
    word = U64(0)
    for k in range(8):  # of a fixed number, compiled to one load
        word |= U64(data[U64(start) + U64(k)]) << U64(8 * k)
    return word if size >= 8 else word & ((U64(1) << U64(8 * size)) - U64(1))


@numba.njit
def _encode_pre_token(data: Any, start: Any, end: Any, model: Any, ids: Any, n: Any) -> Any:
    """The number of ids once those of the pre-token data[start:end] are appended to ids[:n]."""
    if end - start <= SHORT:
        for k in range(end - start):
            ids[n + k] = model.byte_tokens[data[start + k]]
        return n + _join_short(ids[n : n + end - start], model)
    tokens = np.full(end - start + 2, GAP, np.int32)
    for k in range(end - start):
        tokens[k + 1] = model.byte_tokens[data[start + k]]
    _join_long(tokens, model)
    position = 1
    while tokens[position] != GAP:
        ids[n] = tokens[position]
        position += model.lengths[tokens[position]]
        n += 1
    return n


@numba.njit
def _join_short(tokens: Any, model: Any) -> Any:
    """How many tokens are left, at the front, when no two neighbours can be joined: quadratic, and fast for few."""
    _, _, _, pairs, ranks, _ = model
    n = tokens.size
    found = np.empty(n, np.int32)  # rank of each token and the next
    for k in range(n - 1):
        found[k] = _rank(pairs, ranks, tokens[k], tokens[k + 1])
    while n > 1:
        best = 0
        for k in range(1, n - 1):
            if found[k] < found[best]:
                best = k
        if found[best] == NO_RANK:
            break
        tokens[best] = N_BYTES + found[best]
        n -= 1
        for k in range(best + 1, n):
            tokens[k] = tokens[k + 1]
            found[k - 1] = found[k]
        if best:
            found[best - 1] = _rank(pairs, ranks, tokens[best - 1], tokens[best])
        if best + 1 < n:
            found[best] = _rank(pairs, ranks, tokens[best], tokens[best + 1])
    return n


@numba.njit
def _join_long(tokens: Any, model: Any) -> None:
    """Join neighbours until no two can be; the queue holds (rank, position), also of pairs that are no more."""
    _, merges, lengths, pairs, ranks, _ = model
    queue = [(np.int64(0), np.int64(0))]
    queue.clear()
    for position in range(1, tokens.size - 2):
        _queue_pair(queue, pairs, ranks, tokens[position], tokens[position + 1], position)
    while len(queue) > 0:
        rank, position = heapq.heappop(queue)
        left, right = merges[rank]
        if stands_at(tokens, lengths, position, left, right):
            new = N_BYTES + rank
            join_at(tokens, lengths, position, left, new)
            before, after = tokens[position - 1], tokens[position + lengths[new]]
            if before != GAP:
                _queue_pair(queue, pairs, ranks, before, new, position - lengths[before])
            if after != GAP:
                _queue_pair(queue, pairs, ranks, new, after, position)


@numba.njit
def _queue_pair(queue: Any, pairs: Any, ranks: Any, left: Any, right: Any, position: Any) -> None:
    rank = _rank(pairs, ranks, left, right)
    if rank != NO_RANK:
        heapq.heappush(queue, (np.int64(rank), np.int64(position)))
