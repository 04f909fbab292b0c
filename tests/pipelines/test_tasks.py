"""Spark as a scheduler: results in order, and errors of workers as errors of the command."""

import errno
import gc
import os
import sys

import pyarrow as pa
import pytest
from pyspark import cloudpickle
from pyspark.sql import SparkSession

from pipelines.flow import collect, exchange, flow
from pipelines.stage import describe
from pipelines.tasks import mendable, run_tasks, spark_path, spelling_errors, stream_tasks
from udfs.bundles import by_key
from udfs.errors import ContractError, InputError, OutputError

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import a test
NUMBERS = pa.schema([("n", pa.int64())])
FULL = OSError(errno.ENOSPC, "No space left on device", "/out/x")
DENIED = PermissionError(errno.EACCES, "Permission denied", "/out/x")


def rows(*values: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"n": list(values)}, NUMBERS)


def fail(error: Exception):
    raise error


def fail_after_a_row(error: Exception):
    yield rows(1)
    raise error


def run(spark: SparkSession, error: Exception) -> None:
    run_tasks(spark, "test", fail, [error])


def stream(spark: SparkSession, error: Exception) -> None:
    stream_tasks(spark, fail_after_a_row, [error], NUMBERS).collect()


def send(spark: SparkSession, error: Exception) -> None:
    collect(exchange(flow(spark, fail_after_a_row, [error]), 1, by_key(1), lambda _, batches: batches), "test")


def receive(spark: SparkSession, error: Exception) -> None:
    rows = flow(spark, lambda _: [], [0])
    collect(exchange(rows, 1, by_key(1), lambda _number, _batches: fail_after_a_row(error)), "test")


def test_results_come_in_the_order_of_the_tasks(spark: SparkSession):
    assert run_tasks(spark, "test", lambda task: task * 10, [3, 1, 2]) == [30, 10, 20]
    assert run_tasks(spark, "test", fail, []) == []


def test_rows_of_all_tasks_are_streamed(spark: SparkSession):
    frame = stream_tasks(spark, lambda task: iter([rows(task, task + 1), rows()]), [10, 20], NUMBERS)
    assert sorted(row["n"] for row in frame.collect()) == [10, 11, 20, 21]
    assert stream_tasks(spark, fail, [], NUMBERS).collect() == []


def test_a_worker_spares_the_collector_what_is_loaded(spark: SparkSession):
    def frozen(_) -> int:
        return gc.get_freeze_count()

    def frozen_rows(task: int):
        yield rows(frozen(task))

    assert min(run_tasks(spark, "test", frozen, [1, 2])) > 1000
    assert stream_tasks(spark, frozen_rows, [1], NUMBERS).toArrow()["n"][0].as_py() > 1000


def test_a_path_of_this_machine_stays_one_where_spark_has_a_cluster():
    assert spark_path("/run/a [1]*.parquet") == r"file:///run/a \[1\]\*.parquet"
    assert spark_path("run/a:b") == f"file://{os.getcwd()}/run/a:b"
    assert spark_path("hdfs://n:1/run/a?") == r"hdfs://n:1/run/a\?"


@pytest.mark.parametrize(
    ("way", "error", "code", "reason"),
    [
        (run, InputError("no such\nfile", "look"), 66, "no such\nfile"),
        (run, DENIED, 73, "/out/x: Permission denied"),
        (stream, ContractError("中文 \ud800 'x' \"y\""), 65, "中文 \ud800 'x' \"y\""),
        (send, FULL, 73, "/out/x: No space left on device"),
        (receive, InputError("no such", "look"), 66, "no such"),
    ],
)
def test_an_error_of_a_worker_is_told_as_if_it_were_raised_here(spark: SparkSession, way, error, code, reason):
    with pytest.raises(Exception) as raised:  # noqa: PT011 - what becomes of it is the point
        way(spark, error)
    found = describe(raised.value)
    assert found[0] == code
    assert found[1].startswith(reason)


@pytest.mark.parametrize("error", [InputError("no such\nfile", "look"), ContractError("中文 \ud800"), FULL, DENIED])
def test_an_error_spelt_out_is_read_as_it_was(error):
    with pytest.raises(RuntimeError) as raised, spelling_errors():
        raise error
    around = RuntimeError(f"Job aborted:\n{raised.value}\n\tat java.lang.Thread.run")
    assert describe(around) == describe(error)


def test_an_error_that_nobody_can_mend_stays_what_it_is():
    with pytest.raises(KeyError), spelling_errors():
        raise KeyError("x")
    assert mendable(ValueError("gristmill")) is None
    assert isinstance(mendable(OSError(errno.EROFS, "Read-only file system")), OutputError)
