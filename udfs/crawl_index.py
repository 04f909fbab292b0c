"""Records that an index of a crawl names, chosen before they are read: Common Crawl's columnar index (Parquet) or CDXJ.

Each row of the index is an outcome: the record that it names, read alone from its place in a WARC file and held against
the digest of the index, or `Skipped` when it was not chosen. WARC files are not read otherwise. Numbers of records are
those of the index's rows.

Columns: https://commoncrawl.org/columnar-index and https://specs.webrecorder.net/cdxj/0.1.0/.
"""

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import IO, Any

import pyarrow.parquet as pq

from udfs import files
from udfs.members import READ_BYTES, Limits, MemberError, Source, inflate
from udfs.records import Damage, Outcome, Record, Skipped
from udfs.urls import host
from udfs.warc import read_warc

PARQUET = b"PAR1"
BATCH_ROWS = 4096
COLUMNS = {
    "url": "url",
    "status": "fetch_status",
    "media_type": "content_mime_detected",
    "languages": "content_languages",
    "digest": "content_digest",
    "file": "warc_filename",
    "offset": "warc_record_offset",
    "length": "warc_record_length",
}
"""What of an entry stands in which column of the columnar index."""


@dataclass(frozen=True)
class Selection:
    """Which rows of an index are read; an empty tuple chooses all."""

    root: str = ""
    """Folder below which the files stand that the index names."""
    domains: tuple[str, ...] = ()
    """Domains and hosts, each with all hosts below it."""
    languages: tuple[str, ...] = ()
    """ISO-639-3 codes, as the index has them; the first language of a page decides."""
    statuses: tuple[int, ...] = ()
    media_types: tuple[str, ...] = ()


EVERYTHING = Selection()


@dataclass(frozen=True)
class Entry:
    """A row of an index."""

    url: str
    status: int | None
    media_type: str
    languages: str
    digest: str
    file: str
    offset: int
    length: int


def read_index(stream: IO[bytes], limits: Limits, selection: Selection) -> Iterator[Outcome]:
    """The outcome of every row of an index file, in order. Parquet needs a stream that can seek. Raises InputError for
    a WARC file that is not there."""
    is_parquet = stream.read(len(PARQUET)) == PARQUET
    stream.seek(0)
    entries = parquet_entries(stream) if is_parquet else cdxj_entries(stream, limits)
    for ordinal, entry in enumerate(entries):
        if isinstance(entry, Damage):
            yield replace(entry, ordinal=ordinal)
        elif is_chosen(entry, selection):
            yield read_entry(entry, ordinal, limits, selection.root)
        else:
            yield Skipped(ordinal, "not_selected")


def parquet_entries(stream: IO[bytes]) -> Iterator[Entry | Damage]:
    for batch in pq.ParquetFile(stream).iter_batches(BATCH_ROWS, columns=list(COLUMNS.values()), use_threads=False):
        for row in batch.to_pylist():
            yield to_entry({name: row[column] for name, column in COLUMNS.items()}, row["url"] or "")


def cdxj_entries(stream: IO[bytes], limits: Limits) -> Iterator[Entry | Damage]:
    """Entries of lines such as `org,example)/ 20240101000000 {"url": ..., "filename": ..., "offset": ...}`."""
    rest = b""
    try:
        for piece in inflate(Source(stream, limits)):
            *lines, rest = (rest + piece).split(b"\n")
            yield from (cdxj_entry(line) for line in lines if line.strip())
    except MemberError as error:
        yield Damage(0, 0, error.reason, error.detail, rest[:READ_BYTES])
        return
    if rest.strip():
        yield cdxj_entry(rest)


def cdxj_entry(line: bytes) -> Entry | Damage:
    text = line.decode("utf-8", "replace")
    try:
        row = json.loads(text[text.index("{") :])
    except ValueError:
        return Damage(0, 0, "not_json", "a line of an index without a JSON object", line[:1024])
    row |= {"media_type": row.get("mime-detected") or row.get("mime"), "file": row.get("filename")}
    return to_entry(row, text)


def to_entry(row: Mapping[str, Any], shown: str) -> Entry | Damage:
    """The entry; Damage when a row does not say where its record stands. `shown` identifies the row there."""
    try:
        status = str(row.get("status") or "")
        return Entry(
            url=row.get("url") or "",
            status=int(status) if status.isdecimal() else None,
            media_type=row.get("media_type") or "",
            languages=row.get("languages") or "",
            digest=row.get("digest") or "",
            file=str(row["file"] or ""),
            offset=int(row["offset"]),
            length=int(row["length"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        detail = f"a row of an index that does not say file, offset and length: {error!r}"
        return Damage(0, 0, "bad_header", detail, shown.encode("utf-8", "replace")[:1024])


def is_chosen(entry: Entry, selection: Selection) -> bool:
    return (
        (not selection.statuses or entry.status in selection.statuses)
        and (not selection.media_types or entry.media_type in selection.media_types)
        and (not selection.languages or entry.languages.partition(",")[0] in selection.languages)
        and (not selection.domains or is_below(host(entry.url), selection.domains))
    )


def is_below(name: str, domains: tuple[str, ...]) -> bool:
    """Whether a host is one of the domains or stands below one."""
    return any(name == domain or name.endswith(f".{domain}") for domain in domains)


def read_entry(entry: Entry, ordinal: int, limits: Limits, root: str) -> Outcome:
    """The record at the entry's place; Damage when another stands there."""
    data = files.read_range(files.join(root, entry.file) if root else entry.file, entry.offset, entry.length)
    outcome = next(read_warc(io.BytesIO(data), limits))
    if isinstance(outcome, Skipped):
        return replace(outcome, ordinal=ordinal)
    digest = outcome.digest.rpartition(":")[2] if isinstance(outcome, Record) else ""
    if entry.digest and digest and digest != entry.digest.rpartition(":")[2]:
        detail = f"the index says {entry.digest}, the record {digest}"
        return Damage(ordinal, entry.offset, "digest", detail, data[:1024], entry.file)
    return replace(outcome, ordinal=ordinal, offset=entry.offset, file=entry.file)
