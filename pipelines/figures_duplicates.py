"""Duplicates and overlap with evaluation sets, from the tables that hold them. Exact, but for the chance, a theory."""

from pyspark.sql import functions as F

from pipelines.dedup import DedupSettings
from pipelines.run import Json
from pipelines.stage import Job

SIMILARITY_BINS = 50
LARGEST = 20


def duplicates(job: Job, dedup: DedupSettings) -> Json:
    """Sizes of clusters, similarities, the largest clusters, and what the bands can find."""
    table = job.read("duplicates")
    octave = F.ceil(F.log2("cluster_size")).cast("int").alias("octave")
    sizes = table.where("id = kept_id").groupBy(octave).agg(F.count("id"), F.sum("cluster_size"))
    rows = [
        {"size": size_range(octave), "clusters": clusters, "documents": documents}
        for octave, clusters, documents in sizes.orderBy("octave").collect()
    ]
    return {
        "basis": "exact",
        "engine": dedup.engine,
        "threshold": dedup.threshold,
        "n_clusters": sum(row["clusters"] for row in rows),
        "sizes": rows,
        "similarities": similarities(job),
        "largest": largest_clusters(job),
        "chance": chance(dedup),
    }


def size_range(octave: int) -> str:
    """The sizes whose base-2 logarithm rounds up to `octave`.

    >>> size_range(1), size_range(3)
    ('2', '5-8')
    """
    return "2" if octave <= 1 else f"{2 ** (octave - 1) + 1}-{2**octave}"


def similarities(job: Job) -> list[int]:
    """Near-duplicates by their Jaccard similarity with the document kept, in SIMILARITY_BINS bins from 0 to 1."""
    place = F.least(F.floor(F.col("similarity") * SIMILARITY_BINS), F.lit(SIMILARITY_BINS - 1)).cast("int").alias("bin")
    rows = job.read("duplicates").where("kind = 'near' and similarity is not null").groupBy(place).count().collect()
    counts = {row["bin"]: row["count"] for row in rows}
    return [counts.get(i, 0) for i in range(SIMILARITY_BINS)]


def largest_clusters(job: Job) -> list[Json]:
    """The clusters of most documents: how they were found, and the preferred one, where it is of this run."""
    table = job.read("duplicates")
    kept = table.where("id = kept_id").orderBy(F.desc("cluster_size"), "cluster_id").limit(LARGEST)
    rows = kept.select("cluster_id", "cluster_size", "kept_id").toArrow().to_pylist()
    chosen = table.where(F.col("cluster_id").isin([row["cluster_id"] for row in rows])).where("id <> kept_id")
    kinds = F.array_join(F.array_sort(F.collect_set("kind")), ", ").alias("kinds")  # noqa: TID251 - sorted here
    found = chosen.groupBy("cluster_id").agg(kinds, F.min("similarity").alias("least_similarity")).collect()
    by_cluster = {row["cluster_id"]: row.asDict() for row in found}
    kept_ids = F.col("id").isin([row["kept_id"] for row in rows])
    texts = job.read("signals").where(kept_ids).select(F.col("id").alias("kept_id"), "source", "url", "excerpt")
    by_id = {row["kept_id"]: row.asDict() for row in texts.collect()}
    elsewhere = {"kinds": "", "least_similarity": None}  # all its other members are of earlier snapshots
    return [{**row, **by_cluster.get(row["cluster_id"], elsewhere), **by_id[row["kept_id"]]} for row in rows]


def chance(dedup: DedupSettings) -> Json | None:
    """Chance that two documents share a band, by their similarity: 1 - (1 - s^rows)^bands (Leskovec, Rajaraman and
    Ullman, Mining of Massive Datasets, section 3.4.2); None where nothing is banded."""
    if dedup.engine != "bands":
        return None
    points = sorted({*(i / 10 for i in range(4, 11)), dedup.threshold})
    found = [{"similarity": s, "chance": round(1 - (1 - s**dedup.rows) ** dedup.bands, 6)} for s in points]
    return {"bands": dedup.bands, "rows": dedup.rows, "points": found}


def decontamination(job: Job) -> Json:
    """Documents removed by evaluation set; an item is written as set:item:field in the ledger."""
    decontaminated = job.run.committed("decontaminate")
    settings = decontaminated.identity["settings"]["decontaminate"] if decontaminated else {}
    if not settings.get("sets"):
        return {"not_computed": "no evaluation set is named in decontaminate.sets"}
    ledger = job.read("ledger/decontaminate").withColumn("set", F.substring_index("matched_id", ":", 1))
    sums = [F.count("id").alias("documents"), F.count_distinct("matched_id").alias("items")]
    hits = {row["set"]: row.asDict() for row in ledger.groupBy("set").agg(*sums).collect()}
    names = sorted({one["name"] for one in settings["sets"]} | hits.keys())
    return {
        "basis": "exact",
        "n": settings["n"],
        "share": settings["share"],
        "rows": [hits.get(name, {"set": name, "documents": 0, "items": 0}) for name in names],
    }
