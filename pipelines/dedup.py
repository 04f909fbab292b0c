"""dedup: exact copies by URL and by text, then near-duplicates by MinHash bands, every removal verified.

Reads `signals` only; the text of candidate documents is read again for their shingle sets. What is shuffled: about 60
bytes a document for each exact step, 24 bytes a band and document for the near step (26 bands: 624 bytes), and the
shingle sets of candidates (8 bytes a shingle) once for each bucket centre they are compared with; of a large bucket
only the centre's, to where its members are. What fits one task is not shuffled.

A bucket's documents are each compared with its first one only (a star), so a bucket of any size costs one comparison a
member. Clusters are the connected components of the verified pairs: a removed document reaches the threshold with the
kept one, or with a chain of documents that leads to it (`matched_id` names the nearest link).

With `index`, the documents of earlier snapshots take part as if they were of this run: what is removed of this one, and
revised of those, is what a search over all of them at once would say. Pairs they have compared are not compared again.
"""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator, model_validator

from conf.model import Model
from pipelines.components import join_pairs
from pipelines.dedup_spark_ml import spark_ml_pairs
from pipelines.flow import Batches, Flow, Place, exchange, flow, union, write_flow
from pipelines.ledger import add_ledger, ledger_file, parts_left
from pipelines.measure import MeasureSettings, Shingle
from pipelines.run import Table
from pipelines.search import Search, row_bytes, shards_for
from pipelines.snapshots import open_snapshots
from pipelines.stage import Job
from pipelines.tables import COMPARED, DUPLICATES, REVISIONS
from pipelines.tasks import run_tasks
from udfs import clustering, copies, files, near
from udfs.bundles import by_key
from udfs.copies import Keep
from udfs.decisions import Counts, Part, count_sources
from udfs.errors import ContractError, UsageError
from udfs.minhash import bands_for, rows_for
from udfs.parts import PartFile, read_part

REMOVING = ("url", "exact", "near")
"""The steps that remove documents, in their order."""
SET_BYTES = 4
"""What a shingle set takes, over what its text takes in Parquet."""
READ_BY_ONE = 256 << 20
"""Bytes of documents in Parquet, about a gigabyte of text, that one task may read for shingle sets."""
LARGE_BUCKET = 1_000
"""Members of a larger bucket stay at home, and the set of its first document is sent to each group of parts that has
some: else one task would have to hold the sets of a bucket of any size."""
MEMBER_ROWS = pa.schema([("node", pa.int64()), *DUPLICATES])


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


def dedup(job: Job, dedup: DedupSettings, measure: MeasureSettings) -> None:
    """documents, signals, ledger/filter -> duplicates, compared, revisions, ledger/dedup."""
    if dedup.engine == "none":
        for table in ("duplicates", "compared", "revisions", "ledger/dedup"):
            job.add(table, [])
        job.counts["removed"] = []
        return
    search = Search(job, open_snapshots(job, dedup.index))
    check_sources(search, [*dedup.source_order, *([dedup.drop_if_in] if dedup.drop_if_in else [])])
    if dedup.url:
        find_copies(search, "url", "url_key", dedup.preference())
    find_copies(search, "exact", "text_digest", dedup.preference())
    if dedup.engine in ("bands", "spark_ml"):
        find_near(search, dedup, measure)
    else:
        job.add("compared", [])
    write_duplicates(search, dedup.drop_all)
    write_ledger(job, dedup)
    job.counts["index"] = [{"run": s.run.root, "documents": s.n_documents} for s in search.snapshots]


def check_sources(search: Search, names: Sequence[str]) -> None:
    """Raise UsageError for a source that has no documents, in this run or an earlier snapshot."""
    if not names:
        return
    counted = run_tasks(search.job.spark, "dedup: sources", count_sources, list(search.parts.values()))
    sources = sum(counted, Counter[str]())
    for name in names:
        if not any(source == name or source.startswith(f"{name}.") for source in sources):
            found = ", ".join(sorted(sources)) or "none"
            raise UsageError(f"dedup names the source {name!r}, which has no documents", f"sources here: {found}")


def write_ledger(job: Job, dedup: DedupSettings) -> None:
    """ledger/dedup, unless a source loses more than the settings allow."""
    ledger = ledger_file(job)

    def write(part: Part) -> tuple[Counter[str], tuple[PartFile | None, Counts]]:
        return count_sources(part), clustering.ledger_part(part, ledger, dedup.threshold)

    done = run_tasks(job.spark, "dedup: ledger", write, parts_left(job, "ledger/filter", duplicates=True))
    n_left = sum((counted for counted, _ in done), Counter[str]())
    written = [part for _, part in done]
    check_losses(n_left, [counts for _, counts in written], dedup.max_removed_share)
    add_ledger(job, written)


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
    n = shards_for(search.n_documents * row_bytes(copies.KEYED))
    keyed = search.stream(lambda part: copies.keyed(part, column, keep), n)
    search.keep_step(step, preferred(search, keyed), copies.REMOVED, removes=True)


def preferred(search: Search, keyed: Flow) -> Flow:
    """copies.REMOVED of rows that are copies.KEYED."""
    n = shards_for(search.n_documents * row_bytes(copies.KEYED))
    return exchange(keyed, n, by_key(n, "key"), lambda _, rows: copies.prefer(rows))


def find_near(search: Search, dedup: DedupSettings, measure: MeasureSettings) -> None:
    """All but the preferred one of each cluster of verified pairs."""
    plan = near.ShinglePlan(measure.edits_plan(), measure.words, dedup.shingle.unit, dedup.shingle.n)
    if dedup.engine == "bands":
        pairs = candidates(search, dedup.bands)
    else:
        pairs = spark_ml_pairs(search, plan, dedup.threshold, dedup.bands)
    compared = compare(search, pairs, plan)
    n = shards_for(pairs.n_rows * row_bytes(near.SIMILAR))
    verified = flow(search.job.spark, partial(near.verified, threshold=dedup.threshold), compared, n)
    partners = verified.flatMap(clustering.partners_of_both)
    n_pairs = search.keep_step("partners", partners, clustering.PARTNERS, removes=False) // 2
    rank = partial(copies.rank_nodes, keep=dedup.preference())
    ranked = search.at_home(join_pairs(search, compared, dedup.threshold, n_pairs), "node", rank)
    n_removed = search.keep_step("near", preferred(search, ranked), copies.REMOVED, removes=True)
    others = search.stream_steps(partial(clustering.not_compared, large_bucket=LARGE_BUCKET), n, "near")
    search.keep_step("similarity", similarities(search, others, n_removed, plan), near.SIMILAR, removes=False)


def candidates(search: Search, bands: int) -> Table:
    """near.PAIRS of the first document of each bucket with the others."""
    n = shards_for(search.n_documents * bands * row_bytes(near.BANDS))
    large = LARGE_BUCKET
    pairs = exchange(search.stream(near.band_rows, n), n, by_key(n, "key"), lambda _, found: near.stars(found, large))
    return search.write("candidates", pairs, near.PAIRS)


def compare(search: Search, pairs: Table, plan: near.ShinglePlan) -> list[str]:
    """URIs of files with the similarity of all pairs; what no earlier snapshot has compared is the table `compared`."""
    job, uris = search.job, search.uris(pairs)
    known = look_up(search, uris, pairs.n_rows) if search.snapshots else []
    read, found = (near.unknown_pairs, known) if known else (read_part, uris)
    new = flow(job.spark, read, found, shards_for(pairs.n_rows * row_bytes(near.PAIRS)))
    rows = similarities(search, new, pairs.n_rows, plan)
    job.add("compared", write_flow(rows, Place(job.run.path("compared"), job.key, COMPARED)))
    return [*known, *job.numbered("compared").values()]


def look_up(search: Search, pairs: list[str], n_pairs: int) -> list[str]:
    """URIs of near.LOOKED_UP rows of the pairs, with what earlier snapshots have found of them."""
    spark = search.job.spark
    compared = [uri for snapshot in search.snapshots for uri in snapshot.compared]
    both = union(flow(spark, near.asked_pairs, pairs), flow(spark, near.known_pairs, compared))
    n = shards_for(n_pairs * row_bytes(near.LOOKED_UP))
    found = exchange(both, n, by_key(n, "left", "right"), lambda _, rows: near.looked_up(rows))
    return search.uris(search.write("looked up", found, near.LOOKED_UP))


def similarities(search: Search, pairs: Flow, n_pairs: int, plan: near.ShinglePlan) -> Flow:
    """near.SIMILAR of the pairs, each once, by their shingle sets."""
    documents = search.job.table("documents")
    document_bytes = documents.n_bytes // max(1, documents.n_rows)
    n = shards_for(2 * n_pairs * SET_BYTES * document_bytes)
    is_heavy = n > 1 or search.n_documents * document_bytes > READ_BY_ONE
    asked = pairs.map(partial(near.asked_for, are_spread=is_heavy))
    groups, group_of, by_centre = search.groups, search.group_of("node"), by_key(n, "centre")

    def shard_of(rows: pa.Table) -> NDArray[Any]:
        return np.where(rows["large"].to_numpy() > 0, n + group_of(rows), by_centre(rows))

    def work(shard: int, rows: Batches) -> Batches:
        return near.similarities(rows) if shard < n else near.compare_at_home(groups[shard - n], rows, plan)

    sets = search.at_home(asked, "home", partial(near.read_sets, plan=plan, group_of=group_of), is_heavy)
    return exchange(sets, n + is_heavy * search.n_groups, shard_of, work)


def write_duplicates(search: Search, drop_all: bool) -> None:
    """The tables `duplicates` and `revisions`, from what the steps found."""
    n = shards_for(search.n_documents * row_bytes(DUPLICATES))
    found, steps = search.stream_steps(clustering.found_in, n, *REMOVING), search.steps
    n_removing = sum(any(name in one for one in steps.values()) for name in REMOVING)
    for _ in range(n_removing - 1):  # a document kept by one step may be removed by the next
        found = search.by_group(found, "kept", lambda group, rows: clustering.follow(rows, steps[group]))
    kind = clustering.DROP_ALL if drop_all else clustering.KEPT
    work = partial(clustering.clusters, schema=DUPLICATES, kept_kind=kind)
    members = exchange(found, n, by_key(n, "kept"), lambda _, rows: work(rows))
    if search.snapshots:
        written = search.write("members", members, MEMBER_ROWS)
        members = flow(search.job.spark, read_part, search.uris(written))
    search.write_own("duplicates", members, lambda _, rows: clustering.by_row(rows, DUPLICATES), DUPLICATES)
    write_revisions(search, members)


def write_revisions(search: Search, members: Flow) -> None:
    """What the search says otherwise of documents of earlier snapshots than their own runs did."""
    if not search.snapshots:
        search.job.add("revisions", [])
        return
    ledgers = {number: uri for snapshot in search.snapshots for number, uri in snapshot.ledgers.items()}
    first_own = search.first_own

    def revise(part: Part, batches: Batches) -> Batches:
        if part.number < first_own:
            yield from clustering.revisions(part, batches, ledgers.get(part.number), REVISIONS)

    job, rows = search.job, search.at_home(members, "node", revise)
    job.add("revisions", write_flow(rows, Place(job.run.path("revisions"), job.key, REVISIONS)))
