"""The decisions: documents that a stage removes, and the documents that earlier stages left, as numbers."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from pipelines.stage import Job, count_by
from pipelines.tables import spark_schema

ROWS_PER_PARTITION = 1_000_000


def remaining(job: Job, *ledgers: str) -> DataFrame:
    """Rows of `signals` whose documents stand in none of the ledgers, with their `node`."""
    left = job.read("signals").withColumn("node", node())
    for ledger in ledgers:
        left = left.join(job.read(ledger).select("id"), "id", "left_anti")
    return left


def node() -> Column:
    """A document's place as one long: part * 2^32 + row. Unique in a run, and in input order."""
    return F.shiftleft(F.col("part").cast("long"), 32).bitwiseOR(F.col("row").cast("long"))


def n_partitions(n_rows: int) -> int:
    """Partitions for a shuffle of `n_rows` small rows; depends on the data only, never on the cluster."""
    return 1 + n_rows // ROWS_PER_PARTITION


def sorted_by_part(frame: DataFrame, n_parts: int) -> DataFrame:
    """`frame` (with columns part, row) so that each documents file's rows come together, in order."""
    return frame.repartition(max(1, n_parts), "part").sortWithinPartitions("part", "row")


def write_ledger(job: Job, removed: DataFrame, **columns: Column) -> None:
    """Write the stage's ledger and count it by source and reason.

    `removed` has a row per document; a column of the ledger is taken from `columns`, else from `removed`, else null.
    """
    columns["stage"] = F.lit(job.stage)
    chosen = [
        columns[field.name] if field.name in columns else F.col(field.name) if field.name in removed.columns else F.lit(None)
        for field in spark_schema("ledger")
    ]
    typed = [column.cast(field.dataType).alias(field.name) for column, field in zip(chosen, spark_schema("ledger"), strict=True)]
    table = f"ledger/stage={job.stage}"
    n_parts = n_partitions(job.table("signals").n_rows)
    job.write(table, removed.select(*typed).repartition(n_parts, "id").sortWithinPartitions("id"))
    job.counts["removed"] = count_by(job.read(table), "source", "reason")
