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


@numba.njit(cache=True)
def _mix(values: Any) -> Any:
    out = np.empty(values.size, np.uint64)
    for i in range(values.size):
        out[i] = mix64(values[i] + GOLDEN)
    return out


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


def _hash_column(column: pa.Array) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """uint64 hash of each value; a null has a hash of its own."""
    kind = column.type
    if pa.types.is_struct(kind):
        hashes = _combine([column.field(i) for i in range(kind.num_fields)], len(column))
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        offsets = np.asarray(column.offsets).astype(np.int64)
        hashes = _hash_lists(_hash_column(column.values), offsets)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind):
        hashes = _hash_strings(*strings(column))
    else:
        hashes = _mix(_bits(column))
    if column.null_count:
        hashes[np.asarray(column.is_null())] = NULL
    return hashes


def _bits(column: pa.Array) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Numbers and booleans as 64 bits each; every NaN alike."""
    if pa.types.is_floating(column.type):
        values = column.cast(pa.float64()).fill_null(0.0).to_numpy(zero_copy_only=False)
        return np.where(np.isnan(values), np.nan, values).view(np.uint64)
    return column.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False).view(np.uint64)


def _combine(columns: list[pa.Array], n_rows: int) -> np.ndarray[Any, np.dtype[np.uint64]]:
    rows = np.zeros(n_rows, np.uint64)
    for column in columns:
        rows = _mix(rows ^ _hash_column(column))
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
