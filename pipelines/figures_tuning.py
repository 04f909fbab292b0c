"""A sample of documents as bin numbers: what the page foretells from, when several bounds are changed together.

Numbers alone; which document is which cannot be told. Stages behind the filter are not computed anew, so the page gives
a range: a document that comes in may be a copy of another, and one that goes may leave its place to a copy of it.
"""

import base64
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from pyspark.sql import Column
from pyspark.sql import functions as F

from pipelines.figures_flow import STAGES
from pipelines.histograms import tuned
from pipelines.run import Json
from pipelines.stage import Job
from udfs.histograms import Axis, variant_of
from udfs.spans import Flags, Ints

MAX_NUMBERS = 500_000
"""Two bytes each; on the page they take about half of that."""
FIXED, FILTERED, LATER, KEPT_OF_MANY, KEPT = range(5)
"""What became of a document: removed by something that has no slider; by bounds that have one; by a later stage; kept,
others being copies of it; kept, alone."""


def tuning_sample(job: Job, signals: Sequence[Json], sampled: pa.Table) -> Json:
    """The documents of the smallest ids: `data` is, in base64, their states (1 byte each) and for each of `columns`
    their variant and bin as variant * (bins + 1) + bin (2 bytes each, the last bin for a missing value)."""
    columns = [signal for signal in signals if tuned(signal)]
    chosen = sampled.slice(0, MAX_NUMBERS // max(1, len(columns)))
    language = chosen["language"].combine_chunks()
    variants = {key_of(signal): variants_of_documents(signal, language) for signal in columns}
    has_slider = {key_of(signal): np.isin(variants[key_of(signal)], tuned(signal)) for signal in columns}
    codes = [codes_of(signal, variants[key_of(signal)], chosen) for signal in columns]
    data = b"".join([states(job, chosen, has_slider).tobytes(), *(one.tobytes() for one in codes)])
    return {
        "basis": f"{chosen.num_rows:,} documents",
        "documents": chosen.num_rows,
        "columns": list(variants),
        "data": base64.b64encode(data).decode(),
    }


def key_of(signal: Json) -> str:
    """What a signal is called on the page: no two have one reason, nor those without one the same name."""
    return signal["reason"] or signal["name"]


def variants_of_documents(signal: Json, language: pa.Array) -> Ints:
    return variant_of(language, tuple(tuple(variant["languages"]) for variant in signal["variants"]))


def codes_of(signal: Json, variants: Ints, chosen: pa.Table) -> np.ndarray:
    bins = Axis(tuple(signal["edges"]), signal["closed"]).bins(chosen[signal["name"]].to_numpy())
    return (variants * (len(signal["edges"]) + 2) + bins).astype("<u2")


def states(job: Job, chosen: pa.Table, has_slider: dict[str, Flags]) -> np.ndarray:
    """One of FIXED to KEPT for each document; uint8."""
    ids = chosen["id"].to_pylist()
    last = F.col("id") <= (ids[-1] if ids else "")
    removed = removals(job, last)
    copied = {row["id"] for row in job.read("duplicates").where(last & F.expr("id = kept_id")).select("id").collect()}
    found = np.full(len(ids), KEPT, np.uint8)
    for i, identity in enumerate(ids):
        if identity in removed:
            stage, broken = removed[identity]
            can_change = all(reason in has_slider and has_slider[reason][i] for reason in broken)
            found[i] = LATER if stage != "filter" else FILTERED if can_change else FIXED
        elif identity in copied:
            found[i] = KEPT_OF_MANY
    return found


def removals(job: Job, chosen: Column) -> dict[str, tuple[str, list[str]]]:
    """id -> the stage that removed it, and all bounds that it does not meet."""
    ledgers = job.read(*[f"ledger/{stage}" for stage in STAGES]).where(chosen).select("id", "stage", "broken")
    return {row["id"]: (row["stage"], row["broken"] or []) for row in ledgers.collect()}
