"""The decisions of stages, part by part: which documents are left, and the ledger of those that a stage removes."""

from collections.abc import Callable, Sequence
from functools import partial

from pipelines.stage import Job, total
from pipelines.tables import LEDGER
from pipelines.tasks import run_tasks
from udfs.decisions import Counts, LedgerFile, Part
from udfs.parts import PartFile


def parts_left(job: Job, *ledgers: str, duplicates: bool = False) -> list[Part]:
    """Every part of the documents, with what the named ledgers (and `duplicates`) say of it."""
    said = [job.numbered(ledger) for ledger in ledgers]
    copies = job.numbered("duplicates") if duplicates else {}
    signals = job.numbered("signals")
    return [
        Part(
            number,
            documents,
            signals[number],
            tuple(uris[number] for uris in said if number in uris),
            copies.get(number),
        )
        for number, documents in job.numbered("documents").items()
    ]


def ledger_file(job: Job) -> LedgerFile:
    return LedgerFile(job.stage, job.run.path(f"ledger/{job.stage}"), job.key, LEDGER)


def write_ledger(job: Job, decide: Callable[..., tuple[PartFile | None, Counts]], parts: Sequence[Part]) -> None:
    """Run `decide(part, ledger=...)` for each part; commit the ledger of the stage and its counts."""
    decide = partial(decide, ledger=ledger_file(job))
    add_ledger(job, run_tasks(job.spark, job.stage, decide, parts))


def add_ledger(job: Job, written: Sequence[tuple[PartFile | None, Counts]]) -> None:
    job.add(f"ledger/{job.stage}", [part for part, _ in written])
    job.counts["removed"] = total("source", "reason", [counts for _, counts in written])
