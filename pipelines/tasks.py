"""Spark as the scheduler of tasks that read and write their own files.

Text moves between a file and a Python worker only, never through the JVM; what comes back to the driver is one small
result a task. A failed task is tried again by Spark and publishes the same bytes under the same name.
"""

import errno
import gc
import itertools
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from udfs import errors
from udfs.errors import GristmillError, OutputError

Task = TypeVar("Task")
Result = TypeVar("Result")

PART = pa.schema(
    [
        ("path", pa.string()),
        ("n_rows", pa.int64()),
        ("n_bytes", pa.int64()),
        ("sha256", pa.string()),
        ("digest", pa.string()),
    ]
)

NOT_WRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR}
SPELT = "gristmill error: "
TASKS_SEEN = itertools.count(1)
"""The tasks of this worker process."""


def mendable(error: BaseException) -> GristmillError | None:
    """The error as one that the user can mend: one of ours, one of writing a file, or either as a worker spelt it."""
    if isinstance(error, GristmillError):
        return error
    if isinstance(error, OSError) and error.errno in NOT_WRITABLE:
        reason = f"{error.filename or 'output'}: {error.strerror}"
        return OutputError(reason, "free space or mend permissions, then run again")
    if found := re.search(f"{SPELT}(.*)", str(error)):
        kind, reason, hint = json.JSONDecoder().raw_decode(found[1])[0]
        return getattr(errors, kind)(reason, hint)
    return None


@contextmanager
def spelling_errors() -> Iterator[None]:
    """Within a worker: errors that the user can mend are spelt out, since Spark hands on an error's text only."""
    keep_what_is_loaded()
    try:
        yield
    except (GristmillError, OSError) as error:
        found = mendable(error)
        if found is None:
            raise
        raise RuntimeError(SPELT + json.dumps([type(found).__name__, found.reason, found.hint])) from error


def keep_what_is_loaded() -> None:
    """Within a worker, before a task: spare the collector the modules and kernels, which stay anyway.

    PySpark collects garbage after every task (`pyspark/daemon.py`), 50 ms each time with all that is imported. Before
    tasks 1, 2, 4, 8 and so on, since more is loaded by and by, and a frozen cycle of a task's own is never freed.
    """
    number = next(TASKS_SEEN)
    if number & (number - 1) == 0:
        gc.freeze()


def run_tasks(
    spark: SparkSession, description: str, function: Callable[[Task], Result], tasks: Sequence[Task]
) -> list[Result]:
    """`function` of each task, in the order of the tasks, one Spark task each.

    An error that the user can mend comes back as a value, so that Spark does not try it four times, and is raised here.
    """

    def attempt(task: Task) -> Result | GristmillError:
        keep_what_is_loaded()
        try:
            return function(task)
        except (GristmillError, OSError) as error:
            found = mendable(error)
            if found is None:
                raise
            return found

    if not tasks:
        return []
    spark.sparkContext.setJobDescription(description)
    results = spark.sparkContext.parallelize(tasks, len(tasks)).map(attempt).collect()
    done = [result for result in results if not isinstance(result, GristmillError)]
    for result in results:
        if isinstance(result, GristmillError):
            raise result
    return done


def stream_tasks(
    spark: SparkSession, function: Callable[[Task], Iterator[pa.RecordBatch]], tasks: Sequence[Task], schema: pa.Schema
) -> DataFrame:
    """The rows that `function` yields for each task, as a DataFrame with one partition a task."""
    chosen = list(tasks)

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with spelling_errors():
            for batch in batches:
                for index in batch.column(0).to_pylist():
                    yield from function(chosen[index])

    numbers = spark.range(0, len(chosen), 1, max(1, len(chosen)))
    return numbers.mapInArrow(work, from_arrow_schema(schema))


def spark_uri(uri: str) -> str:
    """The URI for Spark, which looks for a path without a scheme on the cluster's file system, where there is one."""
    return uri if "://" in uri else f"file://{os.path.abspath(uri)}"


def spark_path(uri: str) -> str:
    """The URI for Spark's readers, which take it for a pattern: its `[`, `{`, `*` and `?` stand for themselves."""
    return re.sub(r"([][{}*?\\])", r"\\\1", spark_uri(uri))
