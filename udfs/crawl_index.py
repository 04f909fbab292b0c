"""Records that an index of a crawl names, chosen before they are read: Common Crawl's columnar index (Parquet) or CDXJ.

Each row of the index is an outcome: the record that it names, read alone from its place in a WARC file and held against
the digest of the index, or `Skipped` when it was not chosen. WARC files are not read otherwise. Numbers of records are
those of the index's rows.

Columns: https://commoncrawl.org/columnar-index and https://specs.webrecorder.net/cdxj/0.1.0/.
"""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

from udfs import files
from udfs.jsonl import Line, parse_object, read_lines
from udfs.members import Limits
from udfs.parquet_rows import read_rows
from udfs.records import HEAD_BYTES, Damage, Outcome, Record, Skipped
from udfs.urls import host
from udfs.warc import read_warc

PARQUET = b"PAR1"
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
    """Row number `ordinal` of an index."""

    ordinal: int
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
    for entry in parquet_entries(stream, limits) if is_parquet else cdxj_entries(stream, limits):
        if isinstance(entry, Damage):
            yield entry
        elif is_chosen(entry, selection):
            yield read_entry(entry, limits, selection.root)
        else:
            yield Skipped(entry.ordinal, "not_selected")


def parquet_entries(stream: IO[bytes], limits: Limits) -> Iterator[Entry | Damage]:
    for row in read_rows(stream, COLUMNS.values()):
        if isinstance(row, Damage):
            yield row
        else:
            values = {name: row.values.get(column) for name, column in COLUMNS.items()}
            shown = str(values["url"]).encode("utf-8", "replace")
            yield to_entry(values, row.ordinal, row.number, shown, limits)


def cdxj_entries(stream: IO[bytes], limits: Limits) -> Iterator[Entry | Damage]:
    """Entries of lines such as `org,example)/ 20240101000000 {"url": ..., "filename": ..., "offset": ...}`."""
    for line in read_lines(stream, limits):
        if isinstance(line, Line):
            json_object = line.content[max(0, line.content.find(b"{")) :]
            row = parse_object(line._replace(content=json_object), limits.record_bytes)
        else:
            row = line
        if isinstance(row, Damage):
            yield row
        else:
            row |= {"media_type": row.get("mime-detected") or row.get("mime"), "file": row.get("filename")}
            yield to_entry(row, line.ordinal, line.offset, line.content, limits)


def to_entry(row: Mapping[str, Any], ordinal: int, place: int, shown: bytes, limits: Limits) -> Entry | Damage:
    """The entry; Damage at `place` of the index when the row does not say where its record stands, or names a longer
    one than may be read. `shown` identifies the row there."""
    try:
        file, offset, length = str(row["file"] or ""), int(row["offset"]), int(row["length"])
        if not file or offset < 0 or length < 0:
            raise ValueError(f"file {file!r}, offset {offset}, length {length}")
    except (KeyError, TypeError, ValueError) as error:
        detail = f"a row of an index that does not say file, offset and length: {error!r}"
        return Damage(ordinal, place, "bad_header", detail, shown[:HEAD_BYTES])
    if length > limits.record_bytes:
        detail = f"a row of an index that names a record of {length} bytes; one may have {limits.record_bytes}"
        return Damage(ordinal, place, "too_large", detail, shown[:HEAD_BYTES])
    words = {name: str(row.get(name) or "") for name in ("url", "status", "media_type", "languages", "digest")}
    status = words.pop("status")
    return Entry(
        ordinal, status=int(status) if status.isdecimal() else None, **words, file=file, offset=offset, length=length
    )


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


def read_entry(entry: Entry, limits: Limits, root: str) -> Outcome:
    """The record at the entry's place; Damage when another stands there."""
    data = files.read_range(files.join(root, entry.file) if root else entry.file, entry.offset, entry.length)
    outcome = next(read_warc(io.BytesIO(data), limits))
    if isinstance(outcome, Skipped):
        return outcome._replace(ordinal=entry.ordinal)
    digest = outcome.digest.rpartition(":")[2] if isinstance(outcome, Record) else ""
    if entry.digest and digest and digest != entry.digest.rpartition(":")[2]:
        detail = f"the index says {entry.digest}, the record {digest}"
        return Damage(entry.ordinal, entry.offset, "digest", detail, data[:HEAD_BYTES], entry.file)
    return outcome._replace(ordinal=entry.ordinal, offset=entry.offset, file=entry.file)
