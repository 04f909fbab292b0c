"""validate: the data contract of a run, as Great Expectations suites over aggregates.

One aggregation pass a table gives a row of figures (counts, extremes); the expectations are about those figures, so no
text from the crawl ever reaches a page that Great Expectations renders. Shares (of what each reason removes, of
duplicates, of languages) can be bounded, and compared with those of an earlier run.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from pydantic import Field
from pyspark.sql import Column, Window
from pyspark.sql import functions as F

from conf.model import Model
from pipelines.expectations import Expectation, check
from pipelines.stage import Job
from pipelines.tables import schema_of
from pipelines.tokenizer import write_file
from udfs import files
from udfs.errors import ContractError

PROBABILITIES = ("language_score", "quality_score", "similarity", "matched_similarity")
NEVER_NULL = ("id", "source", "stage", "reason", "file_path", "record_offset", "text", "cluster_id", "kept_id")
WITHOUT_OWN_ID = ("quarantine", "passages")
"""Tables with a row that is no document of its own."""
REMOVING = ("ledger/filter", "ledger/dedup", "ledger/decontaminate", "ledger/refine")
MAX_BYTES_A_CHARACTER = 4
SHARE, CHANGE = "share ", "change of the share "
RESULTS = "results.json"
NO_DIGEST = "0" * 32


class ValidateSettings(Model):
    places: ClassVar[frozenset[str]] = frozenset({"against"})

    max_removed_share: float | None = Field(default=None, ge=0, le=1)
    """Fail when one reason removes a larger share of a source's documents; null is off."""
    max_duplicate_share: float | None = Field(default=None, ge=0, le=1)
    """Fail when a larger share of all documents is removed as duplicates; null is off."""
    against: str | None = None
    """Run directory of an earlier run: fail when a share differs by more than `max_drift` from what it was there."""
    max_drift: float = Field(default=0.1, ge=0, le=1)
    """Largest change of a share since that run: of a source's documents removed for a reason, of all documents removed
    as duplicates, of all documents in a language."""

    def outside_files(self) -> dict[str, str]:
        return {"against": files.join(self.against, "validation", RESULTS)} if self.against else {}


def validate(job: Job, validation: ValidateSettings) -> None:
    """Every table -> validation/ (results.json, data_docs/); raises ContractError naming the expectations not met."""
    found = shares(job, validation)
    results, pages = check(
        [
            *[
                expectation
                for table in sorted(job.upstream)
                if table != "shards"
                for expectation in of_table(job, table)
            ],
            *conservation(job),
            *of_passages(job),
            *found,
            *drift(found, validation),
            *of_shards(job),
        ]
    )
    data = json.dumps({"success": all(row["success"] for row in results), "results": results}, indent=1)
    docs = [write_file(job, "validation", f"data_docs/{name}", page) for name, page in sorted(pages.items())]
    timeless = [replace(page, digest=NO_DIGEST) for page in docs]  # they name the time of the run
    job.add("validation", [write_file(job, "validation", RESULTS, data.encode()), *timeless])
    job.counts |= {"expectations": len(results), "failed": sum(not row["success"] for row in results)}
    broken = [f"{row['table']}: {row['figure']} is {row['value']}" for row in results if not row["success"]]
    if broken:
        raise ContractError("data contract broken: " + "; ".join(broken), f"see {job.run.path('validation', RESULTS)}")


def of_table(job: Job, table: str) -> list[Expectation]:
    """What holds for any table with these columns: ids are there and unique, scores are probabilities."""
    names = schema_of(table).names
    frame = job.read(table)
    figures: dict[str, tuple[Column, float | None, float | None]] = {
        "rows": (F.count(F.lit(1)), job.table(table).n_rows, job.table(table).n_rows)
    }
    if table not in WITHOUT_OWN_ID:
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
    for table in (*REMOVING, "clean"):
        left.subtract(per_source(job, table))
    return [
        *[Expectation("ingest", f"records lost of {name}", n, 0, 0) for name, n in sorted(lost.items())],
        *[Expectation("clean", f"documents lost of {source}", n, 0, 0) for source, n in sorted(left.items())],
    ]


def per_source(job: Job, table: str) -> Counter[str]:
    return Counter({row["source"]: row["count"] for row in job.read(table).groupBy("source").count().collect()})


def of_passages(job: Job) -> list[Expectation]:
    """What was cut stood in documents that `refine` had, each stretch once, and stands first in another such document
    or before: those come first by their ids."""
    if not job.table("passages").n_rows:
        return []
    passages = job.read("passages")
    left = job.read("clean").select("id").union(job.read("ledger/refine").select("id"))
    before = F.lag("end", 1, 0).over(Window.partitionBy("id", "unit").orderBy("start"))
    too_far = F.col("end") > MAX_BYTES_A_CHARACTER * F.col("n_chars")
    stretches = passages.join(job.read("signals").select("id", "n_chars"), "id")
    wrong = stretches.select(((F.col("start") < before) | (F.col("end") <= F.col("start")) | too_far).alias("is_wrong"))
    found = {
        "of documents that were not left": passages.join(left, "id", "left_anti"),
        "first in documents that were not left": passages.join(left.toDF("first_id"), "first_id", "left_anti"),
        "first in documents of later ids": passages.where("first_id > id"),
        "that overlap or lie outside of their text": wrong.where("is_wrong"),
    }
    return [Expectation("passages", figure, rows.count(), 0, 0) for figure, rows in found.items()]


def shares(job: Job, validation: ValidateSettings) -> list[Expectation]:
    """Of a source's documents what each reason removes; of all documents the duplicates, and each language."""
    documents = per_source(job, "documents")
    n_documents = max(1, documents.total())
    removed = job.read(*REMOVING).groupBy("source", "reason").count().orderBy("source", "reason").collect()
    languages = job.read("signals").groupBy("language").count().orderBy("language").collect()
    limit = 1.0 if validation.max_removed_share is None else validation.max_removed_share
    duplicate_limit = 1.0 if validation.max_duplicate_share is None else validation.max_duplicate_share
    n_duplicates = job.table("ledger/dedup").n_rows
    return [
        *[
            Expectation(
                f"source {row['source']}",
                f"{SHARE}removed for {row['reason']}",
                row["count"] / documents[row["source"]],
                0,
                limit,
            )
            for row in removed
        ],
        Expectation("documents", f"{SHARE}removed as duplicates", n_duplicates / n_documents, 0, duplicate_limit),
        *[
            Expectation("documents", f"{SHARE}in {row['language']}", row["count"] / n_documents, 0, 1)
            for row in languages
        ],
    ]


def drift(found: Iterable[Expectation], validation: ValidateSettings) -> list[Expectation]:
    """How much each share has changed since the earlier run; one that is not there is 0."""
    if validation.against is None:
        return []
    rows = json.loads(files.read_bytes(validation.outside_files()["against"]))["results"]
    before = {(row["table"], row["figure"]): row["value"] for row in rows if row["figure"].startswith(SHARE)}
    now = {(one.table, one.figure): one.value or 0.0 for one in found}
    return [
        Expectation(
            table,
            CHANGE + figure.removeprefix(SHARE),
            now.get((table, figure), 0.0) - before.get((table, figure), 0.0),
            -validation.max_drift,
            validation.max_drift,
        )
        for table, figure in sorted(now.keys() | before.keys())
    ]


def of_shards(job: Job) -> list[Expectation]:
    """Every clean document is in the shards once, or as often as the mixture repeats it."""
    packed = job.run.committed("pack")
    assert packed is not None  # the job has found its shards
    n_docs, bounds = packed.counts["totals"]["n_docs"], packed.counts["documents"]
    return [Expectation("shards", "documents", n_docs, bounds["least"], bounds["most"])]
