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


@dataclass(frozen=True)
class PartFile:
    """A committed file of a table: its path relative to the table's folder, and what proves its content."""

    path: str
    n_rows: int
    n_bytes: int
    sha256: str
    digest: str


def part_name(index: int, key: str) -> str:
    return f"part-{index:05d}-{key[:8]}.parquet"


class PartWriter:
    """Writes one part; use as a context manager, then read `part`. Without a row no file is written."""

    def __init__(self, folder: str, name: str, schema: pa.Schema) -> None:
        self._uri = files.join(folder, name)
        self._name = name
        self._schema = schema
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_bytes = 0
        self._waiting_rows = 0
        self._n_rows = 0
        self._digest = RowDigest()
        self._open = ExitStack()
        self._writer: pq.ParquetWriter | None = None
        self._sink: files.HashingWriter | None = None

    def __enter__(self) -> "PartWriter":
        return self

    def write(self, rows: pa.RecordBatch | list[dict[str, Any]]) -> None:
        """Add rows in order; they are kept until a row group is full (32 MiB or 20,000 rows)."""
        batch = pa.RecordBatch.from_pylist(rows, self._schema) if isinstance(rows, list) else rows
        if batch.num_rows == 0:
            return
        self._waiting.append(batch)
        self._waiting_bytes += batch.nbytes
        self._waiting_rows += batch.num_rows
        if self._waiting_bytes >= ROW_GROUP_BYTES or self._waiting_rows >= ROW_GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        if self._writer is None:
            self._sink = self._open.enter_context(files.publish(self._uri))
            self._writer = self._open.enter_context(
                pq.ParquetWriter(self._sink, self._schema, compression="zstd", compression_level=3)
            )
        for batch in self._waiting:
            self._digest.add(batch)
        table = pa.Table.from_batches(self._waiting, self._schema)
        self._writer.write_table(table, row_group_size=table.num_rows)
        self._n_rows += table.num_rows
        self._waiting, self._waiting_bytes, self._waiting_rows = [], 0, 0

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            self._flush()
        self._open.__exit__(kind, error, trace)

    @property
    def part(self) -> PartFile | None:
        """What was written, after the end of the `with` block; None when there were no rows."""
        if self._sink is None:
            return None
        return PartFile(self._name, self._n_rows, self._sink.n_bytes, self._sink.sha256, self._digest.hexdigest())


def read_part(uri: str, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The row groups of a part, one batch each."""
    with files.open_read(uri) as stream, pq.ParquetFile(stream) as parquet:
        for group in range(parquet.num_row_groups):
            yield from parquet.read_row_group(group, columns=columns).combine_chunks().to_batches()


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
