"""Input files to documents: every record of a file becomes a document, a ledger row, a quarantine row or a count."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import pyarrow as pa

from udfs import files
from udfs.blocks import extract_blocks
from udfs.charset import decode
from udfs.crawl_index import Selection
from udfs.decisions import Counts
from udfs.extract_child import extract_child
from udfs.extraction import Extraction, Options, plain_text
from udfs.hashing import document_id
from udfs.inputs import InputFile
from udfs.members import Limits
from udfs.page_head import NO_HEAD, Head, read_head
from udfs.parts import PartFile, PartWriter
from udfs.readers import cut, read
from udfs.records import HEAD_BYTES, Damage, Record, Skipped
from udfs.rows import Fields
from udfs.urls import BlockFiles, bare_url, blocked, host, load_lists

Extractor = Literal["blocks", "trafilatura", "resiliparse"]
OK_STATUSES = (None, 200)
LEDGER = "ledger/ingest"
QUARANTINE = "quarantine"


@dataclass(frozen=True)
class IngestPlan:
    """How records become documents."""

    extractor: Extractor
    extract: Options
    """How trafilatura extracts."""
    fallback_below: float
    """Pages of which `blocks` expects a lower F1 are extracted by trafilatura."""
    repair_mojibake: bool
    media_types: tuple[str, ...]
    limits: Limits
    block: BlockFiles


@dataclass(frozen=True)
class IngestTask:
    """Input files that are read together, and the parts to make of them: table -> (folder, schema)."""

    files: tuple[InputFile, ...]
    part_name: str
    tables: dict[str, tuple[str, pa.Schema]]


@dataclass
class FileCounts:
    """How a file was read, and what became of its records: the sum of skipped, quarantined, removed and documents."""

    source: str
    path: str
    kind: str
    uri: str
    fields: Mapping[str, str]
    select: Selection
    records: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    quarantined: int = 0
    removed: int = 0
    documents: int = 0

    @classmethod
    def of(cls, file: InputFile) -> "FileCounts":
        """Of a file of which nothing was read so far."""
        return cls(file.source, file.path, file.kind, file.uri, file.fields, file.select)

    def add(self, other: "FileCounts") -> None:
        """Count what became of another span of the file too."""
        self.records += other.records
        self.quarantined += other.quarantined
        self.removed += other.removed
        self.documents += other.documents
        for kind, n in other.skipped.items():
            self.skipped[kind] = self.skipped.get(kind, 0) + n


@dataclass
class IngestResult:
    """The parts written, what became of each file's records, and ledger and quarantine rows by (source, reason)."""

    parts: dict[str, PartFile | None]
    files: list[FileCounts]
    reasons: dict[str, Counts]


def ingest_part(task: IngestTask, plan: IngestPlan) -> IngestResult:
    """Read the files of a task and write its part of each table."""
    counts = []
    reasons: dict[str, Counter[tuple[str, str]]] = {LEDGER: Counter(), QUARANTINE: Counter()}
    with ExitStack() as stack:
        writers = {
            table: stack.enter_context(PartWriter(folder, task.part_name, schema))
            for table, (folder, schema) in task.tables.items()
        }
        for file in task.files:
            found = FileCounts.of(file)
            for table, row in read_file(file, plan, found):
                writers[table].write_row(row)
                if table in reasons:
                    reasons[table][row["source"], row["reason"]] += 1
            counts.append(found)
    parts = {table: writer.part for table, writer in writers.items()}
    return IngestResult(parts, counts, {table: dict(counted) for table, counted in reasons.items()})


def cut_file(file: InputFile, limits: Limits, n_bytes: int) -> list[InputFile]:
    """The file as spans of about `n_bytes`, where it can be cut."""
    with files.open_read(file.uri) as stream:
        return [replace(file, span=span) for span in cut(file.kind, stream, limits, n_bytes)]


def read_file(file: InputFile, plan: IngestPlan, counts: FileCounts) -> Iterator[tuple[str, dict[str, Any]]]:
    """(table, row) of every record that is not skipped, counting all of them."""
    with files.open_read(file.uri) as stream:
        for outcome in read(file.kind, stream, plan.limits, fields_of(file), file.span, file.select):
            counts.records += 1
            if isinstance(outcome, Skipped):
                counts.skipped[outcome.type] = counts.skipped.get(outcome.type, 0) + 1
            elif isinstance(outcome, Damage):
                counts.quarantined += 1
                yield QUARANTINE, quarantine_row(file, outcome)
            else:
                table, row = judge(file, outcome, plan)
                counts.documents += table == "documents"
                counts.removed += table == LEDGER
                counts.quarantined += table == QUARANTINE
                yield table, row


def fields_of(file: InputFile) -> Fields:
    """Where the rows of the file say what; what the settings do not name is looked for in the usual places."""
    return Fields(**{name: (place,) for name, place in file.fields.items()})


def quarantine_row(file: InputFile, damage: Damage) -> dict[str, Any]:
    """The row of a record that cannot be used."""
    return {
        "id": document_id(file.source, file.path, damage.ordinal),
        "source": file.source,
        "file_path": damage.file or file.path,
        "record_offset": damage.offset,
        "stage": "ingest",
        "reason": damage.reason,
        "detail": damage.detail,
        "bytes": damage.head,
    }


def judge(file: InputFile, record: Record, plan: IngestPlan) -> tuple[str, dict[str, Any]]:
    """(table, row): the record as a document, in the ledger when it has no text to keep, in quarantine when it broke
    its extractor."""
    if record.url and (rule := blocked(bare_url(record.url), load_lists(plan.block))):
        return LEDGER, ledger_row(file, record, rule, host(record.url))
    if record.status not in OK_STATUSES:
        return LEDGER, ledger_row(file, record, "status", str(record.status))
    if record.text is None and record.type != "conversion" and record.media_type not in plan.media_types:
        return LEDGER, ledger_row(file, record, "media_type", record.media_type or "unknown")
    made = make_text(record, plan)
    if made.found.reason in ("extractor_failed", "extractor_died"):
        damage = Damage(record.ordinal, record.offset, made.found.reason, "", record.payload[:HEAD_BYTES], record.file)
        return QUARANTINE, quarantine_row(file, damage)
    if made.found.text is None:
        return LEDGER, ledger_row(file, record, made.found.reason or "no_text", "")
    if plan.repair_mojibake:
        made = made._replace(found=replace(made.found, text=repaired(made.found.text)))
    return "documents", document_row(file, record, made)


class Made(NamedTuple):
    """The text of a record, how it came about, and what the page states about itself."""

    found: Extraction
    extractor: str
    charset: str | None
    confidence: float | None = None
    head: Head = NO_HEAD


def make_text(record: Record, plan: IngestPlan) -> Made:
    """A row is text already; a WET record or a plain text page needs a charset only; the rest is HTML."""
    if record.text is not None:
        return Made(plain_text(record.text), "none", None)
    decoded = decode(record.payload, "utf-8" if record.type == "conversion" else record.charset)
    if record.type == "conversion" or record.media_type == "text/plain":
        return Made(plain_text(decoded.text), "plain", decoded.charset)
    page = decoded.utf8
    head = read_head(page)
    if plan.extractor != "blocks":
        found = extract_child(plan.extractor, plan.extract).extract(page)
        return Made(found, plan.extractor, decoded.charset, None, head)
    ours = extract_blocks(page)
    if ours.reason != "too_large" and ours.confidence < plan.fallback_below:
        found = extract_child("trafilatura", plan.extract).extract(page)
        if found.text is not None:
            return Made(found, "trafilatura", decoded.charset, ours.confidence, head)
    return Made(Extraction(ours.text, ours.reason, ours.truncated), "blocks", decoded.charset, ours.confidence, head)


def repaired(text: str) -> str:
    """The text with mojibake undone: UTF-8 that somebody once took for another charset."""
    from ftfy import fix_encoding  # an option, and slow to import

    return fix_encoding(text)


def robots(record: Record, head: Head) -> str:
    """What the HTTP header and the page ask of robots, each once: "noindex, noai"."""
    asked = f"{record.robots.lower()}, {head.robots}".split(",")
    return ", ".join(dict.fromkeys(word for one in asked if (word := one.strip())))


def common_columns(file: InputFile, record: Record) -> dict[str, Any]:
    """What documents and ledger rows say alike of a record."""
    return {
        "id": document_id(file.source, file.path, record.ordinal),
        "source": f"{file.source}.{record.source}" if record.source else file.source,
        "url": bare_url(record.url) or None,
    }


def document_row(file: InputFile, record: Record, made: Made) -> dict[str, Any]:
    payload = record.payload if record.text is None else record.text.encode()
    return {
        **common_columns(file, record),
        "record_id": record.record_id or None,
        "date": record.date or None,
        "dump": file.dump,
        "file_path": record.file or file.path,
        "record_offset": record.offset,
        "content_digest": hashlib.sha256(payload).hexdigest(),
        "charset": made.charset,
        "extractor": made.extractor,
        "extractor_confidence": made.confidence,
        "truncated": record.truncated or made.found.truncated,
        "title": made.head.title or None,
        "page_language": made.head.language or None,
        "canonical_url": made.head.url or None,
        "published": made.head.date or None,
        "robots": robots(record, made.head) or None,
        "text": made.found.text,
    }


def ledger_row(file: InputFile, record: Record, reason: str, detail: str) -> dict[str, Any]:
    return {
        **common_columns(file, record),
        "stage": "ingest",
        "reason": reason,
        "broken": [reason],
        "excerpt": detail or None,
    }
