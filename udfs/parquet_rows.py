"""Records of Parquet files: one for each row, read a row group at a time, only the columns that `Fields` names.

The offset of a record is its row number. A row group that cannot be read on makes one Damage for the rest of its rows.
"""

from collections.abc import Collection, Iterator
from itertools import count
from typing import IO, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from udfs.members import USUAL_LIMITS, Limits
from udfs.records import Damage, Outcome, Record
from udfs.rows import USUAL_FIELDS, Fields, row_outcome

BATCH_ROWS = 256
_UNREADABLE = (pa.ArrowException, OSError, UnicodeDecodeError)  # the last: a column whose name is no text


class Row(NamedTuple):
    """Row `number` of a file; `ordinal` counts outcomes, of which a row group that cannot be read is one."""

    ordinal: int
    number: int
    values: dict[str, Any]


def read_parquet(stream: IO[bytes], limits: Limits = USUAL_LIMITS, fields: Fields = USUAL_FIELDS) -> Iterator[Outcome]:
    """Every row of the file in order; see `udfs.records`. `stream` must be seekable."""
    for row in read_rows(stream, fields.columns()):
        yield row if isinstance(row, Damage) else _outcome(row, limits.record_bytes, fields)


def read_rows(stream: IO[bytes], columns: Collection[str]) -> Iterator[Row | Damage]:
    """The rows of a file in order, with those of `columns` that the file has."""
    ordinals = count()
    try:
        file = pq.ParquetFile(stream, page_checksum_verification=True)
        present = [name for name in file.schema_arrow.names if name in columns]
    except _UNREADABLE as error:
        yield _unreadable(next(ordinals), 0, "the file", error)
        return
    first = 0
    for group in range(file.num_row_groups):
        number, end = first, first + file.metadata.row_group(group).num_rows
        try:
            for batch in file.iter_batches(BATCH_ROWS, [group], present, use_threads=False):
                for i in range(batch.num_rows):
                    yield _row(batch, i, next(ordinals), number)
                    number += 1
        except _UNREADABLE as error:
            yield _unreadable(next(ordinals), number, f"rows {number} to {end - 1}", error)
        first = end


def _unreadable(ordinal: int, row: int, what: str, error: Exception) -> Damage:
    """Damage for what Arrow cannot read. Raises `error` again if it is one of the file system."""
    if isinstance(error, OSError) and error.errno is not None:
        raise error
    return Damage(ordinal, row, "unreadable", f"{what} cannot be read as Parquet: {error}", b"")


def _row(batch: pa.RecordBatch, i: int, ordinal: int, number: int) -> Row | Damage:
    try:
        return Row(ordinal, number, {name: batch.column(name)[i].as_py() for name in batch.schema.names})
    except UnicodeDecodeError as error:
        return Damage(ordinal, number, "invalid_utf8", str(error), b"")
    except (ValueError, OverflowError) as error:  # a date or number that Python cannot hold
        return Damage(ordinal, number, "unreadable", str(error), b"")


def _outcome(row: Row, max_bytes: int, fields: Fields) -> Outcome:
    outcome = row_outcome(row.values, fields, row.ordinal, row.number, b"")
    if isinstance(outcome, Record) and (n_bytes := len((outcome.text or "").encode("utf-8"))) > max_bytes:
        detail = f"a text of {n_bytes} bytes; a record may have {max_bytes}"
        return Damage(row.ordinal, row.number, "too_large", detail, b"")
    return outcome
