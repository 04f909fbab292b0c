"""MinHash signatures, LSH band keys and exact Jaccard of shingle sets.

Signatures are made by one-permutation hashing: every shingle is hashed once, falls into one of K bins and competes for
the smallest value there (Li, Owen, Zhang, "One Permutation Hashing", NIPS 2012). A bin that stays empty copies a full
one, chosen by hashes of the bin's number (Shrivastava, "Optimal Densification for Fast and Accurate Minwise Hashing",
ICML 2017). That is one hash a shingle, where K hash functions need K. The share of equal bins is an unbiased estimate
of the Jaccard similarity J. Its variance, measured as a multiple of the J(1 - J) / K of K functions, at K = 112: 0.8 to
1.0 where the two documents have 100 different shingles or more between them, 1.1 to 1.2 at 50, 1.3 at 20, 1.5 at 5.
The share of candidates follows 1 - (1 - J^rows)^bands within 0.02 at all these sizes. tests/udfs/test_minhash.py
holds it to that, and beside datasketch's estimator.

A document without shingles has no band keys, so it is nobody's candidate.
Candidates are not verified here: documents that share a key are compared by `jaccard_pairs`.
"""

import math
from typing import Any

import numba
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from udfs.errors import UsageError
from udfs.hashing import GOLDEN, U64, mix64
from udfs.shingles import BLOCK, ShingleSets, next_shingles, unit_table
from udfs.strings import Strings

EMPTY = 0xFFFFFFFF
"""Stands in every bin of a document without shingles, and in no bin of another."""
KEYS = 2
"""Another number whenever a text's band keys change, so that nobody compares them with those of an earlier version."""
RECALL = 0.99
MAX_HASHES = 256
MAX_ROWS = 32
U32 = np.uint32
LOW = U64(0xFFFFFFFF)


def signatures(texts: Strings, n_hashes: int, unit: str = "word", n: int = 5, seed: int = 0) -> NDArray[np.uint32]:
    """The MinHash signature of each text; uint32 (texts, n_hashes), EMPTY throughout for a text without shingles.

    Signatures of different seeds cannot be compared. A secret seed keeps texts of different shingles from being made to
    share bands. Raises UsageError for a `unit` or `n` that does not exist, and for no hashes.
    """
    if n_hashes < 1:
        raise UsageError(f"signatures of {n_hashes} hashes", "1 or more")
    out = np.empty((texts.offsets.size - 1, n_hashes), np.uint32)
    signature_kernel(texts.data, texts.offsets, unit_table(unit, n), n, np.uint64(seed % 2**64), out)
    return out


@numba.njit(cache=True, nogil=True)
def signature_kernel(data: Any, offsets: Any, table: Any, n: Any, seed: Any, out: Any) -> None:
    """Writes the signature of each text into its row of `out`; the shingles are used as they are made, not stored."""
    units, shingles = np.empty(BLOCK, np.uint64), np.empty(BLOCK, np.uint64)
    key = mix64(seed + GOLDEN)
    bins, empty = np.empty(out.shape[1], np.uint32), np.empty(out.shape[1], np.uint64)
    for i in range(offsets.size - 1):
        bins[:] = EMPTY
        position, end, n_carried = U64(offsets[i]), U64(offsets[i + 1]), U64(0)
        while position < end:
            position, n_carried, n_shingles = next_shingles(
                data, position, end, table, U64(n), units, n_carried, shingles
            )
            for k in range(n_shingles):  # a loop of its own, for vector instructions
                shingles[k] = mix64(shingles[k] ^ key)
            for k in range(n_shingles):
                _put(bins, shingles[k])
        _densify(bins, out[i], empty)


@numba.njit
def _put(bins: Any, h: Any) -> None:
    """The low half of the hash chooses the bin, the high half competes in it."""
    k = (h & LOW) * U64(bins.size) >> U64(32)
    bins[k] = min(bins[k], U32(min(h >> U64(32), U64(EMPTY - 1))))


@numba.njit
def _densify(bins: Any, row: Any, empty: Any) -> None:
    """Copies `bins` to `row`, an empty bin being given the value of the first full one on a path of its own. All empty
    bins go a step at a time, and are kept in `empty` without a branch, for nobody can predict which find a full one."""
    row[:] = bins
    n_empty = step = U64(0)
    for k in range(U64(bins.size)):
        empty[n_empty] = k
        n_empty += U64(bins[k] == EMPTY)
    while U64(0) < n_empty < bins.size:
        step += U64(1)
        n_left = U64(0)
        for i in range(n_empty):
            k = empty[i]
            row[k] = bins[(mix64(k * GOLDEN + step) & LOW) * U64(bins.size) >> U64(32)]
            empty[n_left] = k
            n_left += U64(row[k] == EMPTY)
        n_empty = n_left


def band_keys(signatures: NDArray[np.uint32], bands: int, rows: int) -> pa.ListArray:
    """The keys of each document, one a band: list<int64> of `bands` elements, null for a document without shingles.

    Two documents have a key in common when all `rows` bins of the same band are equal; keys of different bands never
    meet but by chance (2^-64). Raises UsageError when the signatures are too short.
    """
    if bands < 1 or rows < 1 or bands * rows > signatures.shape[1]:
        raise UsageError(
            f"{bands} bands of {rows} rows from signatures of {signatures.shape[1]} hashes",
            "bands * rows hashes or more",
        )
    present = signatures[:, 0] != EMPTY
    offsets = pa.array(np.concatenate([[0], np.cumsum(present * bands)]), pa.int32())
    keys = _band_keys(signatures[present], bands, rows)
    return pa.ListArray.from_arrays(offsets, pa.array(keys.ravel()), mask=pa.array(~present))


@numba.njit(cache=True, nogil=True)
def _band_keys(signatures: Any, bands: Any, rows: Any) -> Any:
    keys = np.empty((signatures.shape[0], bands), np.int64)
    for i in range(signatures.shape[0]):
        for band in range(bands):
            h = mix64(U64(band) + GOLDEN)
            for k in range(band * rows, (band + 1) * rows):
                h = (h ^ U64(signatures[i, k])) * GOLDEN
            keys[i, band] = np.int64(mix64(h))
    return keys


def bands_for(threshold: float, rows: int) -> int:
    """The fewest bands of so many rows that give a pair at the threshold, and so any above it, the chance RECALL to
    meet: 1 - (1 - threshold^rows)^bands (Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, 3.4.2)."""
    return math.ceil(math.log(1 - RECALL) / math.log1p(-(threshold**rows))) if threshold < 1 else 1


def rows_for(threshold: float) -> int:
    """The most rows whose bands need at most MAX_HASHES hashes: more rows are fewer candidates below the threshold."""
    fitting = [rows for rows in range(1, MAX_ROWS + 1) if rows * bands_for(threshold, rows) <= MAX_HASHES]
    return max(fitting, default=1)


def jaccard_pairs(
    sets: ShingleSets, left: NDArray[np.int64], right: NDArray[np.int64], others: ShingleSets | None = None
) -> NDArray[np.float64]:
    """The exact Jaccard similarity of sets left[i] and right[i], for each i; float64. right[i] is one of `others`, if
    there are any.

    Raises IndexError for a set that is not there, ValueError for a pair with one side.
    """
    others = others or sets
    pairs = np.stack([left, right])
    for numbers, found in zip(pairs, (sets, others), strict=True):
        n_sets = found.offsets.size - 1
        if numbers.size and not 0 <= numbers.min() <= numbers.max() < n_sets:
            raise IndexError(f"sets {numbers.min()} to {numbers.max()} asked for, 0 to {n_sets - 1} are there")
    return _jaccard_pairs(*sets, *others, pairs[0], pairs[1])


@numba.njit(cache=True, nogil=True)
def jaccard(left: Any, right: Any) -> float:
    """Size of the intersection over that of the union, of two ascending arrays of distinct hashes; 0 for two empty."""
    i = j = common = 0
    while i < left.size and j < right.size:
        a, b = left[i], right[j]
        common += a == b
        i += a <= b
        j += b <= a
    total = left.size + right.size - common
    return common / total if total else 0.0


@numba.njit(cache=True, nogil=True)
def _jaccard_pairs(hashes: Any, offsets: Any, other_hashes: Any, other_offsets: Any, left: Any, right: Any) -> Any:
    out = np.empty(left.size, np.float64)
    for i in range(left.size):
        a, b = left[i], right[i]
        out[i] = jaccard(hashes[offsets[a] : offsets[a + 1]], other_hashes[other_offsets[b] : other_offsets[b + 1]])
    return out
