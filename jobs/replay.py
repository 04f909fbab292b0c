"""`gristmill replay`: a quarantined record read once more, with everything that can be said of it; no Spark."""

from typing import Any

from rich.console import Console

from jobs.explain import find
from jobs.terminal import shown
from pipelines.ingest import IngestSettings
from pipelines.run import Run
from udfs import files
from udfs.charset import decode
from udfs.crawl_index import Selection
from udfs.errors import InputError
from udfs.hashing import document_id
from udfs.ingest import IngestPlan, fields_of, judge
from udfs.inputs import InputFile
from udfs.readers import read
from udfs.records import Damage, Outcome, Record

LINE_BYTES = 16


def replay_record(run: Run, quarantine_id: str, console: Console) -> None:
    """Print where the record stands, its first bytes, what the reader finds there now, and what becomes of it."""
    row = find(run, "quarantine", quarantine_id)
    if row is None:
        hint = "ids stand in the column `id` of the table quarantine"
        raise InputError(f"{run.root}: nothing in quarantine has an id that starts with {quarantine_id!r}", hint)
    inputs, plan = recorded_inputs(run, row)
    for name in ("id", "source", "file_path", "record_offset", "reason", "detail"):
        console.print(f"{name:<14} {shown(row[name])}")
    print_bytes(row["bytes"] or b"", console)
    file, outcome = read_again(inputs, plan, row["id"])
    console.print(f"read from      {shown(file.uri)}")
    print_outcome(outcome, console)
    if isinstance(outcome, Record):
        table, found = judge(file, outcome, plan)
        console.print(f"verdict now    {table}" + (f", {found['reason']}" if "reason" in found else ""))


def recorded_inputs(run: Run, row: dict[str, Any]) -> tuple[list[InputFile], IngestPlan]:
    """The files that may have named a quarantine row's record, and how they were read, as the record of ingest says."""
    committed = run.committed("ingest")
    counted = committed.counts["files"] if committed else []
    found = [
        InputFile(
            one["uri"], one["path"], one["source"], one["kind"], None, one["fields"], select=Selection(**one["select"])
        )
        for one in counted
        if one["source"] == row["source"] and (one["path"] == row["file_path"] or one["kind"] == "index")
    ]
    if not found:
        raise InputError(
            f"{row['file_path']}: is not among the files that ingest has read", "run `gristmill ingest` again"
        )
    settings = committed.identity["settings"]["ingest"] if committed else {}
    return found, IngestSettings.model_validate(settings).plan()


def read_again(inputs: list[InputFile], plan: IngestPlan, identity: str) -> tuple[InputFile, Outcome]:
    """The record with this id, and the file that names it. Raises InputError when there is none any more."""
    for file in inputs:
        with files.open_read(file.uri) as stream:
            for outcome in read(file.kind, stream, plan.limits, fields_of(file), select=file.select):
                if document_id(file.source, file.path, outcome.ordinal) == identity:
                    return file, outcome
    raise InputError(f"{inputs[0].uri}: has no such record any more", "the file has changed since it was read")


def print_outcome(outcome: Outcome, console: Console) -> None:
    if isinstance(outcome, Damage):
        console.print(f"reader now     {outcome.reason}: {shown(outcome.detail)}, record {outcome.ordinal}")
        return
    if not isinstance(outcome, Record):
        console.print(f"reader now     intact, a {shown(outcome.type)} record")
        return
    console.print(f"reader now     intact, record {outcome.ordinal}")
    for name in ("type", "record_id", "url", "date", "status", "media_type", "charset", "truncated", "warnings"):
        console.print(f"{name:<14} {shown(getattr(outcome, name))}")
    if outcome.text is None:
        decoded = decode(outcome.payload, outcome.charset)
        console.print(f"payload        {len(outcome.payload):,} bytes, {decoded.charset} by {decoded.origin}")
        console.print(f"bad bytes      {decoded.n_bad}")


def print_bytes(head: bytes, console: Console) -> None:
    """The first bytes in hexadecimal and, where they are printable ASCII, as text."""
    for start in range(0, len(head), LINE_BYTES):
        line = head[start : start + LINE_BYTES]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in line)
        console.print(f"{start:>8x}  {line.hex(' '):<{3 * LINE_BYTES}} {shown(text)}", highlight=False)
