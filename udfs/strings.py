"""Arrow string columns as flat numpy arrays, the form that kernels read."""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa


class Strings(NamedTuple):
    """Texts as UTF-8 bytes in one read-only uint8 array; text i is data[offsets[i]:offsets[i + 1]], offsets int64.

    Nulls are empty texts. Read-only always, because kernels are compiled once more for an array of another kind.
    """

    data: np.ndarray[Any, np.dtype[np.uint8]]
    offsets: np.ndarray[Any, np.dtype[np.int64]]


def strings(column: Any) -> Strings:
    """The bytes of a string or binary column, without a copy of them; `column` may be sliced or chunked."""
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    if column.null_count:
        column = column.fill_null(
            "" if pa.types.is_string(column.type) or pa.types.is_large_string(column.type) else b""
        )
    wide = pa.types.is_large_string(column.type) or pa.types.is_large_binary(column.type)
    _, offsets, data = column.buffers()
    places = np.zeros(len(column) + 1, np.int64)
    if offsets is not None and len(column):
        places[:] = np.frombuffer(offsets, np.int64 if wide else np.int32)[column.offset : column.offset + len(places)]
    bytes_ = np.frombuffer(data if data is not None else b"", np.uint8)
    bytes_.flags.writeable = False
    return Strings(bytes_, places)


def hex_strings(data: bytes, size: int) -> pa.Array:
    """Each `size` bytes of the data as a string of 2 * size hex digits."""
    ends = np.arange(0, 2 * len(data) + 1, 2 * size, dtype=np.int64)
    digits = pa.py_buffer(data.hex().encode())
    return pa.LargeStringArray.from_buffers(len(ends) - 1, pa.py_buffer(ends), digits).cast(pa.string())
