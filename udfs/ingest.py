"""Input files to documents: every record of a file becomes a document, a ledger row, a quarantine row or a count."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa

from udfs import files
from udfs.extract import ExtractPlan, extract
from udfs.hashing import document_id
from udfs.inputs import InputFile
from udfs.parts import PartFile, PartWriter
from udfs.readers import read
from udfs.records import Damage, Record, Skipped

ROWS_PER_WRITE = 200
OK_STATUSES = (None, 200)


@dataclass(frozen=True)
class IngestPlan:
    """How records become documents."""

    extract: ExtractPlan
    media_types: tuple[str, ...]
    max_record_bytes: int


@dataclass(frozen=True)
class IngestTask:
    """Input files that are read together, and the parts to make of them: table -> (folder, schema)."""

    files: tuple[InputFile, ...]
    part_name: str
    tables: dict[str, tuple[str, pa.Schema]]


@dataclass
class FileCounts:
    """What became of the records of one file; records = sum of skipped + quarantined + removed + documents."""

    source: str
    path: str
    kind: str
    records: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    quarantined: int = 0
    removed: int = 0
    documents: int = 0


@dataclass
class IngestResult:
    parts: dict[str, PartFile | None]
    counts: list[dict[str, Any]]


def ingest_part(task: IngestTask, plan: IngestPlan) -> IngestResult:
    """Read the files of a task and write its part of each table."""
    counts = []
    with ExitStack() as stack:
        writers = {
            table: stack.enter_context(PartWriter(folder, task.part_name, schema))
            for table, (folder, schema) in task.tables.items()
        }
        for file in task.files:
            found = FileCounts(file.source, file.path, file.kind)
            for table, row in read_file(file, plan, found):
                writers[table].write([row])
            counts.append(asdict(found))
    return IngestResult({table: writer.part for table, writer in writers.items()}, counts)


def read_file(file: InputFile, plan: IngestPlan, counts: FileCounts) -> Iterator[tuple[str, dict[str, Any]]]:
    """(table, row) of every record that is not skipped, counting all of them."""
    with files.open_read(file.uri) as stream:
        for outcome in read(file.kind, stream, fields=file.fields, max_record_bytes=plan.max_record_bytes):
            counts.records += 1
            if isinstance(outcome, Skipped):
                counts.skipped[outcome.type] += 1
            elif isinstance(outcome, Damage):
                counts.quarantined += 1
                yield "quarantine", quarantine_row(file, outcome)
            else:
                table, row = judge(file, outcome, plan)
                counts.documents += table == "documents"
                counts.removed += table != "documents"
                yield table, row


def quarantine_row(file: InputFile, damage: Damage) -> dict[str, Any]:
    return {
        "id": document_id(file.source, file.path, damage.ordinal),
        "source": file.source,
        "file_path": file.path,
        "record_offset": damage.offset,
        "stage": "ingest",
        "reason": damage.reason,
        "detail": damage.detail,
        "bytes": damage.head,
    }


def judge(file: InputFile, record: Record, plan: IngestPlan) -> tuple[str, dict[str, Any]]:
    """The record as a row of `documents`, or of the ledger when it has no text to keep."""
    if record.status not in OK_STATUSES:
        return "ledger", ledger_row(file, record, "status", str(record.status))
    if record.text is None and record.media_type not in plan.media_types:
        return "ledger", ledger_row(file, record, "media_type", record.media_type or "unknown")
    found = extract(record, plan.extract)
    if found.text is None:
        return "ledger", ledger_row(file, record, found.reason, "")
    return "documents", document_row(file, record, found)
