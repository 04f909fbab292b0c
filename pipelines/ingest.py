"""ingest: input files of any kind to `documents`, each record in exactly one place.

Reads every input byte once for its fingerprint and once for its records, in Python workers; text is written once and
not shuffled. How files are grouped into parts depends on their sizes and names only.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Literal

from pydantic import Field

from conf.model import Model
from pipelines import tables
from pipelines.sources import InputSpec, expand
from pipelines.stage import Job, total
from pipelines.tasks import run_tasks
from udfs.extract import Options
from udfs.ingest import LEDGER, QUARANTINE, IngestPlan, IngestTask, ingest_part
from udfs.inputs import InputFile
from udfs.members import Limits
from udfs.parts import part_name

PART_BYTES = 64 << 20
SCHEMAS = {"documents": tables.DOCUMENTS, QUARANTINE: tables.QUARANTINE, LEDGER: tables.LEDGER}


class IngestSettings(Model):
    fast: bool = True
    """Leave out trafilatura's fallback extractors, which find a little more at 1.5 times the cost."""
    favor: Literal["balance", "recall", "precision"] = "balance"
    """Which way trafilatura leans where it is unsure."""
    media_types: tuple[str, ...] = ("text/html", "application/xhtml+xml", "text/plain")
    """Types of web content that may hold text; others go to the ledger."""
    max_record_bytes: int = Field(default=16 << 20, ge=1 << 10)
    """Largest record, inflated; larger ones are quarantined."""

    def plan(self) -> IngestPlan:
        return IngestPlan(Options(self.fast, self.favor), self.media_types, Limits(self.max_record_bytes))


def group_files(inputs: list[InputFile], sizes: dict[str, int]) -> Iterator[tuple[InputFile, ...]]:
    """Files in order, in groups of about PART_BYTES; a larger file is a group of its own."""
    group: list[InputFile] = []
    n_bytes = 0
    for file in inputs:
        if group and n_bytes + sizes[file.name] > PART_BYTES:
            yield tuple(group)
            group, n_bytes = [], 0
        group.append(file)
        n_bytes += sizes[file.name]
    if group:
        yield tuple(group)


def ingest(job: Job, inputs: Iterable[InputSpec], ingest: IngestSettings) -> None:
    """inputs -> documents, quarantine, ledger/stage=ingest."""
    sizes = {name: found.n_bytes for name, found in job.fingerprints.items()}
    outputs = {table: (job.run.path(table), schema) for table, schema in SCHEMAS.items()}
    tasks = [
        IngestTask(group, part_name(number, job.key), outputs)
        for number, group in enumerate(group_files(expand(inputs), sizes))
    ]
    results = run_tasks(job.spark, "read input files", partial(ingest_part, plan=ingest.plan()), tasks)
    for table in SCHEMAS:
        job.add(table, [result.parts[table] for result in results])
    job.counts["files"] = [counts for result in results for counts in result.files]
    for name, table in (("removed", LEDGER), ("quarantined", QUARANTINE)):
        job.counts[name] = total("source", "reason", [result.reasons[table] for result in results])
