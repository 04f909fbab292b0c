"""The search for duplicates as it goes on: which documents are in it, what its steps found, who is still left.

A document is a node: part * 2^32 + row. Parts of earlier snapshots come first, those of this run after them. Small
parts that are neighbours form a group, which is one task. Each step ends in files of its own below `_steps`, one a
group; so plans stay small, a step sees what those before it removed without a join, and a lost worker costs one task.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from pipelines.ledger import parts_left
from pipelines.snapshots import Snapshot
from pipelines.stage import Job
from pipelines.tasks import map_arrow, stream_tasks, write_frame
from udfs import files
from udfs.decisions import Part
from udfs.parts import read_part

DOCUMENTS_PER_GROUP = 20_000
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
        self.n_documents = job.table("signals").n_rows + sum(snapshot.n_documents for snapshot in snapshots)
        n_parts = max(self.parts, default=0) + 1
        self.parts_per_group = max(1, DOCUMENTS_PER_GROUP * n_parts // max(1, self.n_documents))
        self.n_groups = 1 + (n_parts - 1) // self.parts_per_group
        self.steps: dict[int, dict[str, str]] = {number: {} for number in range(self.n_groups)}
        """URIs of what the steps found, by group and step."""

    @property
    def is_own(self) -> Column:
        """Whether a row's node is a document of this run."""
        return part_of("node") >= self.first_own

    @property
    def groups(self) -> dict[int, list[Part]]:
        groups: dict[int, list[Part]] = {number: [] for number in range(self.n_groups)}
        for number, part in self.parts.items():
            groups[number // self.parts_per_group].append(part)
        return groups

    def stream(self, read: Work, schema: pa.Schema) -> DataFrame:
        """What `read` yields for each part, of the documents still left."""

        def read_all(group: list[Part]) -> Iterator[pa.RecordBatch]:
            for part in group:
                yield from read(part)

        return stream_tasks(self.job.spark, read_all, list(self.groups.values()), schema)

    def stream_steps(self, read: Work, schema: pa.Schema, *names: str) -> DataFrame:
        """What `read` yields for the steps of each group of which one of these found something."""
        tasks = [steps for steps in self.steps.values() if any(name in steps for name in names)]
        return stream_tasks(self.job.spark, read, tasks, schema)

    def at_home(self, frame: DataFrame, column: str, work: Work, schema: pa.Schema) -> DataFrame:
        """`work(part, rows)` with all rows whose document in `column` is of that part."""
        groups = self.groups

        def go(number: int, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            numbers = [part.number for part in groups[number]]
            for part, rows in zip(groups[number], rows_of_parts(numbers, list(batches), column), strict=True):
                yield from work(part, rows)

        return map_arrow(self.by_group(frame, column), go, schema)

    def by_group(self, frame: DataFrame, column: str) -> DataFrame:
        return frame.repartitionById(self.n_groups, (part_of(column) / self.parts_per_group).cast("int"))

    def by_own_part(self, frame: DataFrame) -> DataFrame:
        """The rows about documents of this run, in partitions numbered as its parts are."""
        n_parts = max(1, max(self.parts, default=0) + 1 - self.first_own)
        return frame.where(self.is_own).repartitionById(n_parts, part_of("node") - self.first_own)

    def keep_step(self, name: str, frame: DataFrame, schema: pa.Schema, removes: bool) -> None:
        """Write what a step found; with `removes`, its documents are no longer left for later steps."""
        groups = self.groups
        for group, uri in self._write(name, self.by_group(frame, "node"), schema).items():
            self.steps[group][name] = uri
            for part in groups[group] if removes else ():
                self.parts[part.number] = replace(part, steps=(*part.steps, uri))

    def written(self, name: str, frame: DataFrame, schema: pa.Schema) -> DataFrame:
        """`frame` read back from files, for rows that are wanted more than once."""
        uris = list(self._write(name, frame, schema).values())
        return stream_tasks(self.job.spark, read_part, uris, schema)

    def _write(self, name: str, frame: DataFrame, schema: pa.Schema) -> dict[int, str]:
        folder = self.job.run.path("duplicates", "_steps", name)
        written = write_frame(frame, folder, self.job.key, schema)
        return {file.number: files.join(folder, file.path) for file in written}


def rows_of_parts(
    parts: Sequence[int], batches: list[pa.RecordBatch], column: str
) -> Iterator[Iterator[pa.RecordBatch]]:
    """The rows about the documents of each part in turn."""
    if not batches:
        yield from (iter(()) for _ in parts)
        return
    table = pa.Table.from_batches(batches)
    numbers = table[column].to_numpy() >> 32
    place = np.argsort(numbers, kind="stable")
    table, numbers = table.take(pa.array(place)), numbers[place]
    for part in parts:
        start, stop = np.searchsorted(numbers, [part, part + 1])
        yield iter(table.slice(start, stop - start).to_batches())


def part_of(column: str) -> Column:
    """The number of a node's part."""
    return F.shiftright(column, 32).cast("int")
