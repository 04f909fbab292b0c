"""Megatron-LM's .idx: which tokens of a .bin belong to which document. To bytes and back, every field checked.

Source: megatron/core/datasets/indexed_dataset.py of Megatron-LM. All little-endian, n documents:

    offset   field                     type
    0        MMIDIDX\\0\\0             9 bytes
    9        version = 1               uint64
    17       dtype code                uint8, 8 = uint16, 4 = int32
    18       n                         uint64
    26       n + 1                     uint64
    34       lengths                   int32[n], tokens
    34+4n    starts                    int64[n], bytes
    34+12n   0 ... n                   int64[n+1], Megatron's documents, of one sequence each
"""

import struct
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from udfs.errors import ContractError

HEADER = struct.Struct("<9sQBQQ")
MAGIC = b"MMIDIDX\0\0"
VERSION = 1
# There is no code for uint32; ids below 2^31 have the same bits as int32.
DTYPES = {8: np.dtype("<u2"), 4: np.dtype("<i4")}
UINT16_VOCABULARY = 65_500

Array: TypeAlias = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Index:
    """Of each document: `lengths` in tokens (int32) and `starts` in bytes (int64); and the tokens' `dtype`."""

    dtype: np.dtype[Any]
    lengths: Array
    starts: Array

    @property
    def n_tokens(self) -> int:
        return int(self.lengths.sum(dtype=np.int64))

    @property
    def token_starts(self) -> Array:
        return self.starts // self.dtype.itemsize


def token_dtype(vocab_size: int) -> np.dtype[Any]:
    """uint16 below 65,500 ids, else int32: Megatron's own rule."""
    return DTYPES[8] if vocab_size < UINT16_VOCABULARY else DTYPES[4]


def to_bytes(lengths: Array, dtype: np.dtype[Any]) -> bytes:
    """The .idx of documents of these lengths (tokens)."""
    n = len(lengths)
    code = next(code for code, known in DTYPES.items() if known == dtype)
    fields = [lengths.astype("<i4"), _starts(lengths, dtype), np.arange(n + 1, dtype="<i8")]
    return HEADER.pack(MAGIC, VERSION, code, n, n + 1) + b"".join(field.tobytes() for field in fields)


def from_bytes(data: Any, file: str) -> Index:
    """The index in `data`, without a copy. Raises ContractError: `file`, what was found, what would be right."""
    if len(data) < HEADER.size:
        raise ContractError(f"{file}: found {len(data)} bytes, fewer than the {HEADER.size} of a header")
    magic, version, code, n, n_bounds = HEADER.unpack_from(data)
    expect(file, "magic", magic, MAGIC)
    expect(file, "version", version, VERSION)
    expect(file, "document bounds", n_bounds, n + 1)
    expect(file, "bytes", len(data), HEADER.size + 12 * n + 8 * (n + 1))
    if code not in DTYPES:
        raise ContractError(f"{file}: found dtype code {code}, expected 8 (uint16) or 4 (int32)")
    index = Index(
        DTYPES[code],
        np.frombuffer(data, "<i4", n, HEADER.size),
        np.frombuffer(data, "<i8", n, HEADER.size + 4 * n),
    )
    expect(file, "documents without a token:", int((index.lengths <= 0).sum()), 0)
    wrong_start = first_difference(index.starts, _starts(index.lengths, index.dtype))
    expect(file, "first document that does not start where the one before ends:", wrong_start, None)
    bounds = np.frombuffer(data, "<i8", n + 1, HEADER.size + 12 * n)
    expect(file, "first document bound out of sequence:", first_difference(bounds, np.arange(n + 1)), None)
    return index


def _starts(lengths: Array, dtype: np.dtype[Any]) -> Array:
    """Where each document starts, in bytes."""
    ends = np.cumsum(lengths, dtype="<i8")
    return (ends - lengths) * dtype.itemsize


def first_difference(found: Array, expected: Array) -> int | None:
    """The first index at which two arrays of one length differ."""
    different = np.flatnonzero(found != expected)
    return int(different[0]) if different.size else None


def expect(file: str, what: str, found: Any, expected: Any) -> None:
    """Raises ContractError where `found` differs from `expected`."""
    if found != expected:
        hint = "the file is damaged or belongs to another data set: fetch it again, or write the shards again"
        raise ContractError(f"{file}: found {what} {found}, expected {expected}", hint)
