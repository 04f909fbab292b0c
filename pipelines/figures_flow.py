"""Where the documents went: by stage, source, language and domain, and for which reasons. All exact.

Joins the narrow columns of `signals` (about 100 bytes a document) with the ledgers once; everything else is counts.
"""

from collections import Counter
from collections.abc import Iterable

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.run import Json
from pipelines.stage import Job

STAGES = ("filter", "dedup", "decontaminate")
MAX_SOURCES = 250
MAX_LANGUAGES = 60
MAX_DOMAINS = 200
MAX_OVERLAP = 15
SCORE_BINS = 50
HOST = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:]+)"
OTHERS = "(others)"


def fates(job: Job) -> DataFrame:
    """One row per document: its source, language, host, length, and the stage that removed it (null: kept)."""
    removed = job.read(*[f"ledger/stage={stage}" for stage in STAGES]).select("id", "stage", "broken")
    documents = job.read("signals").select(
        "id", "source", "language", "n_chars", "n_words",
        F.nullif(F.rtrim(F.lower(F.regexp_extract("url", HOST, 1)), F.lit(".")), F.lit("")).alias("host"),
    )  # fmt: skip
    return documents.join(removed, "id", "left")


def places(documents: DataFrame) -> list[Json]:
    """Documents, characters and words of every source, language and fate."""
    sums = [F.count("id").alias("documents"), F.sum("n_chars").alias("characters"), F.sum("n_words").alias("words")]
    rows = documents.groupBy("source", "language", "stage").agg(*sums).orderBy("source", "language", "stage").toArrow()
    return rows.to_pylist()


def by_fate(rows: Iterable[Json], key: str) -> dict[str, Json]:
    """Value of `key` -> documents, characters, words; removed {stage: {documents, characters}}; kept {...}."""
    found: dict[str, Json] = {}
    for row in rows:
        one = found.setdefault(row[key], {"total": Counter(), **{stage: Counter() for stage in (*STAGES, "kept")}})
        counts = {name: row[name] for name in ("documents", "characters", "words")}
        one["total"].update(counts)
        one[row["stage"] or "kept"].update(counts)
    return found


def largest(found: dict[str, Json], n: int) -> list[tuple[str, Json]]:
    """The `n` with most documents, largest first; what is beyond is summed up as "(others)"."""
    ordered = sorted(found.items(), key=lambda item: (-item[1]["total"]["documents"], item[0]))
    if len(ordered) <= n:
        return ordered
    others: Json = {name: Counter() for name in ("total", *STAGES, "kept")}
    for _, one in ordered[n - 1 :]:
        for name, counts in one.items():
            others[name].update(counts)
    return [*ordered[: n - 1], (OTHERS, others)]


def funnel(job: Job, rows: list[Json], packed: list[Json]) -> Json:
    """Documents, characters and tokens in and removed by stage, of all and of each source.

    Only text that is kept is tokenized. Tokens of the rest are estimated from their characters, at the rate of the
    source's kept text (of all kept text where the source keeps none).
    """
    tokens = Counter[str]()
    for row in packed:
        tokens[row["source"]] += row["tokens"]
    found = by_fate(rows, "source")
    kept_chars = sum(one["kept"]["characters"] for one in found.values())
    overall = tokens.total() / kept_chars if kept_chars else 0.0
    rates = {
        source: tokens[source] / one["kept"]["characters"] if one["kept"]["characters"] else overall
        for source, one in found.items()
    }
    totals = {
        name: _with_tokens([(rates[s], one[name]) for s, one in found.items()]) for name in ("total", *STAGES, "kept")
    }
    return {
        "basis": "exact; tokens of removed documents are estimated from their characters",
        "stages": _stages(totals),
        "kept": {**totals["kept"], "tokens": tokens.total()},
        "sources": [_source(source, one, tokens.get(source)) for source, one in largest(found, MAX_SOURCES)],
        "n_sources": len(found),
        "records": records(job),
    }


def _source(source: str, one: Json, tokens: int | None) -> Json:
    return {
        "source": source,
        "documents": one["total"]["documents"],
        "characters": one["total"]["characters"],
        "removed": {stage: one[stage]["documents"] for stage in STAGES},
        "kept": one["kept"]["documents"],
        "kept_characters": one["kept"]["characters"],
        "tokens": tokens,
    }


def _with_tokens(parts: list[tuple[float, Counter[str]]]) -> Json:
    return {
        "documents": sum(part["documents"] for _, part in parts),
        "characters": sum(part["characters"] for _, part in parts),
        "tokens": round(sum(rate * part["characters"] for rate, part in parts)),
    }


def _stages(totals: dict[str, Json]) -> list[Json]:
    """What enters each stage, what it removes and what it passes on; the last passes on what is kept."""
    rows = []
    entering = totals["total"]
    for stage in STAGES:
        passed = {name: entering[name] - totals[stage][name] for name in entering}
        rows.append({"stage": stage, "in": entering, "removed": totals[stage], "out": passed})
        entering = passed
    return rows


def records(job: Job) -> list[Json]:
    """What became of the records of each input: skipped as no content, damaged, without text, or documents."""
    ingested = job.run.committed("ingest")
    found: dict[str, Json] = {}
    for file in ingested.counts["files"] if ingested else []:
        one = found.setdefault(
            file["source"], {"files": 0, "records": 0, "skipped": 0, "quarantined": 0, "removed": 0, "documents": 0}
        )
        one["files"] += 1
        one["skipped"] += sum(file["skipped"].values())
        for name in ("records", "quarantined", "removed", "documents"):
            one[name] += file[name]
    return [{"input": source, **one} for source, one in sorted(found.items())]


def reasons(job: Job, documents: DataFrame, rows: list[Json], order: list[str]) -> Json:
    """For each reason the documents it decided, those it would remove alone, and those that nothing else removes.

    `order` is that in which the bounds are tried; stages without bounds decide only.
    """
    filtered = documents.where("stage = 'filter'").select(
        "source", "language", "broken", F.posexplode("broken").alias("place", "reason")
    )
    sums = [
        F.count("reason").alias("alone"),
        F.count_if(F.col("place") == 0).alias("deciding"),
        F.count_if(F.size("broken") == 1).alias("only"),
    ]
    counted = filtered.groupBy("source", "language", "reason").agg(*sums).toArrow().to_pylist()
    bounds = [_reason("filter", reason, [row for row in counted if row["reason"] == reason]) for reason in order]
    return {
        "basis": "exact",
        "documents": sum(row["documents"] for row in rows),
        "rows": [
            *stage_reasons(job, "ingest"),
            *bounds,
            *stage_reasons(job, "dedup"),
            *stage_reasons(job, "decontaminate"),
        ],
        "overlap": overlap(job, bounds),
    }


def _reason(stage: str, reason: str, counted: list[Json]) -> Json:
    totals = {name: sum(row[name] for row in counted) for name in ("deciding", "alone", "only")}
    return {
        "stage": stage,
        "reason": reason,
        **totals,
        "by_source": _alone(counted, "source"),
        "by_language": _alone(counted, "language"),
    }


def _alone(counted: list[Json], key: str) -> dict[str, int]:
    found = Counter[str]()
    for row in counted:
        found[row[key]] += row["alone"]
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0]))[:MAX_SOURCES])


def stage_reasons(job: Job, stage: str) -> list[Json]:
    """Reasons of a stage that stops at the first: no document is counted twice."""
    rows = (
        job.read(f"ledger/stage={stage}")
        .groupBy("reason", "source")
        .agg(F.count("id").alias("alone"))
        .toArrow()
        .to_pylist()
    )
    found = []
    for reason in sorted({row["reason"] for row in rows}):
        chosen = [row for row in rows if row["reason"] == reason]
        deciding = sum(row["alone"] for row in chosen)
        found.append(
            {
                "stage": stage,
                "reason": reason,
                "deciding": deciding,
                "alone": None,
                "only": None,
                "by_source": _alone(chosen, "source"),
            }
        )
    return found


def overlap(job: Job, bounds: list[Json]) -> Json:
    """Documents that miss both of two bounds, for the bounds that the most documents miss."""
    names = [row["reason"] for row in sorted(bounds, key=lambda row: -row["alone"])[:MAX_OVERLAP] if row["alone"]]
    broken = (
        job.read("ledger/stage=filter").select("broken", F.explode("broken").alias("a")).where(F.col("a").isin(names))
    )
    pairs = broken.select("a", F.explode("broken").alias("b")).where(F.col("b").isin(names)).groupBy("a", "b").count()
    counts = {(row["a"], row["b"]): row["count"] for row in pairs.toArrow().to_pylist()} if names else {}
    return {"reasons": names, "counts": [[counts.get((a, b), 0) for b in names] for a in names]}


def languages(job: Job, rows: list[Json]) -> Json:
    """Documents by language, what is kept of them, and how sure the model was of the label."""
    place = F.least(F.floor(F.col("language_score") * SCORE_BINS), F.lit(SCORE_BINS - 1)).cast("int").alias("bin")
    counted = job.read("signals").groupBy("language", place).count().toArrow().to_pylist()
    scores: dict[str, list[int]] = {}
    for row in counted:
        if row["bin"] is not None:
            scores.setdefault(row["language"], [0] * SCORE_BINS)[row["bin"]] = row["count"]
    found = by_fate(rows, "language")
    return {
        "basis": "exact",
        "n_languages": len(found),
        "rows": [
            {
                "language": language,
                "documents": one["total"]["documents"],
                "characters": one["total"]["characters"],
                "kept": one["kept"]["documents"],
                "kept_characters": one["kept"]["characters"],
                "scores": scores.get(language),
            }
            for language, one in largest(found, MAX_LANGUAGES)
        ],
    }


def domains(documents: DataFrame) -> Json:
    """The hosts with the most characters, and what is kept of each."""
    kept = F.col("stage").isNull()
    sums = [
        F.count("id").alias("documents"),
        F.count_if(kept).alias("kept"),
        F.sum("n_chars").alias("characters"),
        F.coalesce(F.sum(F.when(kept, F.col("n_chars"))), F.lit(0)).alias("kept_characters"),
    ]
    by_host = documents.where("host is not null").groupBy("host").agg(*sums)
    if not (n_hosts := by_host.count()):
        return {"not_computed": "no document has a URL"}
    top = by_host.orderBy(F.desc("characters"), "host").limit(MAX_DOMAINS).toArrow().to_pylist()
    return {"basis": "exact", "n_domains": n_hosts, "rows": top}
