"""dedup: exact copies by URL and by text, then near-duplicates by MinHash bands, every removal verified.

Reads `signals` only; the text of candidate documents is read again for their shingle sets. What is shuffled: about 60
bytes a document for each exact step, 24 bytes a band and document for the near step (26 bands: 624 bytes), and the
shingle sets of candidates (8 bytes a shingle) once for each bucket centre they are compared with.

A bucket's documents are each compared with its first one only (a star), so a bucket of any size costs one comparison a
member. Clusters are the connected components of the verified pairs: a removed document reaches the threshold with the
kept one, or with a chain of documents that leads to it (`matched_id` names the nearest link).

With `index`, the documents of earlier snapshots take part as if they were of this run: what is removed of this one, and
revised of those, is what a search over all of them at once would say. Pairs they have compared are not compared again.
"""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Literal

import pyarrow as pa
from pydantic import Field, ValidationInfo, field_validator, model_validator
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from conf.model import Model
from pipelines.components import join_pairs
from pipelines.dedup_spark_ml import spark_ml_pairs
from pipelines.ledger import add_ledger, ledger_file, parts_left
from pipelines.measure import MeasureSettings, Shingle
from pipelines.search import Search
from pipelines.snapshots import open_snapshots
from pipelines.stage import Job
from pipelines.tables import COMPARED, DUPLICATES, REVISIONS
from pipelines.tasks import map_arrow, map_shards, run_tasks, stream_tasks
from udfs import clustering, copies, files, near
from udfs.bundles import BUNDLES, bundled, by_key
from udfs.copies import Keep
from udfs.decisions import Counts, Part, count_sources
from udfs.errors import ContractError, UsageError
from udfs.minhash import bands_for, rows_for
from udfs.parts import read_part

REMOVING = ("url", "exact", "near")
"""The steps that remove documents, in their order."""
ROWS_PER_PARTITION = 2_000_000
SETS_PER_PARTITION = 50_000
MEMBER_ROWS = pa.schema([("node", pa.int64()), *DUPLICATES])
KNOWN = ["left", "left_low", "right", "right_low", "similarity"]
LOOKED_UP = pa.schema([*near.PAIRS, *(COMPARED.field(name) for name in ("left_low", "right_low", "similarity"))])
PARTNERS_OF_BOTH = f"""stack(2, node, centre, left, left_low, similarity, centre, node, right, right_low, similarity)
    AS ({", ".join(clustering.PARTNERS.names)})"""


class DedupSettings(Model):
    places = frozenset({"index"})

    engine: Literal["bands", "spark_ml", "exact", "none"] = "bands"
    """`bands` finds near-duplicates too, and so does `spark_ml`, by spark.ml's MinHashLSH with as many tables as there
    are `bands`, at many times the cost; `exact` finds only copies, `none` nothing."""
    url: bool = True
    """Treat documents of one normalised URL as copies."""
    threshold: float = Field(default=0.8, gt=0, le=1)
    """Smallest Jaccard similarity of near-duplicates."""
    rows: int = Field(default=None, validate_default=True, ge=1, le=1000)
    """Hashes in a band; null takes as many as leave room for enough bands in 256 hashes: 8 at a threshold of 0.8."""
    bands: int = Field(default=None, validate_default=True, ge=1, le=1000)
    """Bands of a document; null takes the fewest that give two documents whose similarity is the threshold a chance of
    0.99 to be compared: 26 at 0.8."""
    shingle: Shingle = Shingle()
    keep: Literal["best", "longest", "newest", "oldest", "first_source"] = "best"
    """Which document of a cluster stays: by quality score, length, date, or `source_order`; then the longer one, then
    the smaller id."""
    source_order: tuple[str, ...] = ()
    """For `keep: first_source`, sources from the most to the least preferred; those not named come last."""
    drop_if_in: str | None = None
    """A source that comes before `keep`: a document with a duplicate there goes."""
    drop_all: bool = False
    """Remove every document that has a duplicate, the preferred one too."""
    max_removed_share: float | None = Field(default=0.9, ge=0, le=1)
    """Fail (exit 65) where a source loses more than this share of its documents here; null never fails."""
    index: tuple[str, ...] = ()
    """Run directories of earlier snapshots, to de-duplicate against; see docs/dedup.md."""

    @field_validator("rows", mode="before")
    @classmethod
    def _rows_for_threshold(cls, rows: int | None, info: ValidationInfo) -> int | None:
        threshold = info.data.get("threshold")
        return rows_for(threshold) if rows is None and threshold else rows

    @field_validator("bands", mode="before")
    @classmethod
    def _bands_for_threshold(cls, bands: int | None, info: ValidationInfo) -> int | None:
        threshold, rows = info.data.get("threshold"), info.data.get("rows")
        return bands_for(threshold, rows) if bands is None and threshold and rows else bands

    @model_validator(mode="after")
    def _sources_are_ordered(self) -> "DedupSettings":
        if (self.keep == "first_source") != bool(self.source_order):
            raise ValueError("keep: first_source and source_order go together; set both or neither")
        return self

    def preference(self) -> Keep:
        return Keep(self.keep, self.source_order, self.drop_if_in)

    def outside_files(self) -> dict[str, str]:
        return {f"index/{i}": files.join(root, "runs", "dedup.json") for i, root in enumerate(self.index)}


def n_partitions(n_rows: int, rows_per_partition: int | None = None) -> int:
    """Partitions for a shuffle; depends on the data only, never on the cluster."""
    return 1 + n_rows // (rows_per_partition or ROWS_PER_PARTITION)


def dedup(job: Job, dedup: DedupSettings, measure: MeasureSettings) -> None:
    """documents, signals, ledger/filter -> duplicates, compared, revisions, ledger/dedup."""
    if dedup.engine == "none":
        for table in ("duplicates", "compared", "revisions", "ledger/dedup"):
            job.add(table, [])
        job.counts["removed"] = []
        return
    search = Search(job, open_snapshots(job, dedup.index))
    n_left = count_left(search, dedup)
    if dedup.url:
        find_copies(search, "url", "url_key", dedup.preference())
    find_copies(search, "exact", "text_digest", dedup.preference())
    if dedup.engine in ("bands", "spark_ml"):
        find_near(search, dedup, measure)
    else:
        job.add("compared", [])
    write_duplicates(search, dedup.drop_all)
    work = partial(clustering.ledger_part, ledger=ledger_file(job), threshold=dedup.threshold)
    written = run_tasks(job.spark, "dedup: ledger", work, parts_left(job, duplicates=True))
    check_losses(n_left, [counts for _, counts in written], dedup.max_removed_share)
    add_ledger(job, written)
    job.counts["index"] = [{"run": s.run.root, "documents": s.n_documents} for s in search.snapshots]


def count_left(search: Search, dedup: DedupSettings) -> Counter[str]:
    """Documents of this run by source, before anything is removed. Raises UsageError for a source that is nowhere."""
    parts = list(search.parts.values())
    counted = run_tasks(search.job.spark, "dedup: sources", count_sources, parts)
    sources = sum(counted, Counter[str]())
    for name in (*dedup.source_order, *([dedup.drop_if_in] if dedup.drop_if_in else [])):
        if not any(source == name or source.startswith(f"{name}.") for source in sources):
            found = ", ".join(sorted(sources)) or "none"
            raise UsageError(f"dedup names the source {name!r}, which has no documents", f"sources here: {found}")
    own = [count for part, count in zip(parts, counted, strict=True) if part.number >= search.first_own]
    return sum(own, Counter[str]())


def check_losses(n_left: Counter[str], removed: list[Counts], max_share: float | None) -> None:
    """Raise ContractError when a source loses more of its documents than the settings allow."""
    lost = Counter[str]()
    for counts in removed:
        for (source, _), n in counts.items():
            lost[source] += n
    over = [name for name in sorted(lost) if max_share is not None and lost[name] > max_share * n_left[name]]
    if over:
        said = ", ".join(f"{lost[name]:,} of {n_left[name]:,} documents of {name}" for name in over)
        hint = "look at the settings and the source; if it is right, set dedup.max_removed_share to a larger share"
        raise ContractError(f"de-duplication would remove {said}: more than the share {max_share:g}", hint)


def find_copies(search: Search, step: str, column: str, keep: Keep) -> None:
    """All but the preferred one of the documents that have one value in `column`."""
    by = by_key(n_partitions(search.n_documents), "key")
    rows = search.stream(lambda part: bundled(copies.keyed(part, column, keep), by), BUNDLES)
    search.keep_step(step, preferred(search, rows), copies.REMOVED, removes=True)


def preferred(search: Search, bundles: DataFrame) -> DataFrame:
    """copies.REMOVED of rows that are copies.KEYED."""
    n_shards = n_partitions(search.n_documents)
    return map_shards(bundles, n_shards, lambda _, rows: copies.prefer(rows), copies.REMOVED)


def find_near(search: Search, dedup: DedupSettings, measure: MeasureSettings) -> None:
    """All but the preferred one of each cluster of verified pairs."""
    plan = near.ShinglePlan(measure.edits_plan(), measure.words, dedup.shingle.unit, dedup.shingle.n)
    if dedup.engine == "bands":
        pairs = candidates(search, dedup.bands)
    else:
        pairs = spark_ml_pairs(search, plan, dedup.threshold, dedup.bands)
    verified = compare(search, pairs, plan).where(F.col("similarity") >= dedup.threshold)
    search.keep_step("partners", verified.selectExpr(PARTNERS_OF_BOTH), clustering.PARTNERS, removes=False)
    by, keep = by_key(n_partitions(search.n_documents), "key"), dedup.preference()

    def rank(part: Part, members: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return bundled(copies.rank_nodes(part, members, keep), by)

    ranked = search.at_home(join_pairs(search, verified), "node", rank, BUNDLES)
    search.keep_step("near", preferred(search, ranked), copies.REMOVED, removes=True)
    others = search.stream_steps(clustering.not_compared, near.PAIRS, "near")
    search.keep_step("similarity", similarities(search, others, plan), near.SIMILAR, removes=False)


def candidates(search: Search, bands: int) -> DataFrame:
    """near.PAIRS of the first document of each bucket with the others."""
    n = n_partitions(search.n_documents * bands)
    by = by_key(n, "key")
    rows = search.stream(lambda part: bundled(near.band_rows(part), by), BUNDLES)
    return map_shards(rows, n, lambda _, found: near.stars(found), near.PAIRS)


def compare(search: Search, pairs: DataFrame, plan: near.ShinglePlan) -> DataFrame:
    """Rows of `compared` for all of the pairs; those that no earlier snapshot has compared are written."""
    job, known = search.job, None
    if search.snapshots:
        known, pairs = look_up(search, pairs)
    job.write("compared", similarities(search, pairs, plan).select(COMPARED.names))
    new = job.read("compared")
    return new.unionByName(known) if known else new


def look_up(search: Search, pairs: DataFrame) -> tuple[DataFrame, DataFrame]:
    """(rows of `compared` for the pairs that earlier snapshots have compared, near.PAIRS of the others)."""
    uris = [uri for snapshot in search.snapshots for uri in snapshot.compared]
    schema = pa.schema([COMPARED.field(name) for name in KNOWN])
    earlier = stream_tasks(search.job.spark, partial(read_part, columns=KNOWN), uris, schema)
    once = earlier.dropDuplicates(["left", "right"])
    rows = search.written("candidates", pairs.join(once, ["left", "right"], "left").select(LOOKED_UP.names), LOOKED_UP)
    found = rows.where("similarity is not null").select(COMPARED.names).dropDuplicates(["centre", "node"])
    return found, rows.where("similarity is null").select(near.PAIRS.names)


def similarities(search: Search, pairs: DataFrame, plan: near.ShinglePlan) -> DataFrame:
    """near.SIMILAR of the pairs, each once, by their shingle sets."""
    asked = pairs.selectExpr("centre", "`group`", "stack(2, node, centre) AS node")
    sets = search.at_home(asked, "node", partial(near.read_sets, plan=plan), near.SETS)
    together = sets.repartition(n_partitions(search.n_documents, SETS_PER_PARTITION), "centre", "group")
    ordered = together.sortWithinPartitions("centre", "group", "is_member", "node")
    return map_arrow(ordered, lambda _, batches: near.similarities(batches), near.SIMILAR)


def write_duplicates(search: Search, drop_all: bool) -> None:
    """The tables `duplicates` and `revisions`, from what the steps found."""
    steps = search.steps
    found = search.stream_steps(clustering.found_in, clustering.FOUND, *REMOVING)
    n_removing = sum(any(name in one for one in steps.values()) for name in REMOVING)
    for _ in range(n_removing - 1):  # a document kept by one step may be removed by the next
        together = search.by_group(found, "kept")
        found = map_arrow(together, lambda number, batches: clustering.follow(batches, steps[number]), clustering.FOUND)
    whole = found.repartition(n_partitions(search.n_documents), "kept")
    kind = clustering.DROP_ALL if drop_all else clustering.KEPT
    rows = map_arrow(whole, lambda _, batches: clustering.clusters(batches, DUPLICATES, kind), MEMBER_ROWS)
    if search.snapshots:
        rows = search.written("members", rows, MEMBER_ROWS)
    search.job.write("duplicates", search.by_own_part(rows).sortWithinPartitions("row").drop("node"))
    write_revisions(search, rows)


def write_revisions(search: Search, rows: DataFrame) -> None:
    """What the search says otherwise of documents of earlier snapshots than their own runs did."""
    if not search.snapshots:
        search.job.add("revisions", [])
        return
    ledgers = {number: uri for snapshot in search.snapshots for number, uri in snapshot.ledgers.items()}

    def revise(part: Part, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        if part.number < search_first:
            yield from clustering.revisions(part, batches, ledgers.get(part.number), REVISIONS)

    search_first = search.first_own
    earlier = rows.where(~search.is_own)
    search.job.write("revisions", search.at_home(earlier, "node", revise, REVISIONS))
