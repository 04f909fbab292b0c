"""What every reader of input files yields: one outcome for each record of the file, in order.

A reader is a generator `read_X(stream, ...) -> Iterator[Outcome]`. It holds one record at a time, never raises because
of what the file contains, and numbers all outcomes alike, so that the number of outcomes is the number of records.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

HEAD_BYTES = 1024

Reason = Literal[
    "empty",  # the file has no bytes
    "not_warc",  # nothing in the file looks like a WARC record
    "truncated",  # the file ends inside this record
    "damaged_compression",  # gzip or zstd data that cannot be inflated
    "checksum",  # the gzip or zstd checksum does not fit the inflated bytes
    "bad_header",  # no WARC header where a record must begin, or one that cannot be used
    "unknown_type",  # a WARC-Type that the standard does not know
    "length",  # Content-Length is missing, malformed or contradicted by what follows the record
    "digest",  # the block or payload is not what its digest says
    "content_encoding",  # the HTTP body cannot be decoded as its headers say
    "too_large",  # more bytes than one record may have
    "ratio",  # the file inflates to implausibly many bytes; the rest of it is not read
    "too_many_members",  # the file has implausibly many compressed members; the rest of it is not read
    "not_json",
    "not_an_object",
    "no_text_field",  # the text is missing or is not a string
    "invalid_utf8",
    "extractor_failed",  # an error inside the extractor
    "extractor_died",  # the page ended the process that extracts, twice
    "unreadable",  # a Parquet file, or a row group of one, that cannot be read
]


class Record(NamedTuple):
    """A record that may hold text, with what its source says about it.

    Web pages carry `payload` (the HTTP body, decoded), rows carry `text`. `offset` counts bytes in the file as stored
    (where the record's gzip member or zstd frame begins) plus, where one member holds many records, those before it in
    the inflated member; for Parquet it is the row's number.
    """

    ordinal: int
    offset: int
    type: str
    """The WARC-Type, or "row"."""
    record_id: str = ""
    url: str = ""
    date: str = ""
    status: int | None = None
    """HTTP status; None where there was no HTTP header."""
    media_type: str = ""
    """Lower case, without parameters; "" when unknown."""
    charset: str = ""
    """As the HTTP header names it; "" when it does not."""
    robots: str = ""
    """What the HTTP header asks of robots (X-Robots-Tag)."""
    digest: str = ""
    """WARC-Payload-Digest, as the record states it."""
    payload: bytes = b""
    text: str | None = None
    source: str = ""
    """A part of the source that the row names (a set of the Pile), as [a-z0-9-]; "" when it names none."""
    truncated: bool = False
    """The crawler, or the connection, cut the content short."""
    warnings: tuple[str, ...] = ()
    """Faults that were tolerated."""
    file: str = ""
    """The file that holds the record, where an index names it; "" for the file being read."""


class Damage(NamedTuple):
    """A record, or a span of bytes up to the next outcome, that cannot be used."""

    ordinal: int
    offset: int
    reason: Reason
    detail: str
    head: bytes
    """The first bytes of the span, at most HEAD_BYTES: inflated where that was possible, else as stored."""
    file: str = ""
    """As in `Record`."""


class Skipped(NamedTuple):
    """An intact record of a type that holds no content of its own (warcinfo, request ...), or one not asked for."""

    ordinal: int
    type: str


Outcome = Record | Damage | Skipped


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of a file, as stored, that can be read alone: record number `ordinal` begins at `start`, and what begins at
    `end` or later is left to others."""

    start: int = 0
    end: int = sys.maxsize
    ordinal: int = 0


WHOLE = Span()


def spans_between(starts: Iterable[tuple[int, int]], n_bytes: int) -> list[Span]:
    """Spans of at least `n_bytes` each, but for the last, cut at some of the (byte, ordinal) where records begin."""
    cuts = [(0, 0)]
    for start, ordinal in starts:
        if start - cuts[-1][0] >= n_bytes:
            cuts.append((start, ordinal))
    ends = [start for start, _ in cuts[1:]] + [sys.maxsize]
    return [Span(start, end, ordinal) for (start, ordinal), end in zip(cuts, ends, strict=True)]
