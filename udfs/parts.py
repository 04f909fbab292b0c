"""Parts of tables: zstd Parquet files written and read by Python workers, digested as they are written.

A part's name says which stage run made it (`part-00007-3fa9c1d2.parquet`, the digits from the stage's identity), so a
part is never written over by different bytes, and a reader that trusts the manifest never sees half a table.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from udfs import files
from udfs.digest import RowDigest

ROW_GROUP_BYTES = 32 << 20
ROW_GROUP_ROWS = 20_000
BATCH_BYTES = 4 << 20
BATCH_ROWS = 500
PARQUET = {"compression": "zstd", "compression_level": 3, "use_dictionary": False}
"""No dictionaries: zstd finds what repeats, and those of ids and band keys would be made for nothing."""


@dataclass(frozen=True)
class PartFile:
    """A committed file of a table: its path relative to the table's folder, and what proves its content."""

    path: str
    n_rows: int
    n_bytes: int
    sha256: str
    digest: str

    @property
    def number(self) -> int:
        """The number in the name of a part; parts of one number are about the same documents."""
        return int(self.path.split("-")[1])


def part_name(index: int, key: str) -> str:
    return f"part-{index:05d}-{key[:8]}.parquet"


class PartWriter:
    """Writes one part; use as a context manager, then read `part`. Without a row no file is written."""

    def __init__(self, folder: str, name: str, schema: pa.Schema) -> None:
        self._uri = files.join(folder, name)
        self._name = name
        self._schema = schema
        self._rows: list[dict[str, Any]] = []
        self._row_bytes = 0
        self._batches: list[pa.RecordBatch] = []
        self._waiting_rows = 0
        self._waiting_bytes = 0
        self._n_rows = 0
        self._digest = RowDigest()
        self._open = ExitStack()
        self._writer: pq.ParquetWriter | None = None
        self._sink: files.HashingWriter | None = None

    def __enter__(self) -> "PartWriter":
        return self

    def write_row(self, row: dict[str, Any]) -> None:
        """Add one row; rows are made into batches of up to 4 MiB or 500 rows."""
        self._rows.append(row)
        self._row_bytes += sum(len(value) for value in row.values() if isinstance(value, str | bytes))
        if self._row_bytes >= BATCH_BYTES or len(self._rows) == BATCH_ROWS:
            self._batch_rows()

    def _batch_rows(self) -> None:
        rows, self._rows, self._row_bytes = self._rows, [], 0
        self.write(pa.RecordBatch.from_pylist(rows, self._schema))

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows in order; they are kept until a row group is full (32 MiB or 20,000 rows)."""
        if batch.num_rows:
            self._batches.append(batch)
            self._waiting_rows += batch.num_rows
            self._waiting_bytes += batch.nbytes
        if self._waiting_bytes >= ROW_GROUP_BYTES or self._waiting_rows >= ROW_GROUP_ROWS:
            self._write_group()

    def begin(self) -> pq.ParquetWriter:
        """Start the file, if it is not there yet."""
        if self._writer is None:
            self._sink = self._open.enter_context(files.publish(self._uri))
            self._writer = self._open.enter_context(pq.ParquetWriter(self._sink, self._schema, **PARQUET))
        return self._writer

    def _write_group(self) -> None:
        for batch in self._batches:
            self._digest.add(batch)
        table = pa.Table.from_batches(self._batches, self._schema)
        self.begin().write_table(table, row_group_size=table.num_rows)
        self._n_rows += table.num_rows
        self._batches, self._waiting_rows, self._waiting_bytes = [], 0, 0

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            self._batch_rows()
            if self._batches:
                self._write_group()
        self._open.__exit__(kind, error, trace)

    @property
    def part(self) -> PartFile | None:
        """What was written, after the end of the `with` block; None when there were no rows."""
        if self._sink is None:
            return None
        return PartFile(self._name, self._n_rows, self._sink.n_bytes, self._sink.sha256, self._digest.hexdigest())


def read_part(uri: str, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The row groups of a part, one batch each: at most 32 MiB, or one row that is larger."""
    with files.open_read(uri) as stream, pq.ParquetFile(stream) as parquet:
        for group in range(parquet.num_row_groups):
            yield from parquet.read_row_group(group, columns=columns).combine_chunks().to_batches()


def read_batches(uri: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The rows of a part in batches of up to about 4 MiB or 2,000 rows, for work that needs many times their size."""
    yield from pieces(read_part(uri, columns))


def pieces(groups: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The rows of large batches in batches of up to about 4 MiB or 2,000 rows."""
    for group in groups:
        n_batches = max(1, group.nbytes // BATCH_BYTES, group.num_rows // 2_000)
        n_rows = -(-group.num_rows // n_batches)
        for start in range(0, group.num_rows, n_rows):
            yield group.slice(start, n_rows)


def digest_part(uri: str) -> str:
    """The row digest of a part, computed again from its file."""
    digest = RowDigest()
    for batch in read_part(uri):
        digest.add(batch)
    return digest.hexdigest()


def write_part(folder: str, name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> PartFile | None:
    """Write all of `batches` as one part."""
    with PartWriter(folder, name, schema) as writer:
        for batch in batches:
            writer.write(batch)
    return writer.part


def write_empty(folder: str, name: str, schema: pa.Schema) -> PartFile | None:
    """A part without rows: what stands for a table without rows, so that any tool can open its folder."""
    with PartWriter(folder, name, schema) as writer:
        writer.begin()
    return writer.part
