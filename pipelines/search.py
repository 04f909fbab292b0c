"""The search for duplicates as it goes on: which documents are in it, what its steps found, who is still left.

A document is a node: part * 2^32 + row. Parts of earlier snapshots come first, those of this run after them. Small
parts that are neighbours form a group, which is one task. Each step ends in files of its own below `_steps`, one a
group; so plans stay small, a step sees what those before it removed without a join, and a lost worker costs one task.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from pipelines.flow import Batches, Flow, Place, exchange, flow, write_flow, write_shards
from pipelines.ledger import parts_left
from pipelines.run import Table
from pipelines.snapshots import Snapshot, numbered
from pipelines.stage import Job
from udfs import files
from udfs.bundles import ShardOf
from udfs.decisions import Part, Rows

DOCUMENTS_PER_GROUP = 20_000
BYTES_PER_SHARD = 128 << 20
Work = Callable[..., Iterator[pa.RecordBatch]]


def shards_for(n_bytes: int) -> int:
    """Shards for so many bytes of rows; depends on the data only, never on the cluster."""
    return 1 + n_bytes // BYTES_PER_SHARD


def row_bytes(schema: pa.Schema) -> int:
    """Bytes of a row, of numbers of eight bytes."""
    return 8 * len(schema)


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
    def groups(self) -> dict[int, list[Part]]:
        groups: dict[int, list[Part]] = {number: [] for number in range(self.n_groups)}
        for number, part in self.parts.items():
            groups[number // self.parts_per_group].append(part)
        return groups

    def stream(self, read: Work, n_shards: int) -> Flow:
        """What `read` yields for each part, of the documents still left; for an exchange between so many shards."""

        def read_all(group: list[Part]) -> Batches:
            for part in group:
                yield from read(part)

        return flow(self.job.spark, read_all, list(self.groups.values()), n_shards)

    def stream_steps(self, read: Work, n_shards: int, *names: str) -> Flow:
        """What `read` yields for the steps of each group of which one of these found something."""
        tasks = [steps for steps in self.steps.values() if any(name in steps for name in names)]
        return flow(self.job.spark, read, tasks, n_shards)

    def at_home(self, rows: Flow, column: str, work: Work, is_heavy: bool = False) -> Flow:
        """`work(part, rows)` with all rows whose document in `column` is of that part."""
        groups = self.groups

        def go(number: int, batches: Batches) -> Batches:
            numbers = [part.number for part in groups[number]]
            for part, found in zip(groups[number], rows_of_parts(numbers, list(batches), column), strict=True):
                yield from work(part, found)

        return self.by_group(rows, column, go, is_heavy)

    def by_group(self, rows: Flow, column: str, work: Work, is_heavy: bool = False) -> Flow:
        """`work(group, rows)` with all rows whose document in `column` is of that group."""
        return exchange(rows, self.n_groups, self.group_of(column), work, is_heavy)

    def group_of(self, column: str) -> ShardOf:
        n = self.parts_per_group
        return lambda table: part_of(table, column) // n

    def write_own(self, name: str, rows: Flow, work: Work, schema: pa.Schema) -> None:
        """Write a table of the run: `work(part, rows)` with all rows about documents of each of its parts."""
        first, n_parts = self.first_own, max(1, max(self.parts, default=0) + 1 - self.first_own)
        own = rows.map(lambda batch: batch.filter(pa.array(part_of(batch) >= first)))
        by_part, place = (lambda table: part_of(table) - first), Place(self.job.run.path(name), self.job.key, schema)
        self.job.add(name, write_shards(own, n_parts, by_part, work, place))

    def keep_step(self, name: str, rows: Flow, schema: pa.Schema, removes: bool) -> int:
        """Write what a step found, and count it; with `removes`, its documents are no longer left for later steps."""
        groups = self.groups
        place = self.place(name, schema)
        found = write_shards(rows, self.n_groups, self.group_of("node"), lambda _, batches: batches, place)
        for file in found:
            uri = self.steps[file.number][name] = files.join(place.folder, file.path)
            for part in groups[file.number] if removes else ():
                self.parts[part.number] = replace(part, steps=(*part.steps, uri))
        return sum(file.n_rows for file in found)

    def write(self, name: str, rows: Flow, schema: pa.Schema) -> Table:
        """Files for rows that are wanted more than once; no table of the run, they go when the stage is done."""
        return Table(f"duplicates/_steps/{name}", tuple(write_flow(rows, self.place(name, schema))))

    def place(self, name: str, schema: pa.Schema) -> Place:
        return Place(self.job.run.path(f"duplicates/_steps/{name}"), self.job.key, schema)

    def uris(self, table: Table) -> list[str]:
        return list(numbered(self.job.run, table).values())


def rows_of_parts(
    parts: Sequence[int], batches: list[pa.RecordBatch], column: str
) -> Iterator[Iterator[pa.RecordBatch]]:
    """The rows about the documents of each part in turn."""
    if not batches:
        yield from (iter(()) for _ in parts)
        return
    table = pa.Table.from_batches(batches)
    numbers = part_of(table, column)
    place = np.argsort(numbers, kind="stable")
    table, numbers = table.take(pa.array(place)), numbers[place]
    for part in parts:
        start, stop = np.searchsorted(numbers, [part, part + 1])
        yield iter(table.slice(start, stop - start).to_batches())


def part_of(rows: pa.RecordBatch | pa.Table, column: str = "node") -> Rows:
    """The number of the part of each node."""
    return rows.column(column).to_numpy() >> 32
