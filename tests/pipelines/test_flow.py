"""Rows from task to task: none lost, in the order of the tasks that sent them, whatever order they come in."""

import sys

import pyarrow as pa
import pytest
from pyspark import cloudpickle
from pyspark.sql import SparkSession

from pipelines.flow import Place, collect, exchange, flow, spread, union, write_flow, write_shards
from pipelines.tasks import mendable
from udfs.bundles import by_key
from udfs.errors import InputError
from udfs.parts import read_part

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import a test
NUMBERS = pa.schema([("n", pa.int64())])


def rows(*values: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"n": list(values)}, NUMBERS)


def ten_from(start: int):
    yield rows(*range(start, start + 10))
    yield rows()


def numbers(shard: int, batches):
    table = pa.Table.from_batches(list(batches), NUMBERS)
    yield shard, table["n"].to_pylist()


def test_the_rows_of_a_shard_come_in_the_order_of_the_tasks(spark: SparkSession):
    sent = flow(spark, ten_from, [50, 10, 30])
    found = collect(exchange(sent, 3, lambda table: table["n"].to_numpy() % 3, numbers), "test")
    everything = [n for start in (50, 10, 30) for n in range(start, start + 10)]
    assert found == [(shard, [n for n in everything if n % 3 == shard]) for shard in range(3)]


def test_a_shard_of_no_rows_is_worked_on_too(spark: SparkSession):
    sent = flow(spark, ten_from, [0])
    assert collect(exchange(sent, 2, lambda table: table["n"].to_numpy() * 0, numbers), "test")[1] == (1, [])
    assert collect(exchange(flow(spark, ten_from, []), 1, lambda table: table["n"].to_numpy(), numbers), "test") == [
        (0, [])
    ]


def test_partitions_become_parts_of_their_number_and_empty_ones_none(spark: SparkSession, tmp_path):
    made = flow(spark, lambda n: [rows(n)] if n != 2 else [], range(4))
    written = write_flow(made, Place(str(tmp_path), "0123456789", NUMBERS))
    assert [part.number for part in written] == [0, 1, 3]
    assert [part.n_rows for part in written] == [1, 1, 1]
    assert [batch.to_pydict() for batch in read_part(str(tmp_path / written[2].path))] == [{"n": [3]}]


def by_thirds(table: pa.Table):
    return table["n"].to_numpy() % 3


@pytest.mark.parametrize("is_heavy", [False, True])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_shards_are_the_same_whether_one_task_divides_the_rows_or_spark(spark: SparkSession, n: int, is_heavy: bool):
    starts = [50, 10, 30, 11, 52]
    sent = flow(spark, ten_from, starts, n)
    assert sent.getNumPartitions() == n
    shards = exchange(sent, 4, by_thirds, numbers, is_heavy)
    assert shards.getNumPartitions() == (1 if n == 1 and not is_heavy else 4)
    everything = [number for start in starts for number in range(start, start + 10)]
    assert collect(shards, "test") == [(shard, [i for i in everything if i % 3 == shard]) for shard in range(4)]


@pytest.mark.parametrize("n", [1, 2])
def test_shards_become_parts_of_their_number_and_those_without_rows_none(spark: SparkSession, tmp_path, n: int):
    def but_no_zeros(shard: int, batches):
        return (batch for batch in batches if shard)

    place = Place(str(tmp_path), "0123456789", NUMBERS)
    written = write_shards(flow(spark, ten_from, [0, 10], n), 4, by_thirds, but_no_zeros, place)
    assert [part.number for part in written] == [1, 2]
    found = pa.Table.from_batches(read_part(str(tmp_path / written[1].path)))
    assert found["n"].to_pylist() == list(range(2, 20, 3))


def its_number(shard: int, _batches):
    yield rows(100 * shard)


def test_shards_of_a_union_know_their_own_numbers(spark: SparkSession):
    def in_two(rows):
        return exchange(rows, 2, lambda table: table["n"].to_numpy() % 2, its_number)

    sent = flow(spark, ten_from, [20])
    [(_, found)] = collect(exchange(union(sent, in_two(sent), in_two(sent)), 1, by_key(1), numbers), "test")
    assert found == [*range(20, 30), 0, 100, 0, 100]


def test_a_union_tells_the_error_of_a_part(spark: SparkSession):
    def fail(_):
        raise InputError("no such", "look")

    with pytest.raises(Exception, match="no such") as raised:
        collect(union(flow(spark, fail, [0]), flow(spark, ten_from, [0])), "test")
    assert isinstance(mendable(raised.value), InputError)


def test_the_rows_of_a_table_are_spread_in_bundles_without_what_they_are_slices_of(spark: SparkSession, monkeypatch):
    monkeypatch.setattr("pipelines.flow.ROWS_AT_ONCE", 10)
    monkeypatch.setattr("udfs.bundles.BUNDLE_BYTES", 80)
    monkeypatch.setattr("udfs.bundles.BYTES_PER_SHARD", 0)
    table = pa.table({"n": range(95)}, NUMBERS)
    sent = spread(spark, table)
    assert sent.getNumPartitions() == 10
    assert pa.Table.from_batches(collect(sent, "test")) == table
