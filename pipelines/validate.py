"""validate: the data contract of a run, as Great Expectations suites over aggregates.

One aggregation pass a table gives a row of figures (counts, extremes); the expectations are about those figures, so no
text from the crawl ever reaches a page that Great Expectations renders. Its pages do not escape cell values.
"""

import json
import os
from collections import Counter
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F

from conf.model import Model
from pipelines.stage import Job
from pipelines.tables import schema_of
from pipelines.tokenizer import write_file
from udfs.errors import ContractError

PROBABILITIES = ("language_score", "quality_score", "similarity", "matched_similarity")
NEVER_NULL = ("id", "source", "stage", "reason", "file_path", "record_offset", "text", "cluster_id", "kept_id")


class ValidateSettings(Model):
    max_removed_share: float | None = None
    """Fail when one reason removes a larger share of a source's documents; null is off."""


@dataclass(frozen=True)
class Expectation:
    """A figure of a table that has to lie between two values."""

    table: str
    figure: str
    value: float | None
    min: float | None
    max: float | None


def validate(job: Job, validation: ValidateSettings) -> None:
    """Every table -> validation/results.json; raises ContractError naming the expectations that are not met."""
    expectations = [
        *[expectation for table in sorted(job.upstream) if table != "shards" for expectation in of_table(job, table)],
        *conservation(job),
        *shares(job, validation),
        *of_shards(job),
    ]
    results = check(expectations)
    data = json.dumps({"success": all(row["success"] for row in results), "results": results}, indent=1)
    job.add("validation", [write_file(job, "validation", "results.json", data.encode())])
    job.counts |= {"expectations": len(results), "failed": sum(not row["success"] for row in results)}
    broken = [f"{row['table']}: {row['figure']} is {row['value']}" for row in results if not row["success"]]
    if broken:
        raise ContractError(
            "data contract broken: " + "; ".join(broken), f"see {job.run.path('validation', 'results.json')}"
        )


def of_table(job: Job, table: str) -> list[Expectation]:
    """What holds for any table with these columns: ids are there and unique, scores are probabilities."""
    names = schema_of(table).names
    frame = job.read(table)
    figures: dict[str, tuple[Column, float | None, float | None]] = {
        "rows": (F.count(F.lit(1)), job.table(table).n_rows, job.table(table).n_rows)
    }
    if table != "quarantine":
        figures["repeated ids"] = (F.count("id") - F.count_distinct("id"), 0, 0)
    for name in names:
        if name in NEVER_NULL and not (table == "quarantine" and name == "id"):
            figures[f"null {name}"] = (F.count_if(F.col(name).isNull()), 0, 0)
        if name in PROBABILITIES:
            outside = (F.col(name) < 0) | (F.col(name) > 1) | F.isnan(name)
            figures[f"{name} outside 0 to 1"] = (F.count_if(outside), 0, 0)
    row = frame.agg(*[figure.alias(str(i)) for i, (figure, _, _) in enumerate(figures.values())]).first()
    assert row is not None  # an aggregation without groups has one row
    return [
        Expectation(table, name, float(row[i]), low, high) for i, (name, (_, low, high)) in enumerate(figures.items())
    ]


def conservation(job: Job) -> list[Expectation]:
    """Every record is somewhere, once: per input file through ingest, per source from documents to clean."""
    ingest = job.run.committed("ingest")
    files = ingest.counts["files"] if ingest else []
    lost = Counter[str]()
    for file in files:
        found = sum(file["skipped"].values()) + file["quarantined"] + file["removed"] + file["documents"]
        lost[f"{file['source']}/{file['path']}"] = file["records"] - found
    left = per_source(job, "documents")
    left.subtract(per_source(job, "ledger/filter") + per_source(job, "ledger/dedup"))
    left.subtract(per_source(job, "ledger/decontaminate"))
    left.subtract(per_source(job, "clean"))
    return [
        *[Expectation("ingest", f"records lost of {name}", n, 0, 0) for name, n in sorted(lost.items())],
        *[Expectation("clean", f"documents lost of {source}", n, 0, 0) for source, n in sorted(left.items())],
    ]


def per_source(job: Job, table: str) -> Counter[str]:
    return Counter({row["source"]: row["count"] for row in job.read(table).groupBy("source").count().collect()})


def shares(job: Job, validation: ValidateSettings) -> list[Expectation]:
    """No reason removes more of a source than the settings allow."""
    if validation.max_removed_share is None:
        return []
    documents = per_source(job, "documents")
    removed = job.read("ledger/filter", "ledger/dedup", "ledger/decontaminate").groupBy("source", "reason").count()
    return [
        Expectation(
            row["source"],
            f"share removed for {row['reason']}",
            row["count"] / documents[row["source"]],
            0,
            validation.max_removed_share,
        )
        for row in removed.orderBy("source", "reason").collect()
    ]


def of_shards(job: Job) -> list[Expectation]:
    """Every clean document is in the shards once, or as often as the mixture repeats it."""
    packed = job.run.committed("pack")
    assert packed is not None  # the job has found its shards
    n_docs, bounds = packed.counts["totals"]["n_docs"], packed.counts["documents"]
    return [Expectation("shards", "documents", n_docs, bounds["least"], bounds["most"])]


def check(expectations: list[Expectation]) -> list[dict[str, Any]]:
    """Run the expectations through Great Expectations, one suite a table."""
    results = []
    for table in sorted({expectation.table for expectation in expectations}):
        chosen = [expectation for expectation in expectations if expectation.table == table]
        results += run_suite(table, chosen)
    return results


def run_suite(table: str, chosen: list[Expectation]) -> list[dict[str, Any]]:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx  # takes seconds, as pandas does, so only where they are used
    import pandas as pd
    from great_expectations.expectations.core.expect_column_values_to_be_between import ExpectColumnValuesToBeBetween

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}  # pyright: ignore[reportAttributeAccessIssue]
    figures = pd.DataFrame({expectation.figure: [expectation.value] for expectation in chosen})
    batch = (
        context.data_sources.add_pandas(table).add_dataframe_asset(table).add_batch_definition_whole_dataframe(table)
    )
    suite = gx.ExpectationSuite(
        name=table,
        expectations=[ExpectColumnValuesToBeBetween(column=e.figure, min_value=e.min, max_value=e.max) for e in chosen],
    )
    found = batch.get_batch({"dataframe": figures}).validate(context.suites.add(suite))
    configured = [(result.expectation_config, result.success) for result in found.results]
    success = {config.kwargs["column"]: bool(met) for config, met in configured if config is not None}
    return [
        {
            "table": e.table,
            "figure": e.figure,
            "value": e.value,
            "min": e.min,
            "max": e.max,
            "success": success[e.figure],
        }
        for e in chosen
    ]
