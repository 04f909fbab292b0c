"""Hash functions that are the same in every process, on every machine: 64-bit kernels, and document ids."""

import hashlib
from typing import Any

import numba
import numpy as np

U64 = np.uint64
ONE = U64(1)
"""For positions in kernels, which are uint64: a signed index is tested for being below 0 at each use."""
GOLDEN = U64(0x9E3779B97F4A7C15)


@numba.njit(inline="always")
def mix64(x: Any) -> Any:
    """A bijection on uint64 whose every output bit depends on every input bit (finaliser of MurmurHash3)."""
    x ^= x >> U64(33)
    x *= U64(0xFF51AFD7ED558CCD)
    x ^= x >> U64(33)
    x *= U64(0xC4CEB9FE1A85EC53)
    return x ^ (x >> U64(33))


@numba.njit(inline="always")
def eight_bytes(data: Any, i: Any) -> Any:
    """data[i:i + 8], uint8, as one uint64, the first byte the lowest; the compiler makes one load of it."""
    word = U64(0)
    for k in range(U64(8)):
        word |= U64(data[i + k]) << (U64(8) * k)
    return word


@numba.njit(inline="always")
def hash_bytes(data: Any, start: Any, end: Any) -> Any:
    """uint64 hash of data[start:end], uint8: eight bytes a step, the length mixed in first."""
    i, end = U64(start), U64(end)
    h = (end - i) * GOLDEN
    while i + U64(8) <= end:
        h = mix64(h ^ eight_bytes(data, i)) * GOLDEN
        i += U64(8)
    word = U64(0)
    if i + U64(8) <= data.size:  # one load and a mask, for most words end here
        word = eight_bytes(data, i) & ((ONE << (U64(8) * (end - i))) - ONE)
    else:
        for k in range(end - i):
            word |= U64(data[i + k]) << (U64(8) * k)
    return mix64(h ^ word)


def document_id(source: str, file_path: str, ordinal: int) -> str:
    """32 hex digits from where a record stands: the source's name, the file relative to the source's root, the record's
    number in that file. The same corpus on another file system has the same ids."""
    place = f"{source}\0{file_path}\0{ordinal}"
    return hashlib.blake2b(place.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def keyed_uint64(seed: int, key: str) -> int:
    """A number in [0, 2^64) that stands for a random draw: the same for the same seed and key, in every process."""
    digest = hashlib.blake2b(
        key.encode("utf-8", "surrogatepass"), digest_size=8, key=seed.to_bytes(8, "little", signed=True)
    )
    return int.from_bytes(digest.digest(), "little")
