"""Records of JSON lines, plain, gzip or zstd: one for each line that is not blank.

A line that cannot be used costs itself. Where the compression is damaged, what follows cannot be told from what is
lost, and one Damage stands for all of it. Offsets count bytes of the inflated stream.
"""

import json
from collections.abc import Iterator
from typing import IO, NamedTuple

from udfs.members import READ_BYTES, USUAL_LIMITS, Limits, MemberError, PlainFile, Source, compression, inflate
from udfs.records import HEAD_BYTES, WHOLE, Damage, Outcome, Reason, Span, spans_between
from udfs.rows import USUAL_FIELDS, Fields, row_outcome

BOM = b"\xef\xbb\xbf"


def read_jsonl(
    stream: IO[bytes], limits: Limits = USUAL_LIMITS, fields: Fields = USUAL_FIELDS, span: Span = WHOLE
) -> Iterator[Outcome]:
    """Every line of the file, or of a span of it, in order; see `udfs.records`."""
    lines = _Lines(limits.record_bytes, span.start)
    source = Source(stream, limits, span.start)
    ordinal = span.ordinal
    try:
        for piece in _plain_pieces(source) if span.start else inflate(source):
            for line in lines.cut(piece):
                if line.offset >= span.end:
                    return
                yield _outcome(line, limits.record_bytes, fields, ordinal)
                ordinal += 1
    except MemberError as error:
        yield Damage(ordinal, lines.offset, error.reason, error.detail, lines.unfinished()[:HEAD_BYTES])
        return
    for line in lines.cut(b"\n"):
        if line.offset < span.end:
            yield _outcome(line, limits.record_bytes, fields, ordinal)


def cut_jsonl(stream: IO[bytes], limits: Limits, n_bytes: int) -> list[Span]:
    """Spans of about `n_bytes`, found by reading the file once; one span of a compressed file."""
    source = Source(stream, limits)
    if compression(source):
        return [WHOLE]
    lines = _Lines(limits.record_bytes, 0)
    numbered = enumerate(line for piece in _plain_pieces(source) for line in lines.cut(piece))
    return spans_between(((line.offset, ordinal) for ordinal, line in numbered), n_bytes)


def _plain_pieces(source: Source) -> Iterator[bytes]:
    file = PlainFile(source)
    while piece := file.read(READ_BYTES):
        yield piece


class _Line(NamedTuple):
    """A line that begins at `offset`: all of it, or, if it is longer than allowed, its first HEAD_BYTES."""

    offset: int
    content: bytes
    n_bytes: int


class _Lines:
    """Cuts the pieces of a stream into lines, and holds one unfinished line at most."""

    def __init__(self, max_bytes: int, offset: int) -> None:
        self.offset = offset
        """Where the unfinished line begins."""
        self._max_bytes = max_bytes
        self._parts: list[bytes] = []
        self._n_bytes = 0

    def cut(self, piece: bytes) -> Iterator[_Line]:
        """The lines that end in `piece`, but for blank ones."""
        *ends, rest = piece.split(b"\n")
        for end in ends:
            self._add(end)
            line = _Line(self.offset, self.unfinished(), self._n_bytes)
            self.offset += self._n_bytes + 1
            self._parts, self._n_bytes = [], 0
            if line.content.strip() or line.n_bytes > self._max_bytes:
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


def _outcome(line: _Line, max_bytes: int, fields: Fields, ordinal: int) -> Outcome:
    def damage(reason: Reason, detail: str) -> Damage:
        return Damage(ordinal, line.offset, reason, detail, line.content[:HEAD_BYTES])

    if line.n_bytes > max_bytes:
        return damage("too_large", f"a line of {line.n_bytes} bytes; a record may have {max_bytes}")
    try:
        row = json.loads(line.content.removeprefix(BOM).decode("utf-8"))
    except UnicodeDecodeError as error:
        return damage("invalid_utf8", str(error))
    except (ValueError, RecursionError) as error:
        return damage("not_json", str(error))
    if not isinstance(row, dict):
        return damage("not_an_object", f"a JSON {type(row).__name__}; a line must be an object")
    return row_outcome(row, fields, ordinal, line.offset, line.content)
