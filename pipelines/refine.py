"""refine: what is left of `documents`, with edits and replacements applied, becomes `clean`.

Shuffles the numbers of the documents that are left (about 100 bytes each) to their files; reads the text once more and
writes it once more. A clean part holds the kept documents of one documents part, in its order.
"""

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from conf.model import Model
from pipelines.measure import MeasureSettings
from pipelines.ledger import remaining, sorted_by_part
from pipelines.stage import Job
from pipelines.tables import CLEAN
from pipelines.tasks import PART
from udfs.errors import ContractError
from udfs.parts import PartFile
from udfs.refine import RefinePlan, refine_parts


class RefineSettings(Model):
    pii: bool = True
    """Replace e-mail addresses and public IPv4 addresses."""


def refine(job: Job, refine: RefineSettings, measure: MeasureSettings) -> None:
    """documents, signals, ledgers, duplicates -> clean."""
    documents = job.uris("documents")
    plan = RefinePlan(
        tuple(documents), job.run.path("clean"), job.key, CLEAN, measure.edits_plan(), measure.words, refine.pii
    )

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for part in refine_parts(batches, plan):
            yield pa.RecordBatch.from_pylist([asdict(part)], PART)

    rows = sorted_by_part(kept_rows(job), len(documents)).mapInArrow(work, from_arrow_schema(PART)).collect()
    clean = job.add("clean", [PartFile(**row.asDict()) for row in rows])
    job.counts["kept"] = [
        row.asDict()
        for row in job.read("clean").groupBy("source")
        .agg(F.count("id").alias("documents"), F.sum(F.octet_length("text")).alias("bytes"))
        .orderBy("source").collect()
    ]  # fmt: skip
    check_conservation(job, clean.n_rows)


def kept_rows(job: Job) -> DataFrame:
    """Part, row and figures of every document that no ledger names, with the size of its duplicate cluster."""
    left = remaining(job, "ledger/stage=filter", "ledger/stage=dedup", "ledger/stage=decontaminate")
    sizes = job.read("duplicates").groupBy("cluster_id", "kept_id").agg(F.count("id").alias("size"))
    left = left.join(sizes.withColumnRenamed("kept_id", "id"), "id", "left")
    return left.select(
        "part", "row", "language", "language_score", "quality_score",
        F.coalesce("cluster_id", "id").alias("cluster_id"), F.coalesce("size", F.lit(1)).alias("cluster_size"),
    )  # fmt: skip


def check_conservation(job: Job, n_clean: int) -> None:
    """documents = clean + ledgers, to the row; raises ContractError otherwise."""
    removed = {stage: job.table(f"ledger/stage={stage}").n_rows for stage in ("filter", "dedup", "decontaminate")}
    n_documents = job.table("documents").n_rows
    if n_documents != n_clean + sum(removed.values()):
        parts = ", ".join(f"{n:,} by {stage}" for stage, n in removed.items())
        raise ContractError(f"{n_documents:,} documents, but {n_clean:,} kept and removed: {parts}", "please report this defect")
