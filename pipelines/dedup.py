"""dedup: exact copies by URL and by text, then near-duplicates by MinHash bands, every removal verified.

Reads `signals` only; the text of candidate documents is read again for their shingle sets. What is shuffled: about 60
bytes a document for each exact step, 16 bytes a band and document for the near step (14 bands: 224 bytes), and the
shingle sets of candidates (8 bytes a shingle) once for each bucket centre they are compared with.

A bucket's documents are each compared with its first one only (a star), so a bucket of any size costs one comparison a
member. Clusters are the connected components of the verified pairs: a removed document reaches the threshold with the
kept one, or with a chain of documents that leads to it (`matched_id` names the nearest link).

Each step ends in files of its own below `_steps`, cut like the documents; so plans stay small, a step sees what those
before it removed without a join, and a lost worker costs one task.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np
import pyarrow as pa
from pydantic import Field
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from conf.model import Model
from pipelines.ledger import add_ledger, ledger_file, parts_left
from pipelines.measure import MeasureSettings, Shingle
from pipelines.stage import Job
from pipelines.tables import DUPLICATES
from pipelines.tasks import map_arrow, run_tasks, stream_tasks, write_frame
from udfs import clustering, copies, files, near
from udfs.clusters import components
from udfs.errors import ContractError
from udfs.parts import read_part

MAX_PAIRS = 50_000_000  # the driver holds them at 24 bytes each while it joins them to clusters
ROWS_PER_PARTITION = 2_000_000
SETS_PER_PARTITION = 50_000
MEMBERS = pa.schema([("node", pa.int64()), ("cluster", pa.int64())])


class DedupSettings(Model):
    engine: Literal["bands", "exact"] = "bands"
    """`bands` finds near-duplicates too, `exact` only copies."""
    url: bool = True
    """Treat documents of one normalised URL as copies."""
    threshold: float = Field(default=0.8, gt=0, le=1)
    """Smallest Jaccard similarity of near-duplicates."""
    bands: int = Field(default=14, ge=1, le=1000)
    rows: int = Field(default=8, ge=1, le=1000)
    shingle: Shingle = Shingle()
    keep: Literal["best", "longest", "newest", "oldest"] = "best"
    """Which document of a cluster stays: by quality score, length or date; then the longer one, then the smaller id."""


class Search:
    """The steps of one search: what they found, part by part, and which documents are still left."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.parts = {part.number: part for part in parts_left(job, "ledger/stage=filter")}
        self.steps: dict[int, dict[str, str]] = {number: {} for number in self.parts}
        self.n_documents = job.table("signals").n_rows

    def stream(self, read: Callable[..., Iterator[pa.RecordBatch]], schema: pa.Schema) -> DataFrame:
        """What `read` yields for each part, of the documents still left."""
        return stream_tasks(self.job.spark, read, list(self.parts.values()), schema)

    def stream_found(self) -> DataFrame:
        """All that the steps found, as clustering.FOUND."""
        tasks = [(part, self.steps[number]) for number, part in self.parts.items()]
        return stream_tasks(self.job.spark, lambda task: clustering.found_in(*task), tasks, clustering.FOUND)

    def at_home(
        self, frame: DataFrame, column: str, work: Callable[..., Iterator[pa.RecordBatch]], schema: pa.Schema
    ) -> DataFrame:
        """`work(part, rows)` with all rows whose document in `column` is of that part."""
        parts = self.parts

        def go(number: int, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            if number in parts:
                yield from work(parts[number], batches)

        return map_arrow(self.by_part(frame, column), go, schema)

    def by_part(self, frame: DataFrame, column: str) -> DataFrame:
        return frame.repartitionById(max(self.parts, default=0) + 1, F.shiftright(column, 32).cast("int"))

    def keep_step(self, name: str, frame: DataFrame, schema: pa.Schema, removes: bool) -> None:
        """Write what a step found; with `removes`, its documents are no longer left for later steps."""
        folder = self.job.run.path("duplicates", "_steps", name)
        for file in write_frame(self.by_part(frame, "node"), folder, self.job.key, schema):
            self.steps[file.number][name] = files.join(folder, file.path)
            if removes:
                part = self.parts[file.number]
                self.parts[file.number] = replace(part, steps=(*part.steps, self.steps[file.number][name]))


def n_partitions(n_rows: int, rows_per_partition: int = ROWS_PER_PARTITION) -> int:
    """Partitions for a shuffle; depends on the data only, never on the cluster."""
    return 1 + n_rows // rows_per_partition


def dedup(job: Job, dedup: DedupSettings, measure: MeasureSettings) -> None:
    """documents, signals, ledger/stage=filter -> duplicates, ledger/stage=dedup."""
    search = Search(job)
    if dedup.url:
        find_copies(search, "url", "url_key", dedup.keep)
    find_copies(search, "exact", "text_digest", dedup.keep)
    if dedup.engine == "bands":
        find_near(search, dedup, measure)
    write_duplicates(search)
    work = partial(clustering.ledger_part, ledger=ledger_file(job), threshold=dedup.threshold)
    add_ledger(job, run_tasks(job.spark, "dedup: ledger", work, parts_left(job, duplicates=True)))


def find_copies(search: Search, step: str, column: str, keep: str) -> None:
    """All but the preferred one of the documents that have one value in `column`."""
    rows = search.stream(partial(copies.keyed, column=column, keep=keep), copies.KEYED)
    search.keep_step(step, preferred(search, rows), copies.REMOVED, removes=True)


def preferred(search: Search, rows: DataFrame) -> DataFrame:
    together = rows.repartition(n_partitions(search.n_documents), "key")
    return map_arrow(together, lambda _, batches: copies.prefer(batches), copies.REMOVED)


def find_near(search: Search, dedup: DedupSettings, measure: MeasureSettings) -> None:
    """All but the preferred one of each cluster of verified pairs."""
    bands = search.stream(near.band_rows, near.BANDS)
    together = bands.repartition(n_partitions(search.n_documents * dedup.bands), "key")
    stars = map_arrow(together, lambda _, batches: near.stars(batches), near.STARS)
    plan = near.ShinglePlan(measure.edits_plan(), measure.words, dedup.shingle.unit, dedup.shingle.n)
    verified = similarities(search, stars, plan).where(F.col("similarity") >= dedup.threshold)
    members, links = join_pairs(verified)
    search.keep_step("links", search.job.spark.createDataFrame(links), clustering.LINKS, removes=False)
    ranked = search.at_home(
        search.job.spark.createDataFrame(members), "node", partial(copies.rank_nodes, keep=dedup.keep), copies.KEYED
    )
    search.keep_step("near", preferred(search, ranked), copies.REMOVED, removes=True)
    pairs = kept_pairs(search)
    search.keep_step("similarity", similarities(search, pairs, plan), near.SIMILAR, removes=False)


def similarities(search: Search, stars: DataFrame, plan: near.ShinglePlan) -> DataFrame:
    """near.SIMILAR of every centre and member of `stars`, by their shingle sets."""
    sets = search.at_home(stars, "node", partial(near.read_sets, plan=plan), near.SETS)
    together = sets.repartition(n_partitions(search.n_documents, SETS_PER_PARTITION), "centre")
    ordered = together.sortWithinPartitions("centre", "is_member", "node")
    return map_arrow(ordered, lambda _, batches: near.similarities(batches), near.SIMILAR)


def kept_pairs(search: Search) -> DataFrame:
    """near.STARS of every near-duplicate and the document kept for it, and of the kept ones with themselves."""
    removed = [steps["near"] for steps in search.steps.values() if "near" in steps]
    pairs = stream_tasks(search.job.spark, read_part, removed, copies.REMOVED).selectExpr("kept AS centre", "node")
    return pairs.unionByName(pairs.select("centre", F.col("centre").alias("node")))


def join_pairs(pairs: DataFrame) -> tuple[pa.Table, pa.Table]:
    """(MEMBERS, clustering.LINKS): the connected components of the pairs, and each document's most similar partner.

    Done on the driver; a cluster is named after its smallest node. Raises ContractError for too many pairs.
    """
    edges = pairs.limit(MAX_PAIRS + 1).toArrow()
    if len(edges) > MAX_PAIRS:
        hint = "raise dedup.threshold, or de-duplicate the sources apart first"
        raise ContractError(f"more than {MAX_PAIRS:,} verified pairs; the driver joins no more to clusters", hint)
    left, right = edges["centre"].to_numpy(), edges["node"].to_numpy()
    nodes, ends = np.unique(np.concatenate([left, right]), return_inverse=True)
    labels = components(len(nodes), ends[: len(left)], ends[len(left) :])
    members = pa.table({"node": nodes, "cluster": nodes[labels]}, MEMBERS)
    node, other = np.concatenate([left, right]), np.concatenate([right, left])
    similarity = np.tile(edges["similarity"].to_numpy(), 2)
    order = np.lexsort((other, -similarity, node))
    _, first = np.unique(node[order], return_index=True)
    best = order[first]
    return members, pa.table([node[best], other[best], similarity[best]], schema=clustering.LINKS)


def write_duplicates(search: Search) -> None:
    """The table `duplicates` from what the steps found."""
    steps = search.steps
    found = search.stream_found()
    for _ in ("url -> exact", "exact -> near"):
        found = search.at_home(
            found, "kept", lambda part, batches: clustering.follow(batches, steps[part.number]), clustering.FOUND
        )
    for column in ("kept", "matched"):
        found = search.at_home(found, column, partial(clustering.name_nodes, column=column), clustering.FOUND)
    whole = found.repartition(n_partitions(search.n_documents), "kept")
    wide = pa.schema([("node", pa.int64()), *DUPLICATES])
    rows = map_arrow(whole, lambda _, batches: clustering.clusters(batches, DUPLICATES), wide)
    ordered = search.by_part(rows, "node").sortWithinPartitions("row").drop("node")
    search.job.write("duplicates", ordered)
