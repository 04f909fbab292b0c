"""Documents to look at: for every bound those nearest to it on both sides, for every other reason a few.

Chosen by their ids, which are hashes, from a bounded sample; so the same run shows the same documents. Near a bound the
text is shown about what makes the signal's value, where that has a place; otherwise there is the excerpt of 200
characters that the tables carry.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
from pyspark.sql import functions as F

from pipelines.figures_flow import STAGES
from pipelines.histograms import variants_of
from pipelines.run import Json
from pipelines.stage import Job
from udfs.causes import has_place
from udfs.excerpts import Look, Seen
from udfs.histograms import variant_of
from udfs.verdicts import Check

SAMPLE = 20_000
MAX_A_SIDE = 4
MAX_A_REASON = 6
KNOWN = ("id", "source", "language", "url", "excerpt")


def sample(job: Job, chosen: list[Check]) -> pa.Table:
    """About SAMPLE documents, those of the smallest ids: id, source, language, url, excerpt and every signal."""
    n_documents = job.table("signals").n_rows
    frame = job.read("signals")
    if n_documents > SAMPLE:
        frame = frame.where(F.substring("id", 1, 8) < f"{int(SAMPLE / n_documents * 2**32):08x}")
    values = [F.col(name).cast("double").alias(name) for name in dict.fromkeys(check.column for check in chosen)]
    return frame.select(*KNOWN, *values).toArrow().sort_by("id")


def examples(job: Job, checks: list[Check], sampled: pa.Table) -> Json:
    """Rows in the order of the bounds, then those of the other reasons in the order of the stages."""
    near = [one for check in checks for one in nearest(check, sampled)]
    removed = removers(job, [one["id"] for one in near])
    rows = [*({**one, "removed_by": removed.get(one["id"])} for one in near), *of_other_reasons(job)]
    basis = f"nearest to each bound of {sampled.num_rows:,} documents, and the first of each other reason by id"
    return {"basis": basis, "rows": rows}


def nearest(check: Check, sampled: pa.Table) -> Iterator[Json]:
    """The documents whose values are nearest to the bound in force for their language: those that miss it, then those
    that meet it; the smaller id first where they are equally near."""
    values = sampled[check.column].to_numpy()
    variants = variants_of(check)
    number = variant_of(sampled["language"].combine_chunks(), tuple(variant.languages for variant in variants))
    low = np.array([-np.inf if v.interval.min is None else v.interval.min for v in variants])[number]
    high = np.array([np.inf if v.interval.max is None else v.interval.max for v in variants])[number]
    distance = np.fmin(np.abs(values - low), np.abs(values - high))
    meets = (values >= low) & (values <= high)
    for side in (False, True):
        eligible = np.flatnonzero((meets == side) & np.isfinite(distance))
        for row in eligible[np.argsort(distance[eligible], kind="stable")][:MAX_A_SIDE].tolist():
            yield {
                **{name: sampled[name][row].as_py() for name in KNOWN},
                "stage": "filter",
                "reason": check.reason,
                "meets": side,
                "value": float(values[row]),
                "bound": str(variants[number[row]].interval),
                "matched_id": None,
                "signal": check.column,
            }


def looks_at_causes(rows: list[Json]) -> list[Look]:
    return [Look(row["id"], row["signal"]) for row in rows if has_place(row.get("signal", ""))]


def mark_causes(rows: list[Json], seen: Mapping[Look, Seen]) -> None:
    """Set `excerpt` and `marks`, which characters of it make the signal's value; null where that has no place."""
    for row in rows:
        found = seen.get(Look(row["id"], row.get("signal")))
        row["marks"] = found and found.marks
        row["excerpt"] = found.text if found else row["excerpt"]


def removers(job: Job, ids: list[str]) -> dict[str, str]:
    """id -> "stage: reason" of the documents that were removed."""
    ledgers = job.read(*[f"ledger/{stage}" for stage in STAGES]).where(F.col("id").isin(ids))
    return {row["id"]: f"{row['stage']}: {row['reason']}" for row in ledgers.select("id", "stage", "reason").collect()}


def of_other_reasons(job: Job) -> list[Json]:
    """The first documents, by id, of every reason that is not a bound on a signal."""
    ledgers = job.read(*[f"ledger/{stage}" for stage in ("ingest", *STAGES)])
    columns = ("id", "source", "url", "excerpt", "value", "bound", "matched_id")
    first = F.min_by(F.struct(*columns), "id", MAX_A_REASON).alias("rows")
    others = ledgers.where("stage <> 'filter' or reason in ('language', 'empty')")
    found = others.groupBy("stage", "reason").agg(first).toArrow().to_pylist()
    found.sort(key=lambda group: (("ingest", *STAGES).index(group["stage"]), group["reason"]))
    return [
        {"stage": group["stage"], "reason": group["reason"], "meets": False, "language": None, **row}
        | {"removed_by": f"{group['stage']}: {group['reason']}"}
        for group in found
        for row in group["rows"]
    ]
