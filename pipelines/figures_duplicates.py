"""Duplicates and overlap with evaluation sets, from the tables that hold them. All exact but the curve, which is theory."""

from collections import Counter

from pyspark.sql import functions as F

from pipelines.dedup import DedupSettings
from pipelines.run import Json
from pipelines.stage import Job

SIMILARITY_BINS = 50
LARGEST = 20


def duplicates(job: Job, dedup: DedupSettings) -> Json:
    """Kinds of duplicates, sizes of clusters, similarities, the largest clusters, and what the bands can find."""
    table = job.read("duplicates")
    sizes = table.groupBy("cluster_id").agg(F.count("id").alias("size"))
    octaves = sizes.groupBy(F.ceil(F.log2("size")).cast("int").alias("octave")).agg(
        F.count("size").alias("n"), F.sum("size").alias("documents")
    )
    return {
        "basis": "exact",
        "kinds": {
            row["kind"]: row["count"]
            for row in table.where("kind <> 'kept'").groupBy("kind").count().orderBy("kind").collect()
        },
        "n_clusters": job.table("duplicates").n_rows and sizes.count(),
        "cluster_sizes": [
            {"size": cluster_size(row["octave"]), "clusters": row["n"], "documents": row["documents"]}
            for row in octaves.orderBy("octave").collect()
        ],
        "similarities": similarities(job),
        "largest": largest_clusters(job),
        "threshold": dedup.threshold,
        "curve": s_curve(dedup),
    }


def cluster_size(octave: int) -> str:
    """The sizes whose base-2 logarithm rounds up to `octave`: "2", "3-4", "5-8"."""
    return "2" if octave <= 1 else f"{2 ** (octave - 1) + 1}-{2**octave}"


def similarities(job: Job) -> Json:
    """Near-duplicates by their Jaccard similarity: with the document kept, and with the nearest of the cluster."""
    found: Json = {"bins": SIMILARITY_BINS}
    for name in ("similarity", "matched_similarity"):
        place = F.least(F.floor(F.col(name) * SIMILARITY_BINS), F.lit(SIMILARITY_BINS - 1)).cast("int").alias("bin")
        rows = job.read("duplicates").where(f"kind = 'near' and {name} is not null").groupBy(place).count().collect()
        counts = Counter({row["bin"]: row["count"] for row in rows})
        found[name] = [counts[i] for i in range(SIMILARITY_BINS)]
    return found


def largest_clusters(job: Job) -> list[Json]:
    """The clusters of most documents, with the one that was kept."""
    grouped = job.read("duplicates").groupBy("cluster_id", "kept_id").agg(
        F.count("id").alias("size"), F.min("similarity").alias("least_similarity"),
        F.array_sort(F.collect_set(F.when(F.col("kind") != "kept", F.col("kind")))).alias("kinds"),
    )  # fmt: skip
    rows = grouped.orderBy(F.desc("size"), "cluster_id").limit(LARGEST).toArrow().to_pylist()
    kept = (
        job.read("signals")
        .where(F.col("id").isin([row["kept_id"] for row in rows]))
        .select("id", "source", "url", "excerpt")
    )
    known = {row["id"]: row.asDict() for row in kept.collect()}
    return [
        {**row, **{name: known.get(row["kept_id"], {}).get(name) for name in ("source", "url", "excerpt")}}
        for row in rows
    ]


def s_curve(dedup: DedupSettings) -> Json | None:
    """Chance that two documents share a band, by their similarity: 1 - (1 - s^rows)^bands (Leskovec, Rajaraman and
    Ullman, Mining of Massive Datasets, section 3.4.2); None where nothing is banded."""
    if dedup.engine != "bands":
        return None
    points = [i / 100 for i in range(101)]
    found = [1 - (1 - s**dedup.rows) ** dedup.bands for s in (*points, dedup.threshold)]
    return {
        "bands": dedup.bands,
        "rows": dedup.rows,
        "chances": [round(p, 6) for p in found[:-1]],
        "at_threshold": round(found[-1], 6),
    }


def decontamination(job: Job) -> Json:
    """Documents removed by evaluation set; an item is written as set:item:field in the ledger."""
    decontaminated = job.run.committed("decontaminate")
    settings = decontaminated.identity["settings"]["decontaminate"] if decontaminated else {}
    if not settings.get("sets"):
        return {"not_computed": "no evaluation set is named in decontaminate.sets"}
    ledger = job.read("ledger/stage=decontaminate").withColumn("set", F.substring_index("matched_id", ":", 1))
    rows = (
        ledger.groupBy("set")
        .agg(F.count("id").alias("documents"), F.count_distinct("matched_id").alias("items"))
        .toArrow()
        .to_pylist()
    )
    hits = {row["set"]: row for row in rows}
    names = sorted({one["name"] for one in settings["sets"]} | hits.keys())
    return {
        "basis": "exact",
        "n": settings["n"],
        "share": settings["share"],
        "rows": [hits.get(name, {"set": name, "documents": 0, "items": 0}) for name in names],
    }
