"""Byte-level BPE merges learned from words and their counts, on one core and in memory; exactly those of Hugging Face.

The rule of `tokenizers` (huggingface/tokenizers, tokenizers/src/models/bpe/trainer.rs): the next merge is the pair of
neighbours that occurs most, counted at every position ("aaa" has (a, a) twice) and weighted by the words' counts; of
equal ones that of the smallest left, then right id. It is applied in every word from left to right. Counts here are
int64; there they are 32 bits and wrap. Its rule for a pair that spells a token known already is not needed: there is no
such pair (see udfs/bpe_vocabulary.py).

All places where a pair occurs come into being at once, with the merge that makes the later of its two tokens, and can
only vanish afterwards. So the places of a pair are written once, side by side, and its count is an upper bound: only
what comes out of the queue on top is counted again. On 90 MB of mixed text that made 3.3 visits for one place merged.
Memory: about 20 bytes for each byte of distinct words, and 40 for each pair in the queue.
"""

import heapq
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from udfs.bpe_sequence import GAP, join_at, stands_at
from udfs.bpe_vocabulary import N_BYTES, byte_tokens
from udfs.errors import UsageError
from udfs.strings import Strings

MAX_CELLS = 2**31 - 1


class _Corpus(NamedTuple):
    """All words in a row: `tokens` and `owners`, the number of the word, of each cell (int32); `counts` of the words
    (int64); `lengths` of the tokens in bytes (int32); `places`, room for the positions of pairs (int32)."""

    tokens: Any
    owners: Any
    counts: Any
    lengths: Any
    places: Any


def train(words: Strings, counts: NDArray[np.int64], vocab_size: int, min_count: int = 0) -> NDArray[np.int32]:
    """The merges, int32 (n, 2), that take the 256 byte tokens to `vocab_size`: fewer when no pair is left that occurs,
    and occurs `min_count` times.

    counts[i] is how often word i occurs; the order of the words does not matter. Raises UsageError for a vocabulary too
    small for the bytes and for words of 2 GiB, ValueError for counts that are missing or below 1.
    """
    n_words = words.offsets.size - 1
    if counts.shape != (n_words,) or (n_words and counts.min() < 1):
        raise ValueError(f"{n_words} words need as many counts, each 1 or more")
    if vocab_size < N_BYTES:
        raise UsageError(f"a vocabulary of {vocab_size} tokens", f"{N_BYTES} or more: every byte is one")
    n_cells = int(words.offsets[-1] - words.offsets[0]) + n_words + 1
    if n_cells > MAX_CELLS:
        raise UsageError(f"{n_cells:,} bytes of distinct words", "leave out the rarest, or count a smaller sample")
    tokens, owners = _lay_out(words.data, words.offsets, byte_tokens())
    places = np.empty(3 * n_cells, np.int32)  # a merge ends one pair and begins two at most; unused pages cost nothing
    counts = np.require(counts, np.int64, ["C", "W"])  # kernels are compiled once more for a read-only array
    corpus = _Corpus(tokens, owners, counts, np.ones(vocab_size, np.int32), places)
    return _train(corpus, max(1, min_count))


@numba.njit(cache=True)
def _lay_out(data: Any, offsets: Any, byte_tokens: Any) -> Any:
    """(tokens, owners): the bytes of each word with a gap between them, and the number of the word."""
    n_words = offsets.size - 1
    tokens = np.full(offsets[-1] - offsets[0] + n_words + 1, GAP, np.int32)
    owners = np.zeros(tokens.size, np.int32)
    position = 1
    for word in range(n_words):
        for i in range(offsets[word], offsets[word + 1]):
            tokens[position] = byte_tokens[data[i]]
            owners[position] = word
            position += 1
        position += 1
    return tokens, owners


@numba.njit(cache=True)
def _train(corpus: Any, min_count: Any) -> Any:
    lengths = corpus.lengths
    merges = np.empty((lengths.size - N_BYTES, 2), np.int32)
    tally = np.zeros((max(N_BYTES * N_BYTES, lengths.size), 3), np.int64)
    queue, n_places = _queue_bytes(corpus, tally, min_count)
    n_merges = 0
    while n_merges < len(merges) and len(queue) > 0:
        bound, left, right, start, stop = heapq.heappop(queue)
        stop, count = _count_again(corpus, left, right, start, stop)
        if count < -bound:
            if count >= min_count:
                heapq.heappush(queue, (-count, left, right, start, stop))
            continue
        new = N_BYTES + n_merges
        lengths[new] = lengths[left] + lengths[right]
        merges[n_merges, 0], merges[n_merges, 1] = left, right
        n_merges += 1
        merged = _merge(corpus, left, right, new, start, stop)
        n_places = _queue_neighbours(queue, corpus, new, merged, True, n_places, tally, min_count)
        n_places = _queue_neighbours(queue, corpus, new, merged, False, n_places, tally, min_count)
    return merges[:n_merges].copy()


@numba.njit
def _queue_bytes(corpus: Any, tally: Any, min_count: Any) -> Any:
    """(queue of the pairs of bytes, number of places used). An entry is (-count, left, right, start, stop): the pair
    occurs at places[start:stop]; the smallest entry is the next merge."""
    tokens = corpus.tokens
    keys, positions = np.empty(tokens.size, np.int32), np.empty(tokens.size, np.int32)
    n = 0
    for position in range(tokens.size - 1):
        if tokens[position] != GAP and tokens[position + 1] != GAP:
            keys[n] = tokens[position] * N_BYTES + tokens[position + 1]
            positions[n] = position
            n += 1
    found, n_places = _group(keys[:n], positions[:n], corpus, 0, tally)
    queue = [(np.int64(0), np.int64(0), np.int64(0), np.int64(0), np.int64(0))]
    queue.clear()
    for key in found:
        size, stop, count = tally[key]
        tally[key] = 0
        if count >= min_count:
            queue.append((-count, key // N_BYTES, key % N_BYTES, stop - size, stop))
    heapq.heapify(queue)
    return queue, n_places


@numba.njit
def _queue_neighbours(
    queue: Any, corpus: Any, new: Any, merged: Any, is_left: Any, n_places: Any, tally: Any, min_count: Any
) -> Any:
    """Number of places used: queues the pairs of a new token and what stands on one side of it. A pair of two new ones
    counts as one on the left."""
    tokens, _, _, lengths, _ = corpus
    keys, positions = np.empty(merged.size, np.int32), np.empty(merged.size, np.int32)
    n = 0
    for position in merged:
        neighbour = tokens[position - 1] if is_left else tokens[position + lengths[new]]
        if neighbour != GAP and (is_left or neighbour != new):
            keys[n] = neighbour
            positions[n] = position - lengths[neighbour] if is_left else position
            n += 1
    found, n_places = _group(keys[:n], positions[:n], corpus, n_places, tally)
    for key in found:
        size, stop, count = tally[key]
        tally[key] = 0
        if count >= min_count:
            left, right = (key, new) if is_left else (new, key)
            heapq.heappush(queue, (-count, left, right, stop - size, stop))
    return n_places


@numba.njit
def _group(keys: Any, positions: Any, corpus: Any, n_places: Any, tally: Any) -> Any:
    """(distinct keys, number of places used): appends the positions to the places, those of a key side by side and in
    order; sets tally[key], before all 0, to how many they are, where they stop, and the sum of their words' counts."""
    _, owners, counts, _, places = corpus
    found = np.empty(keys.size, np.int64)
    n_found = 0
    for i in range(keys.size):
        key = keys[i]
        if tally[key, 0] == 0:
            found[n_found] = key
            n_found += 1
        tally[key, 0] += 1
        tally[key, 2] += counts[owners[positions[i]]]
    for key in found[:n_found]:
        tally[key, 1] = n_places
        n_places += tally[key, 0]
    for i in range(keys.size):
        key = keys[i]
        places[tally[key, 1]] = positions[i]
        tally[key, 1] += 1
    return found[:n_found], n_places


@numba.njit
def _count_again(corpus: Any, left: Any, right: Any, start: Any, stop: Any) -> Any:
    """(stop, count) of a pair as of now: of places[start:stop] those are kept where it still stands."""
    tokens, owners, counts, lengths, places = corpus
    kept = start
    count = np.int64(0)
    for i in range(start, stop):
        position = places[i]
        if stands_at(tokens, lengths, position, left, right):
            places[kept] = position
            kept += 1
            count += counts[owners[position]]
    return kept, count


@numba.njit
def _merge(corpus: Any, left: Any, right: Any, new: Any, start: Any, stop: Any) -> Any:
    """The positions where the pair was merged, a view of the places: not all of them, in a run of one token."""
    tokens, _, _, lengths, places = corpus
    kept = start
    for i in range(start, stop):
        position = places[i]
        if stands_at(tokens, lengths, position, left, right):
            join_at(tokens, lengths, position, left, new)
            places[kept] = position
            kept += 1
    return places[start:kept]
