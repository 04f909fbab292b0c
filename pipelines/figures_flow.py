"""Where the records went: by stage, input, source, language and host, and for which reasons. All exact.

Joins the narrow columns of `signals` (about 100 bytes a document) with the ledgers once; everything else is counts.
"""

from collections import Counter
from collections.abc import Iterable

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.run import Json
from pipelines.stage import Job

STAGES = ("filter", "dedup", "decontaminate", "refine")
FATES = (*STAGES, "kept")
MAX_SOURCES = 250
MAX_LANGUAGES = 60
MAX_HOSTS = 100
HOST = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:]+)"
OTHERS = "(others)"


def fates(job: Job) -> DataFrame:
    """One row per document: source, language, host, length, the stage that removed it or `kept`, and bounds not met."""
    removed = job.read(*[f"ledger/{stage}" for stage in STAGES]).select("id", "stage", "broken")
    host = F.rtrim(F.lower(F.regexp_extract("url", HOST, 1)), F.lit("."))
    documents = job.read("signals").select(
        "id", "source", "language", "n_chars", "n_words", F.nullif(host, F.lit("")).alias("host")
    )
    fate = F.coalesce("stage", F.lit("kept")).alias("fate")
    return documents.join(removed, "id", "left").select(*documents.columns, fate, "broken")


def places(documents: DataFrame) -> list[Json]:
    """Documents, characters and words of every source, language and fate."""
    sums = [F.count("id").alias("documents"), F.sum("n_chars").alias("characters"), F.sum("n_words").alias("words")]
    rows = documents.groupBy("source", "language", "fate").agg(*sums).orderBy("source", "language", "fate").toArrow()
    return rows.to_pylist()


def by_fate(rows: Iterable[Json], key: str, limit: int) -> list[Json]:
    """For each value of `key`: its documents, characters, documents by fate, and characters kept; the largest first.

    Beyond `limit` values, the rest are one row, "(others)".
    """
    found: dict[str, Counter[str]] = {}
    for row in rows:
        counts = {"documents": row["documents"], "characters": row["characters"], row["fate"]: row["documents"]}
        if row["fate"] == "kept":
            counts["kept_characters"] = row["characters"]
        found.setdefault(row[key], Counter()).update(counts)
    ordered = sorted(found.items(), key=lambda item: (-item[1]["documents"], item[0]))
    if len(ordered) > limit:
        others = sum((counts for _, counts in ordered[limit - 1 :]), Counter[str]())
        ordered = [*ordered[: limit - 1], (OTHERS, others)]
    names = ("documents", "characters", *FATES, "kept_characters")
    return [{key: name, **{column: counts[column] for column in names}} for name, counts in ordered]


def funnel(job: Job, rows: list[Json]) -> Json:
    """What became of every record: of all, of each input, and from documents on of each source."""
    ingested = job.run.committed("ingest")
    files = ingested.counts["files"] if ingested else []
    inputs, skipped, read = records(files), Counter[str](), Counter[str]()
    for file in files:
        skipped.update(file["skipped"])
    for one in inputs:
        read.update({name: n for name, n in one.items() if name != "input"})
    characters, removed = Counter[str](), Counter[str]()
    for row in rows:
        characters[row["fate"]] += row["characters"]
        removed[row["fate"]] += row["documents"]
    without_text = {"no content": read["skipped"], "damaged": read["quarantined"], "no text": read["removed"]}
    documents = {**{stage: removed[stage] for stage in STAGES}, "kept": job.table("clean").n_rows}
    return {
        "basis": "exact",
        "files": read["files"],
        "records": read["records"],
        "documents": read["documents"],
        "characters": characters.total(),
        "kept_characters": characters["kept"],
        "fates": [{"fate": fate, "records": n} for fate, n in (without_text | documents).items()],
        "skipped": dict(sorted(skipped.items())),
        "inputs": inputs,
        "n_sources": len({row["source"] for row in rows}),
        "sources": with_clean(by_fate(rows, "source", MAX_SOURCES), job),
    }


def with_clean(sources: list[Json], job: Job) -> list[Json]:
    """The rows, each with the documents of its source that stand in `clean`, counted there."""
    counted = Counter({row["source"]: row["count"] for row in job.read("clean").groupBy("source").count().collect()})
    return [
        {**row, "clean": counted.total() if row["source"] == OTHERS else counted.pop(row["source"], 0)}
        for row in sources
    ]


def records(files: list[Json]) -> list[Json]:
    """What became of the records of each input: skipped as no content, damaged, without text, or documents."""
    found: dict[str, Counter[str]] = {}
    for file in files:
        counts = {name: file[name] for name in ("records", "quarantined", "removed", "documents")}
        skipped = sum(file["skipped"].values())
        found.setdefault(file["source"], Counter()).update({"files": 1, "skipped": skipped, **counts})
    names = ("files", "records", "skipped", "quarantined", "removed", "documents")
    return [{"input": source, **{name: counts[name] for name in names}} for source, counts in sorted(found.items())]


def reasons(job: Job, documents: DataFrame, order: list[str]) -> Json:
    """For each reason the documents it decided; for bounds also those they would remove alone, and those that nothing
    else removes. `order` is that in which the bounds are tried."""
    counted = count_bounds(documents)
    return {
        "basis": "exact",
        "rows": [
            *stage_reasons(job, "ingest", "quarantined"),
            *stage_reasons(job, "ingest", "removed"),
            *[_bound(reason, [row for row in counted if row["reason"] == reason]) for reason in order],
            *stage_reasons(job, "dedup", "removed"),
            *stage_reasons(job, "decontaminate", "removed"),
            *stage_reasons(job, "refine", "removed"),
        ],
    }


def count_bounds(documents: DataFrame) -> list[Json]:
    """Of every source, language and reason of the filter: documents alone, deciding and only (see `reasons`)."""
    filtered = documents.where("fate = 'filter'").select(
        "source", "language", "broken", F.posexplode("broken").alias("place", "reason")
    )
    sums = [
        F.count("reason").alias("alone"),
        F.count_if(F.col("place") == 0).alias("deciding"),
        F.count_if(F.size("broken") == 1).alias("only"),
    ]
    return filtered.groupBy("source", "language", "reason").agg(*sums).toArrow().to_pylist()


def _bound(reason: str, counted: list[Json]) -> Json:
    totals = {name: sum(row[name] for row in counted) for name in ("deciding", "alone", "only")}
    groups = {f"by_{key}": _largest(counted, key, "alone") for key in ("source", "language")}
    return {"stage": "filter", "reason": reason, **totals, **groups}


def stage_reasons(job: Job, stage: str, counts: str) -> list[Json]:
    """Reasons of a stage that stops at the first: no document is counted twice."""
    committed = job.run.committed(stage)
    rows = committed.counts[counts] if committed else []
    return [
        {
            "stage": stage,
            "reason": reason,
            "deciding": sum(row["n"] for row in rows if row["reason"] == reason),
            "alone": None,
            "only": None,
            "by_source": _largest([row for row in rows if row["reason"] == reason], "source", "n"),
            "by_language": None,
        }
        for reason in sorted({row["reason"] for row in rows})
    ]


def _largest(rows: list[Json], key: str, count: str) -> dict[str, int]:
    """Sum of `count` by the value of `key`, the largest first, at most MAX_SOURCES of them."""
    found = Counter[str]()
    for row in rows:
        found[row[key]] += row[count]
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0]))[:MAX_SOURCES])


def languages(rows: list[Json]) -> Json:
    """Documents by language, and what became of them."""
    n_languages = len({row["language"] for row in rows})
    return {"basis": "exact", "n_languages": n_languages, "rows": by_fate(rows, "language", MAX_LANGUAGES)}


def hosts(documents: DataFrame) -> Json:
    """The hosts with the most characters, and what is kept of each."""
    is_kept = F.col("fate") == "kept"
    sums = [
        F.count("id").alias("documents"),
        F.count_if(is_kept).alias("kept"),
        F.sum("n_chars").alias("characters"),
        F.sum(F.when(is_kept, F.col("n_chars")).otherwise(0)).alias("kept_characters"),
    ]
    by_host = documents.where("host is not null").groupBy("host").agg(*sums)
    if not (n_hosts := by_host.count()):
        return {"not_computed": "no document has a URL"}
    top = by_host.orderBy(F.desc("characters"), "host").limit(MAX_HOSTS).toArrow().to_pylist()
    return {"basis": "exact", "n_hosts": n_hosts, "rows": top}
