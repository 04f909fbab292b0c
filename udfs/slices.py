"""Going back to the text of chosen documents: rows of numbers sorted by part, each beside its own `documents` file."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from udfs.parts import read_part


def by_part(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[int, pa.Table]]:
    """(part, its rows) for batches that are sorted by the columns `part` and `row`."""
    waiting: list[pa.Table] = []
    current = -1
    for batch in batches:
        parts = batch.column("part").to_numpy()
        starts = np.flatnonzero(np.diff(parts, prepend=parts[:1] - 1))
        for start, end in zip(starts, [*starts[1:], len(parts)], strict=True):
            if parts[start] != current and waiting:
                yield current, pa.concat_tables(waiting)
                waiting = []
            current = int(parts[start])
            waiting.append(pa.Table.from_batches([batch.slice(start, end - start)]))
    if waiting:
        yield current, pa.concat_tables(waiting)


def take_rows(uri: str, rows: pa.Table, columns: list[str]) -> Iterator[tuple[pa.RecordBatch, pa.Table]]:
    """(documents, their rows of `rows`) for each row group of a part that holds some of them.

    `rows` has the column `row`, ascending: the number of the document in its part.
    """
    wanted = rows.column("row").to_numpy()
    first = 0
    for group in read_part(uri, columns):
        start, end = np.searchsorted(wanted, [first, first + group.num_rows])
        if end > start:
            yield group.take(pa.array(wanted[start:end] - first)), rows.slice(start, end - start)
        first += group.num_rows
