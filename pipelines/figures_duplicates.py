"""Duplicates, repeated passages and overlap with evaluation sets, from the tables that hold them. Exact, but for the
chance, a theory."""

from collections.abc import Mapping, Sequence
from itertools import accumulate, islice

from pyspark.sql import functions as F

from pipelines.dedup import DedupSettings
from pipelines.run import Json
from pipelines.stage import Job
from udfs.differences import MAX_CHARS, Row, Run, differences
from udfs.excerpts import Look, Seen

SIMILARITY_BINS = 50
LARGEST = 20
PAIRS = 5
"""Clusters of which two members are shown side by side."""
MAX_LINES = 10
MAX_EQUAL, MAX_DIFFERENT = 120, 300
"""Characters of a stretch of a line; of longer ones the middle is left out."""
MAX_RUNS = 24
"""Stretches of a line, and about MAX_LINE characters; the rest is left out."""
MAX_LINE = 500
ELLIPSIS = " … "


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
    """The clusters of most documents: how they were found, the near-duplicate least similar to the preferred one, and
    that one, where it is of this run."""
    table = job.read("duplicates")
    kept = table.where("id = kept_id").orderBy(F.desc("cluster_size"), "cluster_id").limit(LARGEST)
    rows = kept.select("cluster_id", "cluster_size", "kept_id").toArrow().to_pylist()
    chosen = table.where(F.col("cluster_id").isin([row["cluster_id"] for row in rows])).where("id <> kept_id")
    kinds = F.array_join(F.array_sort(F.collect_set("kind")), ", ").alias("kinds")  # noqa: TID251 - sorted here
    near = F.when(F.col("kind") == "near", F.struct("similarity", "id"))
    least = [F.min("similarity").alias("least_similarity"), F.min(near)["id"].alias("copy_id")]
    found = chosen.groupBy("cluster_id").agg(kinds, *least).collect()
    by_cluster = {row["cluster_id"]: row.asDict() for row in found}
    kept_ids = F.col("id").isin([row["kept_id"] for row in rows])
    texts = job.read("signals").where(kept_ids).select(F.col("id").alias("kept_id"), "source", "url", "excerpt")
    by_id = {row["kept_id"]: row.asDict() for row in texts.collect()}
    elsewhere = {
        "kinds": "",
        "least_similarity": None,
        "copy_id": None,
    }  # all its other members are of earlier snapshots
    return [{**row, **by_cluster.get(row["cluster_id"], elsewhere), **by_id[row["kept_id"]]} for row in rows]


def looks_at_pairs(largest: list[Json]) -> list[Look]:
    """The whole of both texts, of the largest clusters that hold a near-duplicate."""
    chosen = [row for row in largest if row["copy_id"]][:PAIRS]
    return [Look(row[name], n_chars=MAX_CHARS) for row in chosen for name in ("kept_id", "copy_id")]


def pairs(largest: list[Json], seen: Mapping[Look, Seen]) -> list[Json]:
    """The preferred document beside the near-duplicate least similar to it, line by line."""
    texts = {look.id: found.text for look, found in seen.items()}
    return [
        {name: row[name] for name in ("cluster_id", "cluster_size", "kept_id", "copy_id", "least_similarity")}
        | side_by_side(texts[row["kept_id"]], texts[row["copy_id"]])
        for row in largest
        if row["copy_id"] in texts
    ]


def side_by_side(left: str, right: str) -> Json:
    found = differences(left, right)
    rows = [line_json(row) for row in islice(found, MAX_LINES)]
    return {"rows": rows, "n_more": sum(1 for _ in found)}


def line_json(row: Row) -> Json:
    return {"left": runs_json(row.left), "right": runs_json(row.right), "n_equal": row.n_equal}


def runs_json(runs: Sequence[Run]) -> list[Json]:
    shown = [run_json(run) for run in runs[:MAX_RUNS]]
    n_chars = accumulate(len(run["text"]) for run in shown)
    fitting = [run for run, end in zip(shown, n_chars, strict=True) if end <= MAX_LINE]
    return fitting if len(fitting) == len(runs) else [*fitting, {"text": ELLIPSIS, "differs": False}]


def run_json(run: Run) -> Json:
    """
    >>> run_json(("a" * 200, False))["text"] == "a" * 60 + " … " + "a" * 60
    True
    """
    text, differs = run
    half = (MAX_DIFFERENT if differs else MAX_EQUAL) // 2
    is_long = len(text) > 2 * half + len(ELLIPSIS)
    return {"text": text[:half] + ELLIPSIS + text[-half:] if is_long else text, "differs": differs}


def passages(job: Job) -> Json:
    """What was cut by unit, and the passages that cost most: those of one length and one first document are taken for
    one passage."""
    table = job.read("passages").withColumn("bytes", F.col("end") - F.col("start"))
    sums = [F.count("id").alias("passages"), F.count_distinct("id").alias("documents"), F.sum("bytes").alias("bytes")]
    units = table.groupBy("unit").agg(*sums).orderBy("unit").toArrow().to_pylist()
    if not units:
        return {"not_computed": "refine.passages names none to cut, or none stands twice"}
    example = F.min(F.struct("id", "start", "end"))
    same = [F.count("id").alias("passages"), F.sum("bytes").alias("bytes"), example.alias("example")]
    largest = table.groupBy("unit", "first_id", F.col("bytes").alias("size")).agg(*same)
    rows = largest.orderBy(F.desc("bytes"), "first_id", "size", "unit").limit(LARGEST).toArrow().to_pylist()
    return {"basis": "exact", "units": units, "largest": rows}


def look_at_passage(row: Json) -> Look:
    example = row["example"]
    return Look(example["id"], span=(example["start"], example["end"]))


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
