"""Documents to look at: for every bound those nearest to it on both sides, for every other reason a few.

Chosen by their ids, which are hashes, from a bounded sample; so the same run shows the same documents. Addresses of
people are replaced.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from pipelines.figures_flow import STAGES
from pipelines.histograms import Signal
from pipelines.run import Json
from pipelines.stage import Job
from udfs.histograms import Floats, variant_of
from udfs.pii import replace_pii

SAMPLE = 20_000
MAX_EXAMPLES = 400
MAX_A_SIDE = 8
MAX_CHARS = 600
MAX_URL = 300


def sample(job: Job, chosen: list[Signal]) -> pa.Table:
    """About SAMPLE documents, those of the smallest ids: id, source, language, url, excerpt and every signal."""
    n_documents = job.table("signals").n_rows
    frame = job.read("signals")
    if n_documents > SAMPLE:
        frame = frame.where(F.substring("id", 1, 8) < f"{int(SAMPLE / n_documents * 2**32):08x}")
    values = [F.col(signal.name).cast("double").alias(signal.name) for signal in chosen]
    return frame.select("id", "source", "language", "url", "excerpt", *values).toArrow().sort_by("id")


def examples(job: Job, chosen: list[Signal], sampled: pa.Table) -> Json:
    """At most MAX_EXAMPLES documents, in the order of the bounds and then of the stages."""
    bounded = [signal for signal in chosen if signal.reason]
    each = max(1, min(MAX_A_SIDE, MAX_EXAMPLES // (3 * max(1, len(bounded)))))
    found = [one for signal in bounded for one in nearest(signal, sampled, each)]
    removed = verdicts(job, [one["id"] for one in found])
    for one in found:
        one["removed_by"] = removed.get(one["id"])
    rows = [*found, *from_ledgers(job, each)][:MAX_EXAMPLES]
    excerpts = replace_pii(pa.array([(row["excerpt"] or "")[:MAX_CHARS] for row in rows], pa.string()))
    for row, excerpt in zip(rows, excerpts.to_pylist(), strict=True):
        row["excerpt"], row["url"] = excerpt, (row["url"] or "")[:MAX_URL] or None
    basis = f"nearest to each bound of a sample of {sampled.num_rows:,} documents, and the first of each reason by id"
    return {"basis": basis, "sampled": sampled.num_rows, "rows": rows}


def nearest(signal: Signal, sampled: pa.Table, each: int) -> Iterator[Json]:
    """The documents whose values are nearest to the bound in force for their language: those that miss it, then those
    that meet it; the smaller id first where they are equally near."""
    values = sampled[signal.name].to_numpy()
    languages = sampled["language"].combine_chunks()
    variants = variant_of(languages, tuple(variant.languages or () for variant in signal.variants))
    low = np.array([-np.inf if v.bound.min is None else v.bound.min for v in signal.variants])[variants]
    high = np.array([np.inf if v.bound.max is None else v.bound.max for v in signal.variants])[variants]
    distance = np.fmin(np.abs(values - low), np.abs(values - high))
    meets = (values >= low) & (values <= high)
    for side in (False, True):
        eligible = np.flatnonzero((meets == side) & np.isfinite(distance))
        for row in eligible[np.argsort(distance[eligible], kind="stable")][:each]:
            yield _example(signal, sampled, int(row), bool(side), str(signal.variants[variants[row]].bound), values)


def _example(signal: Signal, sampled: pa.Table, row: int, meets: bool, bound: str, values: Floats) -> Json:
    kept = {name: sampled[name][row].as_py() for name in ("id", "source", "language", "url", "excerpt")}
    return {
        **kept,
        "stage": "filter",
        "reason": signal.reason,
        "meets": meets,
        "value": float(values[row]),
        "bound": bound,
    }


def verdicts(job: Job, ids: list[str]) -> dict[str, str]:
    """id -> "stage: reason" of the documents that were removed."""
    ledgers = job.read(*[f"ledger/stage={stage}" for stage in STAGES]).where(F.col("id").isin(ids))
    return {row["id"]: f"{row['stage']}: {row['reason']}" for row in ledgers.select("id", "stage", "reason").collect()}


def from_ledgers(job: Job, each: int) -> list[Json]:
    """The first documents, by id, of every reason that is not a bound on a signal."""
    ledgers: DataFrame = job.read(*[f"ledger/stage={stage}" for stage in ("ingest", *STAGES)])
    ranked = ledgers.withColumn("rank", F.row_number().over(Window.partitionBy("stage", "reason").orderBy("id")))
    columns = ("id", "source", "url", "excerpt", "stage", "reason", "value", "bound", "matched_id", "similarity")
    rows = ranked.where(F.col("rank") <= each).where("stage <> 'filter' or reason in ('language', 'empty')")
    found = rows.select(*columns).orderBy("stage", "reason", "id").toArrow().to_pylist()
    return [
        {**row, "language": None, "meets": False, "removed_by": f"{row['stage']}: {row['reason']}"} for row in found
    ]
