"""ingest: input files of any kind to `documents`, each record in exactly one place.

Reads every input byte once for its fingerprint and once for its records, in Python workers; text is written once and
not shuffled. Small files are read together; a large one is cut where records begin, which takes another reading, so
that several tasks share the dear part, extraction. Both depend on the files alone.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from functools import partial
from typing import Any, Literal

from pydantic import Field

from conf.model import Model
from pipelines import tables
from pipelines.sources import InputSpec, expand
from pipelines.stage import Job, total
from pipelines.tasks import run_tasks
from udfs.extraction import Options
from udfs.ingest import LEDGER, QUARANTINE, Extractor, FileCounts, IngestPlan, IngestTask, cut_file, ingest_part
from udfs.inputs import InputFile
from udfs.members import Limits
from udfs.parts import part_name
from udfs.records import WHOLE
from udfs.urls import BlockFiles

MIN_PART_BYTES, MAX_PART_BYTES = 8 << 20, 64 << 20  # a smaller part costs its later tasks more than its text does
USUAL_PARTS, MOST_PARTS = (
    64,
    16_384,
)  # every task knows all parts, and a shuffle between them has their square of pieces
UNCUT_PARTS = 4  # a file of no more than so many parts is not worth another reading
SCHEMAS = {"documents": tables.DOCUMENTS, QUARANTINE: tables.QUARANTINE, LEDGER: tables.LEDGER}


class BlockSettings(Model):
    """Lists of what is not to be read, each a list of files with one entry a line, as the categories of UT1 are."""

    places = frozenset({"domains", "urls", "words", "soft_words", "substrings"})

    domains: tuple[str, ...] = ()
    """Domains and hosts, each with all hosts below it."""
    urls: tuple[str, ...] = ()
    """Whole URLs."""
    words: tuple[str, ...] = ()
    """Words; a URL is blocked when one stands between its punctuation."""
    soft_words: tuple[str, ...] = ()
    """Words of which two different ones block a URL."""
    substrings: tuple[str, ...] = ()
    """Strings looked for in the URL's letters and digits run together."""

    def outside_files(self) -> dict[str, str]:
        return {f"block:{name}/{i}": uri for name, uris in self.model_dump().items() for i, uri in enumerate(uris)}


class IngestSettings(Model):
    extractor: Extractor = "blocks"
    """Makes text of web pages: gristmill's own `blocks` (docs/blocks-model.md), or a library."""
    fallback_below: float = Field(default=0, ge=0, le=1)
    """Pages of which `blocks` expects a lower F1 are extracted by trafilatura, ten times slower; 0 is off."""
    repair_mojibake: bool = False
    """Undo UTF-8 that somebody once took for another charset (the library ftfy), in every text."""
    fast: bool = True
    """Leave out trafilatura's fallback extractors, which find a little more at 1.5 times the cost."""
    favor: Literal["balance", "recall", "precision"] = "balance"
    """Which way trafilatura leans where it is unsure."""
    media_types: tuple[str, ...] = ("text/html", "application/xhtml+xml", "text/plain")
    """Types of web content that may hold text; others go to the ledger."""
    max_record_bytes: int = Field(default=16 << 20, ge=1 << 10)
    """Largest record, inflated; larger ones are quarantined."""
    block: BlockSettings = BlockSettings()

    def plan(self) -> IngestPlan:
        block = BlockFiles(**self.block.model_dump())
        options, limits = Options(self.fast, self.favor), Limits(self.max_record_bytes)
        return IngestPlan(
            self.extractor, options, self.fallback_below, self.repair_mojibake, self.media_types, limits, block
        )


def bytes_of_part(n_bytes: int) -> int:
    """Stored bytes to read for one part: some 64 parts share a small input, larger ones have parts of 64 MiB, and those
    beyond a terabyte larger parts."""
    usual = min(max(n_bytes // USUAL_PARTS, MIN_PART_BYTES), MAX_PART_BYTES)
    return max(usual, n_bytes // MOST_PARTS)


def group_files(inputs: list[InputFile], sizes: dict[str, int], part_bytes: int) -> Iterator[tuple[InputFile, ...]]:
    """Files in order, in groups of about `part_bytes`; a larger file, and a span of one, is a group of its own."""
    group: list[InputFile] = []
    n_bytes = 0
    for file in inputs:
        size = sizes[file.name] if file.span == WHOLE else part_bytes
        if group and n_bytes + size > part_bytes:
            yield tuple(group)
            group, n_bytes = [], 0
        group.append(file)
        n_bytes += size
    if group:
        yield tuple(group)


def cut_large(job: Job, inputs: list[InputFile], part_bytes: int, limits: Limits) -> list[InputFile]:
    """The files in order, large ones as spans of about `part_bytes`."""
    sizes = {name: found.n_bytes for name, found in job.fingerprints.items()}
    large = [file for file in inputs if sizes[file.name] > UNCUT_PARTS * part_bytes]
    cut = run_tasks(job.spark, "cut large files", partial(cut_file, limits=limits, n_bytes=part_bytes), large)
    spans = {file.name: found for file, found in zip(large, cut, strict=True)}
    return [span for file in inputs for span in spans.get(file.name, [file])]


def sum_by_file(counts: Iterable[FileCounts]) -> list[dict[str, Any]]:
    """The counts of each file, those of its spans together."""
    files: dict[tuple[str, str], FileCounts] = {}
    for one in counts:
        if other := files.get((one.source, one.path)):
            other.add(one)
        else:
            files[one.source, one.path] = one
    return [asdict(found) for found in files.values()]


def ingest(job: Job, inputs: Iterable[InputSpec], ingest: IngestSettings) -> None:
    """inputs -> documents, quarantine, ledger/ingest."""
    sizes = {name: found.n_bytes for name, found in job.fingerprints.items()}
    plan = ingest.plan()
    found = expand(inputs)
    part_bytes = bytes_of_part(sum(sizes[file.name] for file in found))
    cut = cut_large(job, found, part_bytes, plan.limits)
    outputs = {table: (job.run.path(table), schema) for table, schema in SCHEMAS.items()}
    tasks = [
        IngestTask(group, part_name(number, job.key), outputs)
        for number, group in enumerate(group_files(cut, sizes, part_bytes))
    ]
    results = run_tasks(job.spark, "read input files", partial(ingest_part, plan=plan), tasks)
    for table in SCHEMAS:
        job.add(table, [result.parts[table] for result in results])
    job.counts["files"] = sum_by_file(counts for result in results for counts in result.files)
    for name, table in (("removed", LEDGER), ("quarantined", QUARANTINE)):
        job.counts[name] = total("source", "reason", [result.reasons[table] for result in results])
