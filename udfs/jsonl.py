"""Records of JSON lines, plain, gzip or zstd: one for each line that is not blank.

A line that cannot be used costs itself. Where the compression is damaged, what follows cannot be told from what is
lost, and one Damage stands for all of it. Offsets count bytes of the inflated stream.
"""

import json
from collections.abc import Iterator
from typing import IO, Any, NamedTuple

from udfs.members import READ_BYTES, USUAL_LIMITS, Limits, MemberError, PlainFile, Source, compression, inflate
from udfs.records import HEAD_BYTES, WHOLE, Damage, Outcome, Reason, Span, spans_between
from udfs.rows import USUAL_FIELDS, Fields, row_outcome

BOM = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """Line number `ordinal` of a file, blank ones not counted: all of it, or, if it is longer than allowed, its first
    HEAD_BYTES."""

    ordinal: int
    offset: int
    content: bytes
    n_bytes: int


def read_jsonl(
    stream: IO[bytes], limits: Limits = USUAL_LIMITS, fields: Fields = USUAL_FIELDS, span: Span = WHOLE
) -> Iterator[Outcome]:
    """Every line of the file, or of a span of it, in order; see `udfs.records`."""
    for line in read_lines(stream, limits, span):
        row = line if isinstance(line, Damage) else parse_object(line, limits.record_bytes)
        yield row if isinstance(row, Damage) else row_outcome(row, fields, line.ordinal, line.offset, line.content)


def read_lines(stream: IO[bytes], limits: Limits, span: Span = WHOLE) -> Iterator[Line | Damage]:
    """The lines that begin in the span and are not blank; Damage for what cannot be inflated."""
    lines = _Lines(limits.record_bytes, span)
    source = Source(stream, limits, span.start)
    try:
        for piece in _plain_pieces(source) if span.start else inflate(source):
            for line in lines.cut(piece):
                if line.offset >= span.end:
                    return
                yield line
    except MemberError as error:
        yield Damage(lines.ordinal, lines.offset, error.reason, error.detail, lines.unfinished()[:HEAD_BYTES])
        return
    yield from (line for line in lines.cut(b"\n") if line.offset < span.end)


def parse_object(line: Line, max_bytes: int) -> dict[str, Any] | Damage:
    """The JSON object that the line is."""

    def damage(reason: Reason, detail: str) -> Damage:
        return Damage(line.ordinal, line.offset, reason, detail, line.content[:HEAD_BYTES])

    if line.n_bytes > max_bytes:
        return damage("too_large", f"a line of {line.n_bytes} bytes; a record may have {max_bytes}")
    try:
        row = json.loads(line.content.removeprefix(BOM).decode("utf-8"))
    except UnicodeDecodeError as error:
        return damage("invalid_utf8", str(error))
    except (ValueError, RecursionError) as error:
        return damage("not_json", str(error))
    return row if isinstance(row, dict) else damage("not_an_object", f"a JSON {type(row).__name__}, not an object")


def cut_jsonl(stream: IO[bytes], limits: Limits, n_bytes: int) -> list[Span]:
    """Spans of about `n_bytes`, found by reading the file once; one span of a compressed file."""
    source = Source(stream, limits)
    if compression(source.peek(4)):
        return [WHOLE]
    lines = _Lines(limits.record_bytes, WHOLE)
    starts = ((line.offset, line.ordinal) for piece in _plain_pieces(source) for line in lines.cut(piece))
    return spans_between(starts, n_bytes)


def _plain_pieces(source: Source) -> Iterator[bytes]:
    file = PlainFile(source)
    while piece := file.read(READ_BYTES):
        yield piece


class _Lines:
    """Cuts the pieces of a stream into lines, and holds one unfinished line at most."""

    def __init__(self, max_bytes: int, span: Span) -> None:
        self.ordinal = span.ordinal
        self.offset = span.start
        """Where the unfinished line begins."""
        self._max_bytes = max_bytes
        self._parts: list[bytes] = []
        self._n_bytes = 0

    def cut(self, piece: bytes) -> Iterator[Line]:
        """The lines that end in `piece`, but for blank ones."""
        *ends, rest = piece.split(b"\n")
        for end in ends:
            self._add(end)
            line = Line(self.ordinal, self.offset, self.unfinished(), self._n_bytes)
            self.offset += self._n_bytes + 1
            self._parts, self._n_bytes = [], 0
            if line.content.strip() or line.n_bytes > self._max_bytes:
                self.ordinal += 1
                yield line
        self._add(rest)

    def _add(self, part: bytes) -> None:
        if self._n_bytes <= self._max_bytes:
            self._parts.append(part)
        self._n_bytes += len(part)
        if self._n_bytes > self._max_bytes:
            self._parts = [self.unfinished()[:HEAD_BYTES]]

    def unfinished(self) -> bytes:
        return b"".join(self._parts)
