"""Earlier snapshots: finished runs whose documents a new run is de-duplicated against.

A run directory is its own index: `signals` holds ids, digests, band keys and what ranks a document, `compared` the
pairs whose similarity is known, `documents` the text of those that must be compared anew. A new run decides about the
union of all documents, so its result does not depend on the order in which snapshots came; leaving a snapshot out of
`dedup.index` withdraws it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.run import Run, Table
from pipelines.stage import Job, open_table
from udfs.decisions import Part
from udfs.errors import InputError, UsageError

ALIKE = ("dedup.bands", "dedup.rows", "dedup.shingle")
ALIKE_IN_MEASURE = ("edits", "words")


@dataclass(frozen=True)
class Snapshot:
    """The tables of an earlier run, its parts numbered from `first`."""

    run: Run
    parts: tuple[Part, ...]
    n_parts: int
    n_documents: int
    ledgers: dict[int, str]
    """Part -> URI of what the run's own de-duplication removed there."""
    compared: tuple[str, ...]


def open_snapshots(job: Job, roots: Sequence[str]) -> list[Snapshot]:
    """The snapshots, in order. Raises InputError for a run that is not de-duplicated yet, UsageError for one that was
    measured otherwise or that has input files of another one."""
    snapshots: list[Snapshot] = []
    runs = [Run(root) for root in roots]
    check_files([*runs, job.run])
    for run in runs:
        check_alike(job.run, run)
        snapshots.append(open_snapshot(run, sum(snapshot.n_parts for snapshot in snapshots)))
    return snapshots


def open_snapshot(run: Run, first: int) -> Snapshot:
    tables = [open_table(run, name) for name in ("documents", "signals", "ledger/filter", "ledger/dedup")]
    documents, signals, filtered, removed = (numbered(run, table) for table in tables)
    parts = tuple(
        Part(first + number, uri, signals[number], (filtered[number],) if number in filtered else ())
        for number, uri in documents.items()
    )
    ledgers = {first + number: uri for number, uri in removed.items()}
    compared = tuple(numbered(run, open_table(run, "compared")).values())
    return Snapshot(run, parts, max(documents, default=0) + 1, tables[1].n_rows, ledgers, compared)


def numbered(run: Run, table: Table) -> dict[int, str]:
    """Number of a part that has rows -> its URI."""
    return {file.number: run.path(table.name, file.path) for file in table.files if file.n_rows}


def check_alike(new: Run, earlier: Run) -> None:
    """Band keys and texts can be compared only when they were made alike."""
    ours, theirs = measured_as(new), measured_as(earlier)
    for name, value in ours.items():
        if value != theirs[name]:
            reason = f"{earlier.root}: was measured with {name} = {theirs[name]}, this run with {value}"
            raise UsageError(reason, "give both the same setting and run `gristmill measure` again, or leave it out")


def measured_as(run: Run) -> dict[str, Any]:
    measured = run.committed("measure")
    if measured is None:
        raise InputError(f"{run.path('signals')}: not there yet", "dedup.index names finished run directories")
    settings = measured.identity["settings"]
    inner = {f"measure.{name}": settings["measure"][name] for name in ALIKE_IN_MEASURE}
    keys = {"version of band keys": measured.counts.get("band_keys", 1)}  # 1 is not written down
    return {name: settings[name] for name in ALIKE} | inner | keys


def check_files(runs: Sequence[Run]) -> None:
    """Ids are made of source, file and number: no two runs may have read a file of one name."""
    owners: dict[tuple[str, str], str] = {}
    for run in runs:
        ingested = run.committed("ingest")
        for file in ingested.counts["files"] if ingested else ():
            name = file["source"], file["path"]
            other = owners.setdefault(name, run.root)
            if other != run.root:
                reason = f"{other} and {run.root} have both read {'/'.join(name)}, so their documents share ids"
                raise UsageError(reason, "give the inputs of one of them another name with `source:`")
