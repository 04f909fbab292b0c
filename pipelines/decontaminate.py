"""decontaminate: remove documents that hold items of evaluation sets.

Reads the text of the documents that are left once more, in Python workers; the sets are small and read by every worker.
Without sets nothing is read and nothing removed.
"""

from collections.abc import Iterator
from typing import Annotated

import pyarrow as pa
from pydantic import BeforeValidator, Field
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from conf.model import Model
from pipelines.measure import MeasureSettings
from pipelines.ledger import remaining, sorted_by_part, write_ledger
from pipelines.stage import Job
from udfs.decontaminate import HITS, DecontaminatePlan, EvaluationSet, decontaminate_parts


class EvaluationSpec(Model):
    places = frozenset({"path"})

    name: str
    """Name of the set in the ledger."""
    path: str
    """JSON lines, plain or gzip."""
    fields: tuple[str, ...] = ()
    """Fields to look for; empty takes every field that is a string."""


def _as_spec(value: object) -> object:
    return {"name": value.rpartition("/")[2].split(".")[0], "path": value} if isinstance(value, str) else value


class DecontaminateSettings(Model):
    sets: tuple[Annotated[EvaluationSpec, BeforeValidator(_as_spec)], ...] = ()
    """Evaluation sets: paths, or {name, path, fields}."""
    n: int = Field(13, ge=1, le=64)
    """Words in a run (13 as in GPT-3)."""
    min_words: int = Field(8, ge=1)
    """Items of fewer words are not looked for."""
    share: float = Field(0.5, gt=0, le=1)
    """Remove a document that holds this share of an item's runs or more."""

    def outside_files(self) -> dict[str, str]:
        return {spec.name: spec.path for spec in self.sets}


def decontaminate(job: Job, decontaminate: DecontaminateSettings, measure: MeasureSettings) -> None:
    """documents, signals, ledgers -> ledger/stage=decontaminate."""
    if not decontaminate.sets:
        job.add("ledger/stage=decontaminate", [])
        return
    documents = job.uris("documents")
    sets = tuple(EvaluationSet(spec.name, spec.path, spec.fields) for spec in decontaminate.sets)
    plan = DecontaminatePlan(
        tuple(documents), sets, decontaminate.n, decontaminate.min_words, decontaminate.share,
        measure.edits_plan(), measure.words,
    )  # fmt: skip

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from decontaminate_parts(batches, plan)

    left = remaining(job, "ledger/stage=filter", "ledger/stage=dedup")
    rows = sorted_by_part(left.select("node", "part", "row"), len(documents))
    hits = rows.mapInArrow(work, from_arrow_schema(HITS))
    removed = hits.join(left.select("node", "id", "source", "url", "excerpt"), "node")
    reason = F.lit("evaluation_overlap")
    write_ledger(
        job,
        removed,
        reason=reason,
        broken=F.array(reason),
        signal=F.lit("share_of_item"),
        value=F.col("share"),
        bound=F.lit(f"< {decontaminate.share:g}"),
        matched_id=F.col("item"),
        similarity=F.col("share"),
    )
