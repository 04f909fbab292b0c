"""The search for duplicates as it goes on: which documents are in it, what its steps found, who is still left.

A document is a node: part * 2^32 + row. Parts of earlier snapshots come first, those of this run after them. Each step
ends in files of its own below `_steps`, cut like the documents; so plans stay small, a step sees what those before it
removed without a join, and a lost worker costs one task.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from pipelines.ledger import parts_left
from pipelines.snapshots import Snapshot
from pipelines.stage import Job
from pipelines.tasks import map_arrow, stream_tasks, write_frame
from udfs import clustering, files
from udfs.decisions import Part
from udfs.parts import read_part

Work = Callable[..., Iterator[pa.RecordBatch]]


class Search:
    """The documents of this run and of earlier snapshots that the filter left, and what the steps found of them."""

    def __init__(self, job: Job, snapshots: Sequence[Snapshot] = ()) -> None:
        self.job = job
        self.snapshots = snapshots
        self.first_own = sum(snapshot.n_parts for snapshot in snapshots)
        own = parts_left(job, "ledger/filter")
        moved = [replace(part, number=self.first_own + part.number) for part in own]
        earlier = [part for snapshot in snapshots for part in snapshot.parts]
        self.parts: dict[int, Part] = {part.number: part for part in (*earlier, *moved)}
        self.steps: dict[int, dict[str, str]] = {number: {} for number in self.parts}
        self.n_documents = job.table("signals").n_rows + sum(snapshot.n_documents for snapshot in snapshots)

    @property
    def is_own(self) -> Column:
        """Whether a row's node is a document of this run."""
        return part_of("node") >= self.first_own

    def stream(self, read: Work, schema: pa.Schema) -> DataFrame:
        """What `read` yields for each part, of the documents still left."""
        return stream_tasks(self.job.spark, read, list(self.parts.values()), schema)

    def stream_found(self) -> DataFrame:
        """All that the steps found, as clustering.FOUND."""
        tasks = [(part, self.steps[number]) for number, part in self.parts.items()]
        return stream_tasks(self.job.spark, lambda task: clustering.found_in(*task), tasks, clustering.FOUND)

    def at_home(self, frame: DataFrame, column: str, work: Work, schema: pa.Schema) -> DataFrame:
        """`work(part, rows)` with all rows whose document in `column` is of that part."""
        parts = self.parts

        def go(number: int, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            if number in parts:
                yield from work(parts[number], batches)

        return map_arrow(self.by_part(frame, column), go, schema)

    def by_part(self, frame: DataFrame, column: str) -> DataFrame:
        return frame.repartitionById(max(self.parts, default=0) + 1, part_of(column))

    def by_own_part(self, frame: DataFrame) -> DataFrame:
        """The rows about documents of this run, in partitions numbered as its parts are."""
        n_parts = max(1, max(self.parts, default=0) + 1 - self.first_own)
        return frame.where(self.is_own).repartitionById(n_parts, part_of("node") - self.first_own)

    def keep_step(self, name: str, frame: DataFrame, schema: pa.Schema, removes: bool) -> None:
        """Write what a step found; with `removes`, its documents are no longer left for later steps."""
        for number, uri in self._write(name, self.by_part(frame, "node"), schema).items():
            self.steps[number][name] = uri
            if removes:
                part = self.parts[number]
                self.parts[number] = replace(part, steps=(*part.steps, uri))

    def written(self, name: str, frame: DataFrame, schema: pa.Schema) -> DataFrame:
        """`frame` read back from files, for rows that are wanted more than once."""
        uris = list(self._write(name, frame, schema).values())
        return stream_tasks(self.job.spark, read_part, uris, schema)

    def _write(self, name: str, frame: DataFrame, schema: pa.Schema) -> dict[int, str]:
        folder = self.job.run.path("duplicates", "_steps", name)
        written = write_frame(frame, folder, self.job.key, schema)
        return {file.number: files.join(folder, file.path) for file in written}


def part_of(column: str) -> Column:
    """The number of a node's part."""
    return F.shiftright(column, 32).cast("int")
