"""dedup: exact copies by URL and by text, then near-duplicates by MinHash bands, every removal verified.

Reads `signals` only; the text of candidate documents is read again for their shingle sets. What is shuffled: about
60 bytes a document for the exact steps, 16 bytes a band and document for the near step (14 bands: 224 bytes), and the
shingle sets of candidates (8 bytes a shingle) once per bucket centre they are compared with.

A bucket's documents are each compared with its first one only (a star), so a bucket of any size costs one comparison a
member. Clusters are the connected components of the verified pairs: a removed document reaches the threshold with the
kept one, or with a chain of documents that leads to it (`matched_id` names the nearest link).
"""

from functools import reduce
from typing import Literal

import numpy as np
import pyarrow as pa
from pydantic import Field
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from conf.model import Model
from pipelines.measure import MeasureSettings, Shingle
from pipelines.ledger import n_partitions, node, remaining, sorted_by_part, write_ledger
from pipelines.stage import Job
from udfs import near
from udfs.clusters import components
from udfs.errors import ContractError

MAX_PAIRS = 50_000_000  # the driver holds them at 16 bytes each while it joins them to clusters


class DedupSettings(Model):
    engine: Literal["bands", "exact"] = "bands"
    """`bands` finds near-duplicates too, `exact` only copies."""
    url: bool = True
    """Treat documents of one normalised URL as copies."""
    threshold: float = Field(0.8, gt=0, le=1)
    """Smallest Jaccard similarity of near-duplicates."""
    bands: int = Field(14, ge=1, le=1000)
    rows: int = Field(8, ge=1, le=1000)
    shingle: Shingle = Shingle()
    keep: Literal["best", "longest", "newest", "oldest"] = "best"
    """Which document of a cluster stays: by quality score, length or date; then the longer one, then the smaller id."""


def preference(keep: str) -> list[Column]:
    """The order in which documents of a cluster are preferred; total, because ids differ."""
    leading = {
        "best": [F.col("quality_score").desc_nulls_last()],
        "longest": [],
        "newest": [F.col("date").desc_nulls_last()],
        "oldest": [F.col("date").asc_nulls_last()],
    }[keep]
    return [*leading, F.col("n_chars").desc(), F.col("id").asc()]


def dedup(job: Job, dedup: DedupSettings, measure: MeasureSettings) -> None:
    """signals, ledger/stage=filter, documents -> duplicates, ledger/stage=dedup."""
    left = remaining(job, "ledger/stage=filter")
    order = preference(dedup.keep)
    found: list[DataFrame] = []
    for kind, key in (("url", "url_key"), ("exact", "text_digest")) if dedup.url else (("exact", "text_digest"),):
        found.append(copies(left.where(F.col(key).isNotNull()), key, order, kind).persist())
        left = left.join(found[-1], "node", "left_anti")
    if dedup.engine == "bands":
        found.append(near_copies(job, dedup, measure, left.persist(), order))
    clusters = with_clusters(resolve(reduce(DataFrame.unionByName, found)), job.read("signals").withColumn("node", node()))
    n_parts = n_partitions(job.table("signals").n_rows)
    job.write("duplicates", clusters.repartition(n_parts, "id").sortWithinPartitions("id"))
    write_removed(job, dedup.threshold)


def copies(frame: DataFrame, key: str, order: list[Column], kind: str) -> DataFrame:
    """(node, kept, kind, similarity, matched, matched_similarity) of every row that shares `key` with a preferred one."""
    ranked = Window.partitionBy(key).orderBy(*order)
    similarity = F.lit(1.0 if kind == "exact" else None).cast("double")
    kept = frame.select("node", F.first("node").over(ranked).alias("kept")).where("node <> kept")
    return kept.select(
        "node", "kept", F.lit(kind).alias("kind"), similarity.alias("similarity"), F.col("kept").alias("matched"),
        similarity.alias("matched_similarity"),
    )  # fmt: skip


def near_copies(job: Job, dedup: DedupSettings, measure: MeasureSettings, left: DataFrame, order: list[Column]) -> DataFrame:
    """As `copies`, for documents in a cluster of verified pairs."""
    bands = left.select("node", F.explode("bands").alias("key"))
    n_parts = n_partitions(job.table("signals").n_rows * dedup.bands)
    stars = bands.repartition(n_parts, "key").mapInArrow(near.star_pairs, from_arrow_schema(near.PAIRS)).distinct().persist()
    shingle = dedup.shingle
    reader = near.ShingleReader(tuple(job.uris("documents")), measure.edits_plan(), measure.words, shingle.unit, shingle.n)
    candidates = stars.select(F.explode(F.array("left", "right")).alias("node")).distinct().join(left, "node")
    sets = sorted_by_part(candidates.select("node", "part", "row"), len(job.uris("documents")))
    sets = sets.mapInArrow(reader, from_arrow_schema(near.SETS)).persist()
    verified = similarities(stars, sets).where(F.col("similarity") >= dedup.threshold).persist()
    members = left.join(connected(job, verified), "node")
    ranked = Window.partitionBy("cluster").orderBy(*order)
    removed = members.select("node", F.first("node").over(ranked).alias("kept")).where("node <> kept").persist()
    with_kept = similarities(removed.select(F.col("kept").alias("left"), F.col("node").alias("right")), sets)
    with_kept = with_kept.select(F.col("right").alias("node"), "similarity")
    return (
        removed.join(with_kept, "node").join(nearest_links(verified), "node")
        .select("node", "kept", F.lit("near").alias("kind"), "similarity", "matched", "matched_similarity")
    )  # fmt: skip


def similarities(pairs: DataFrame, sets: DataFrame) -> DataFrame:
    """(left, right, similarity) with the exact Jaccard similarity of the two shingle sets of each pair.

    The sets of one `left` and all its `right` come together in a partition, that of `left` first, once.
    """
    members = pairs.select("left", F.col("right").alias("node"), F.lit(1).alias("place"))
    centres = pairs.select("left", F.col("left").alias("node"), F.lit(0).alias("place")).distinct()
    rows = centres.unionByName(members).join(sets, "node")
    together = rows.repartition("left").sortWithinPartitions("left", "place", "node")
    return together.mapInArrow(near.pair_similarities, from_arrow_schema(near.SIMILARITIES))


def connected(job: Job, pairs: DataFrame) -> DataFrame:
    """(node, cluster): the connected components of the pairs, found on the driver; cluster = smallest node."""
    n_pairs = pairs.count()
    if n_pairs > MAX_PAIRS:
        hint = "raise dedup.threshold, or de-duplicate the sources apart first"
        raise ContractError(f"{n_pairs:,} verified pairs; the driver joins at most {MAX_PAIRS:,}", hint)
    edges = pairs.select("left", "right").toArrow()
    nodes, ends = np.unique(np.concatenate([edges["left"].to_numpy(), edges["right"].to_numpy()]), return_inverse=True)
    labels = components(len(nodes), ends[:n_pairs], ends[n_pairs:])
    return job.spark.createDataFrame(pa.table({"node": nodes, "cluster": nodes[labels]}))


def nearest_links(pairs: DataFrame) -> DataFrame:
    """(node, matched, matched_similarity): for each node the verified partner most similar to it."""
    both = pairs.select(F.col("left").alias("node"), F.col("right").alias("other"), "similarity").unionByName(
        pairs.select(F.col("right").alias("node"), F.col("left").alias("other"), "similarity")
    )
    best = both.groupBy("node").agg(F.max(F.struct("similarity", (-F.col("other")).alias("minus"))).alias("best"))
    return best.select("node", (-F.col("best.minus")).alias("matched"), F.col("best.similarity").alias("matched_similarity"))


def resolve(found: DataFrame) -> DataFrame:
    """`found` with each kept document that was itself removed by a later step replaced by the one kept there.

    Steps follow each other (url, exact, near), so two rounds reach the end of every chain. The similarity of a copy of
    a text is that of the text; a copy by URL has another text, so its similarity is unknown.
    """
    for _ in range(2):
        later = found.select(
            F.col("node").alias("kept"), F.col("kept").alias("kept_later"), F.col("similarity").alias("similarity_later")
        )
        known = F.when(F.col("kept_later").isNull(), F.col("similarity")).when(F.col("kind") == "exact", F.col("similarity_later"))
        found = found.join(later, "kept", "left").select(
            "node", F.coalesce("kept_later", "kept").alias("kept"), "kind", known.alias("similarity"), "matched",
            "matched_similarity",
        )  # fmt: skip
    return found


def with_clusters(found: DataFrame, documents: DataFrame) -> DataFrame:
    """Rows of the table `duplicates`: every removed document and every kept one that has copies."""
    kept = found.select(F.col("kept").alias("node")).distinct().select(
        "node", F.col("node").alias("kept"), F.lit("kept").alias("kind"), F.lit(1.0).alias("similarity"),
        F.lit(None).cast("long").alias("matched"), F.lit(None).cast("double").alias("matched_similarity"),
    )  # fmt: skip
    ids = documents.select("node", "id")
    members = found.unionByName(kept).join(ids, "node")
    members = members.join(ids.withColumnsRenamed({"node": "kept", "id": "kept_id"}), "kept")
    members = members.join(ids.withColumnsRenamed({"node": "matched", "id": "matched_id"}), "matched", "left")
    cluster_id = F.min("id").over(Window.partitionBy("kept_id"))
    return members.select("id", cluster_id.alias("cluster_id"), "kept_id", "similarity", "kind", "matched_id", "matched_similarity")


def write_removed(job: Job, threshold: float) -> None:
    """ledger/stage=dedup from the duplicates just written."""
    signals = job.read("signals").select("id", "source", "url", "excerpt")
    removed = job.read("duplicates").where("kind <> 'kept'").drop("matched_id").join(signals, "id")
    is_near = F.col("kind") == "near"
    write_ledger(
        job,
        removed,
        reason=F.col("kind"),
        broken=F.array("kind"),
        signal=F.when(is_near, F.lit("jaccard")),
        value=F.when(is_near, F.col("matched_similarity")),
        bound=F.when(is_near, F.lit(f"< {threshold:g}")),
        matched_id=F.col("kept_id"),
    )
