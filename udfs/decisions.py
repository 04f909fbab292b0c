"""What stages have said of one part of the documents, beside its text and its numbers.

All tables are cut alike: part n of `signals`, of each ledger, of `duplicates` and of `clean` is about the documents of
part n, and their column `row` says which. So the documents that are left are found part by part, without a join.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from udfs import files
from udfs.parts import PartFile, PartWriter, part_name, read_part

Rows = NDArray[np.int64]
Counts = dict[tuple[str, str], int]


@dataclass(frozen=True)
class Part:
    """Part `number`: the URIs of its documents, signals, ledgers and `duplicates`, where they have rows."""

    number: int
    documents: str
    signals: str
    ledgers: tuple[str, ...] = ()
    duplicates: str | None = None
    steps: tuple[str, ...] = ()
    """What steps of a stage that is not done yet have removed, of this part and others, by node (see udfs.copies)."""


def removed_rows(part: Part) -> Rows:
    """Rows of the documents that stand in a ledger, or were removed by a step."""
    found = [batch.column(0).to_numpy() for uri in part.ledgers for batch in read_part(uri, ["row"])]
    for uri in part.steps:
        nodes = [batch.column(0).to_numpy() for batch in read_part(uri, ["node"])]
        found += [some[some >> 32 == part.number] & 0xFFFFFFFF for some in nodes]
    return np.concatenate([np.zeros(0, np.int64), *found]).astype(np.int64)


def signals_left(part: Part, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The documents that are left, as rows of `signals` with `row` and these columns."""
    removed = removed_rows(part)
    for batch in read_part(part.signals, [*columns, "row"]):
        yield batch.filter(pa.array(~np.isin(batch.column("row").to_numpy(), removed)))


def left_rows(part: Part) -> Rows:
    """The rows of the documents that are left."""
    found = [batch.column("row").to_numpy() for batch in signals_left(part, [])]
    return np.concatenate([np.zeros(0, np.int64), *found])


def count_sources(part: Part) -> Counter[str]:
    """The documents that are left, by source."""
    counted = Counter[str]()
    for batch in signals_left(part, ["source"]):
        values, counts = pc.value_counts(batch.column("source")).flatten()
        counted.update(dict(zip(values.to_pylist(), counts.to_pylist(), strict=True)))
    return counted


def texts_at(part: Part, rows: Rows, columns: Sequence[str] | None) -> Iterator[tuple[pa.RecordBatch, Rows]]:
    """(documents, their rows) for each row group that holds some of `rows`, which are ascending."""
    with files.open_read(part.documents) as stream, pq.ParquetFile(stream) as parquet:
        first = 0
        for number in range(parquet.num_row_groups):
            n_rows = parquet.metadata.row_group(number).num_rows
            start, end = np.searchsorted(rows, [first, first + n_rows])
            if end > start:
                [group] = parquet.read_row_group(number, columns=columns).combine_chunks().to_batches()
                wanted = group if end - start == n_rows else group.take(pa.array(rows[start:end] - first))
                yield wanted, rows[start:end]
            first += n_rows


@dataclass(frozen=True)
class LedgerFile:
    """Where a stage writes its ledger."""

    stage: str
    folder: str
    key: str
    schema: pa.Schema

    def write(self, part: Part, removed: pa.Table) -> tuple[PartFile | None, Counts]:
        """Write the ledger of a part, and count its rows by (source, reason).

        `removed` has `row` and the stage's own columns; id, source, url and excerpt are added from `signals`.
        """
        if not len(removed):
            return None, {}
        removed = removed.sort_by("row")
        known = take_signals(part, removed["row"].to_numpy().astype(np.int64), ["id", "source", "url", "excerpt"])
        columns: dict[str, Any] = {name: known[name] for name in known.column_names}
        columns |= {name: removed[name] for name in removed.column_names}
        columns["stage"] = pa.array([self.stage] * len(removed), pa.string())
        arrays = [
            columns[field.name].cast(field.type) if field.name in columns else pa.nulls(len(removed), field.type)
            for field in self.schema
        ]
        with PartWriter(self.folder, part_name(part.number, self.key), self.schema) as writer:
            for batch in pa.Table.from_arrays(arrays, schema=self.schema).combine_chunks().to_batches():
                writer.write(batch)
        counted = Counter(zip(columns["source"].to_pylist(), columns["reason"].to_pylist(), strict=True))
        return writer.part, dict(counted)


def take_signals(part: Part, rows: Rows, columns: Sequence[str]) -> pa.Table:
    """The signals of these rows, in their order."""
    table = pa.Table.from_batches(read_part(part.signals, columns))
    return table.take(pa.array(rows))
