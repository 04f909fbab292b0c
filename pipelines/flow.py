"""Arrow rows from task to task: made by tasks, brought together in shards by Spark's shuffle, written as parts.

A flow is an RDD of record batches, which only Python sees: the JVM moves bundles of bytes (udfs/bundles.py) and knows
nothing of rows. A job of a few dozen such stages costs a third of what it does with plans of DataFrames.

The rows of a shard come in the order of the tasks that sent them, whichever came first: a task that is tried again, on
whatever machine, sees what it saw before.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import pyarrow as pa
from pyspark import RDD
from pyspark.sql import SparkSession

from pipelines.tasks import spelling_errors
from udfs.bundles import ShardOf, bundled, by_key, unbundled
from udfs.parts import PartFile, part_name, write_part

Task = TypeVar("Task")
Batches = Iterator[pa.RecordBatch]
Flow = RDD[Any]
"""Of pa.RecordBatch."""
ROWS_AT_ONCE = 100_000


def flow(spark: SparkSession, read: Callable[[Task], Iterable[pa.RecordBatch]], tasks: Sequence[Task]) -> Flow:
    """The rows that `read` yields for each task, in one partition each."""
    return spark.sparkContext.parallelize(list(tasks), max(1, len(tasks))).flatMap(read)


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


def exchange(rows: Flow, n_shards: int, shard_of: ShardOf, work: Callable[[int, Batches], Iterator[Any]]) -> RDD[Any]:
    """What `work` yields for each shard, given its number and all of its rows."""

    def send(task: int, batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, tuple[int, int, pa.Buffer]]]:
        with spelling_errors():
            for place, (shard, bundle) in enumerate(bundled(batches, shard_of, n_shards)):
                yield shard, (task, place, bundle)

    def receive(shard: int, sent: Iterable[tuple[int, tuple[int, int, pa.Buffer]]]) -> Iterator[Any]:
        yield from work(shard, unbundled([bundle for *_, bundle in sorted(one for _, one in sent)]))

    return rows.mapPartitionsWithIndex(send).partitionBy(n_shards, int).mapPartitionsWithIndex(receive)


def collect(rows: RDD[Any], description: str) -> list[Any]:
    """The elements of an RDD, made in a job of this description; errors are spelt as those of tasks."""

    def spelt(batches: Iterable[Any]) -> Iterator[Any]:
        with spelling_errors():
            yield from batches

    rows.context.setJobDescription(description)
    return rows.mapPartitions(spelt).collect()


def write_flow(rows: Flow, folder: str, key: str, schema: pa.Schema) -> list[PartFile]:
    """Write each partition as one part of a table with this schema; those without rows are no part."""

    def write(number: int, batches: Iterable[pa.RecordBatch]) -> list[PartFile]:
        part = write_part(folder, part_name(number, key), schema, (batch.cast(schema) for batch in batches))
        return [part] if part else []

    return collect(rows.mapPartitionsWithIndex(write), f"write {folder}")
