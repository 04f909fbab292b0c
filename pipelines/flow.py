"""Arrow rows from task to task: made by tasks, brought together in shards by Spark's shuffle, written as parts.

A flow is an RDD of record batches, which only Python sees: the JVM moves bundles of bytes (udfs/bundles.py) and knows
nothing of rows. A job of a few dozen such stages costs a third of what it does with plans of DataFrames. Rows that fit
one task are not sent at all: the task that made them goes on with them.

The rows of a shard come in the order of the tasks that sent them, whichever came first: a task that is tried again, on
whatever machine, sees what it saw before.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pyarrow as pa
from pyspark import RDD
from pyspark.sql import SparkSession

from pipelines.tasks import spelling_errors
from udfs.bundles import ShardOf, bundled, by_key, by_shard, unbundled
from udfs.parts import PartFile, part_name, write_part

Task = TypeVar("Task")
Batches = Iterator[pa.RecordBatch]
Work = Callable[[int, Batches], Iterator[Any]]
"""Of the number of a shard and all of its rows."""
Flow = RDD[Any]
"""Of pa.RecordBatch."""
ROWS_AT_ONCE = 100_000


def flow(
    spark: SparkSession, read: Callable[[Task], Iterable[pa.RecordBatch]], tasks: Sequence[Task], n: int | None = None
) -> Flow:
    """The rows that `read` yields for each task, in `n` partitions at most; in one for each task without it."""
    n_partitions = max(1, min(n or len(tasks), len(tasks)))
    return spark.sparkContext.parallelize(list(tasks), n_partitions).flatMap(read)


def union(*flows: Flow) -> Flow:
    """The rows of all flows. It is the JVM that joins them, so rows pass it as bundles: a batch would be pickled with
    all that it is a slice of."""

    def send(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Buffer]:
        with spelling_errors():
            yield from (bundle for _, bundle in bundled(batches, by_key(1)))

    sent = flows[0].context.union([rows.mapPartitions(send) for rows in flows])
    return sent.flatMap(lambda bundle: unbundled([bundle]))


def spread(spark: SparkSession, table: pa.Table) -> Flow:
    """The rows of a table of the driver, some megabytes of them in a partition."""
    bundles = [bundle for _, bundle in bundled(table.to_batches(ROWS_AT_ONCE), by_key(1))]
    return flow(spark, lambda bundle: unbundled([bundle]), bundles)


def exchange(
    rows: Flow,
    n_shards: int,
    shard_of: ShardOf,
    work: Work,
    is_heavy: bool = False,
) -> RDD[Any]:
    """What `work` yields for each shard, given its number and all of its rows.

    Rows of one partition do not go through Spark: the task that has them works on one shard after the other. With
    `is_heavy` each shard is a task of its own even then.
    """
    if rows.getNumPartitions() == 1 and not (is_heavy and n_shards > 1):
        return rows.mapPartitions(lambda batches: in_one_task(batches, n_shards, shard_of, work))

    def send(task: int, batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, tuple[int, int, pa.Buffer]]]:
        with spelling_errors():
            for place, (shard, bundle) in enumerate(bundled(batches, shard_of, n_shards)):
                yield shard, (task, place, bundle)

    def receive(shard: int, sent: Iterable[tuple[int, tuple[int, int, pa.Buffer]]]) -> Iterator[Any]:
        yield from work(shard, unbundled([bundle for *_, bundle in sorted(one for _, one in sent)]))

    return rows.mapPartitionsWithIndex(send).partitionBy(n_shards, int).mapPartitionsWithIndex(receive)


def in_one_task(batches: Iterable[pa.RecordBatch], n_shards: int, shard_of: ShardOf, work: Work) -> Iterator[Any]:
    """`exchange` of rows that are all here."""
    if n_shards == 1:
        yield from work(0, iter(batches))
        return
    found = list(batches)
    shards = by_shard(pa.Table.from_batches(found), shard_of) if found else ()
    divided = {shard: rows.to_batches() for shard, rows in shards}
    for shard in range(n_shards):
        yield from work(shard, iter(divided.pop(shard, [])))


def collect(rows: RDD[Any], description: str) -> list[Any]:
    """The elements of an RDD, made in a job of this description; errors are spelt as those of tasks."""

    def spelt(batches: Iterable[Any]) -> Iterator[Any]:
        with spelling_errors():
            yield from batches

    rows.context.setJobDescription(description)
    return rows.mapPartitions(spelt).collect()


@dataclass(frozen=True)
class Place:
    """Where the parts of a table are written."""

    folder: str
    key: str
    schema: pa.Schema

    def write(self, number: int, batches: Iterable[pa.RecordBatch]) -> Iterator[PartFile]:
        """Write rows as the part of this number, and yield it; without rows it is no part."""
        name, rows = part_name(number, self.key), (batch.cast(self.schema) for batch in batches)
        if part := write_part(self.folder, name, self.schema, rows):
            yield part


def write_flow(rows: Flow, place: Place) -> list[PartFile]:
    """Write each partition as the part of its number."""
    return collect(rows.mapPartitionsWithIndex(place.write), f"write {place.folder}")


def write_shards(rows: Flow, n_shards: int, shard_of: ShardOf, work: Work, place: Place) -> list[PartFile]:
    """Write what `work` yields for each shard as the part of its number."""
    parts = exchange(rows, n_shards, shard_of, lambda shard, found: place.write(shard, work(shard, found)))
    return collect(parts, f"write {place.folder}")
