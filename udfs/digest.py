"""A digest of a table's rows that ignores their order and the files they stand in.

Every row is hashed to 64 bits; the digest holds the sums, modulo 2^64, of the row hashes and of a second mix of them.
Sums commute, so parts can be digested apart and added. It finds damage and differences, not an adversary: against
those each file's SHA-256 stands in the manifest.
"""

from typing import Any

import numba
import numpy as np
import pyarrow as pa

from udfs.hashing import GOLDEN, U64, hash_bytes, mix64
from udfs.strings import strings

NULL = U64(0x6E756C6C)
SIGN, INFINITY, NAN = U64(1 << 63), U64(0x7FF << 52), U64(0xFFF << 51)
"""Bits of float64."""


@numba.njit(cache=True)
def _mix(values: Any) -> Any:
    out = np.empty(values.size, np.uint64)
    for i in range(values.size):
        out[i] = mix64(values[i] + GOLDEN)
    return out


@numba.njit(cache=True)
def _mix_floats(bits: Any) -> Any:
    """`_mix` of float64 values given as their bits, every NaN alike."""
    out = np.empty(bits.size, np.uint64)
    for i in range(bits.size):
        is_nan = bits[i] & ~SIGN > INFINITY
        out[i] = mix64((NAN if is_nan else bits[i]) + GOLDEN)
    return out


@numba.njit(cache=True)
def _mix_in(rows: Any, hashes: Any) -> None:
    """Mix the hash of one more column into those of the rows."""
    for i in range(rows.size):
        rows[i] = mix64((rows[i] ^ hashes[i]) + GOLDEN)


@numba.njit(cache=True)
def _hash_strings(data: Any, offsets: Any) -> Any:
    out = np.empty(offsets.size - 1, np.uint64)
    for i in range(out.size):
        out[i] = hash_bytes(data, offsets[i], offsets[i + 1])
    return out


@numba.njit(cache=True)
def _hash_lists(values: Any, offsets: Any) -> Any:
    out = np.empty(offsets.size - 1, np.uint64)
    for i in range(out.size):
        h = U64(offsets[i + 1] - offsets[i]) * GOLDEN
        for j in range(offsets[i], offsets[i + 1]):
            h = mix64(h ^ values[j]) * GOLDEN
        out[i] = mix64(h)
    return out


@numba.njit(cache=True)
def _mark_nulls(hashes: Any, valid: Any, first: Any) -> None:
    """`valid` is Arrow's bitmap: bit `first` + i, the lowest of a byte first, is set where value i is none."""
    for i in range(hashes.size):
        if not valid[(first + i) >> 3] >> ((first + i) & 7) & 1:
            hashes[i] = NULL


def _hash_column(column: pa.Array) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """uint64 hash of each value; a null has a hash of its own."""
    kind = column.type
    if column.null_count == len(column):
        return np.full(len(column), NULL)
    if pa.types.is_struct(kind):
        hashes = _combine([column.field(i) for i in range(kind.num_fields)], len(column))
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        offsets = np.asarray(column.offsets).astype(np.int64)
        values = column.values.slice(offsets[0], offsets[-1] - offsets[0])  # not those of all rows, for a slice of them
        hashes = _hash_lists(_hash_column(values), offsets - offsets[0])
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind):
        hashes = _hash_strings(*strings(column))
    elif pa.types.is_floating(kind):
        hashes = _mix_floats(_bits(column.cast(pa.float64())))
    else:
        hashes = _mix(_bits(column.cast(pa.int64())))
    if column.null_count:
        _mark_nulls(hashes, np.frombuffer(column.buffers()[0], np.uint8), column.offset)
    return hashes


def _bits(column: pa.Array) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """The values of a column of 64 bits each, without a copy; anything where it has nulls."""
    return np.frombuffer(column.buffers()[1], np.uint64)[column.offset : column.offset + len(column)]


def _combine(columns: list[pa.Array], n_rows: int) -> np.ndarray[Any, np.dtype[np.uint64]]:
    rows = np.zeros(n_rows, np.uint64)
    for column in columns:
        _mix_in(rows, _hash_column(column))
    return rows


class RowDigest:
    """Digest of the rows added so far."""

    def __init__(self) -> None:
        self._sums = [0, 0]

    def add(self, batch: pa.RecordBatch) -> None:
        rows = _combine([batch.column(i) for i in range(batch.num_columns)], batch.num_rows)
        self._sums[0] += int(rows.sum(dtype=np.uint64))
        self._sums[1] += int(_mix(rows).sum(dtype=np.uint64))

    def hexdigest(self) -> str:
        return "".join(f"{value % 2**64:016x}" for value in self._sums)


def add_digests(digests: list[str]) -> str:
    """The digest of all rows, from the digests of their parts."""
    sums = [sum(int(d[start : start + 16], 16) for d in digests) % 2**64 for start in (0, 16)]
    return "".join(f"{value:016x}" for value in sums)
