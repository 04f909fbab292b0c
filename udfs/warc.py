"""Records of WARC and WET files (WARC/1.0 and 1.1): verified, and found again after damage.

A file may be plain, gzip or zstd; compressed one record a member or in one member. What length, checksum or digest
contradict is reported as damage, and reading goes on at the next record. The stream is read once, without seeking but
to the start of a span. ARC, the format before WARC, is refused.
"""

import re
import sys
from collections.abc import Iterator
from typing import IO

from udfs.errors import InputError
from udfs.http import header_end
from udfs.members import (
    GZIP,
    USUAL_LIMITS,
    ZSTD,
    Limits,
    Member,
    MemberError,
    Source,
    compression,
    first_bytes,
    open_member,
)
from udfs.records import HEAD_BYTES, WHOLE, Damage, Outcome, Reason, Span, spans_between
from udfs.warc_record import Header, RecordError, interpret, is_intact, parse_header

HEADER_BYTES = 64 << 10
PIECE_BYTES = 1 << 20
SKIPPED_BYTES = 64 << 20
TOLERANCE_BYTES = 8
BLANK_BYTES = 64
MAX_FALSE_STARTS = 100_000
END_OF_RECORD = b"\r\n\r\n"
LONGEST_START = 64
_START = re.compile(rb"WARC/[01]\.\d\d?\r?\n(?=[A-Za-z][\w-]*[ \t]*:)")
_MEMBER_START = {GZIP: re.compile(re.escape(GZIP)), ZSTD: re.compile(re.escape(ZSTD))}
_ANY_START = re.compile(b"|".join((re.escape(GZIP), re.escape(ZSTD), rb"WARC/")))


def read_warc(stream: IO[bytes], limits: Limits = USUAL_LIMITS, span: Span = WHOLE) -> Iterator[Outcome]:
    """Every record of a WARC or WET file, or of a span of it, in order; see `udfs.records`.

    Raises InputError for an ARC file.
    """
    return _Reader(Source(stream, limits, span.start), limits, span).outcomes()


def cut_warc(stream: IO[bytes], limits: Limits, n_bytes: int) -> list[Span]:
    """Spans of about `n_bytes`, found by reading the file once, that together hold the records of the whole.

    A file that cannot be read from within, being one compressed member, and one that is given up before its end, are
    one span.
    """
    reader = _Reader(Source(stream, limits), limits, WHOLE)
    spans = spans_between((reader.began for _ in reader.outcomes()), n_bytes)
    return [WHOLE] if reader.gave_up else spans


class _Window:
    """The inflated bytes of one member, from the record being read (`data[at:]`) on."""

    def __init__(self, member: Member) -> None:
        self.member = member
        self.data = b""
        self.at = 0
        self.n_records = 0
        self.left = False  # the source stands elsewhere by now
        self.failure: MemberError | None = None
        self._n_dropped = 0

    @property
    def offset(self) -> int:
        return self.member.offset + self._n_dropped + self.at

    def fill(self, n_bytes: int) -> bool:
        """Whether data[at:] has `n_bytes`, after reading on where that helps. Damage is noted in `failure`."""
        if len(self.data) - self.at < n_bytes and not self.member.ended and not self.failure:
            self._read(n_bytes)
        return len(self.data) - self.at >= n_bytes

    def _read(self, n_bytes: int) -> None:
        pieces = [self.data[self.at :]]
        missing = n_bytes - len(pieces[0])
        try:
            while missing > 0 and not self.member.ended:
                pieces.append(self.member.read(PIECE_BYTES))
                missing -= len(pieces[-1])
        except MemberError as failure:
            self.failure = failure
        self._n_dropped += self.at
        self.data, self.at = b"".join(filter(None, pieces)), 0  # of a single piece that is no copy

    def has_record(self) -> bool:
        """Whether there is a record, or damage where one might be; moves over blank lines."""
        if self.left:
            return False
        if self.fill(1) and self.data[self.at] in b"\r\n":
            self.fill(BLANK_BYTES)
            lines = self.data[self.at : self.at + BLANK_BYTES]
            self.at += len(lines) - len(lines.lstrip(b"\r\n"))
        return self.fill(1) or self.failure is not None

    def header(self) -> Header:
        """The header that begins at `at`. Raises RecordError."""
        end = header_end(self.data, self.at, self.at + HEADER_BYTES)
        if end < 0:
            self.fill(HEADER_BYTES)
            end = header_end(self.data, self.at, self.at + HEADER_BYTES)
        if end >= 0:
            return parse_header(self.data[self.at : end])
        is_short = len(self.data) - self.at < HEADER_BYTES
        raise (is_short and self.cut_short()) or RecordError("bad_header", "a WARC header without an end")

    def block_end(self, header: Header) -> tuple[int, int]:
        """Where the record's block ends and where what follows begins, counted from `at`. Raises RecordError."""
        self.fill(header.n_bytes + header.length + len(END_OF_RECORD) + TOLERANCE_BYTES + LONGEST_START)
        begin = self.at + header.n_bytes
        declared = begin + header.length
        ends, following = _ends(self.data, begin, declared, self.member.ended)
        is_short = len(self.data) < declared + len(END_OF_RECORD)
        is_cut = is_short and not self.member.is_compressed
        for end in ends:
            intact = is_intact(header, memoryview(self.data)[begin:end])
            if intact or (intact is None and not is_cut):
                return end - self.at, following - self.at
        if ends and not is_cut:
            raise RecordError("digest", "the record is not what its digest says", header)
        detail = f"Content-Length is {header.length}, and no record ends there"
        raise (is_short and self.cut_short(header)) or RecordError("length", detail, header)

    def cut_short(self, header: Header | None = None) -> RecordError | None:
        """The fault of a record for which there are not enough bytes, unless only its header can be to blame."""
        if self.failure:
            return RecordError(self.failure.reason, self.failure.detail, header)
        if self.member.ended and not self.member.is_compressed:
            return RecordError("truncated", "the file ends inside the record", header)
        return None

    def fault_of_only_record(self, header: Header, following: int) -> RecordError | None:
        """The member's damage, which is the record's where the member holds no other."""
        rest = self.data[self.at + following : self.at + following + len(b"WARC/")]
        if rest and b"WARC/".startswith(rest):
            return None
        self.fill(following + PIECE_BYTES)
        return self.cut_short(header) if self.failure else None

    def seek(self, n_bytes: int) -> bool:
        """Move to the next whole header that begins `n_bytes` on or later; without one to the end of what can be had.

        No more than SKIPPED_BYTES of a compressed member are inflated for this, and MAX_FALSE_STARTS tried.
        """
        self.at = min(self.at + n_bytes, len(self.data))
        last = self.offset + SKIPPED_BYTES if self.member.is_compressed else sys.maxsize
        n_tries = 0
        while n_tries < MAX_FALSE_STARTS:
            if start := _START.search(self.data, self.at):
                self.at = start.start()
                if self._is_header():
                    return True
                self.at += len(start[0])
                n_tries += 1
                continue
            self.at = max(self.at, len(self.data) - LONGEST_START)
            if self.offset > last or not self.fill(LONGEST_START + 1):
                break
        self.at = len(self.data)
        return False

    def _is_header(self) -> bool:
        self.fill(HEADER_BYTES)
        following = _START.search(self.data, self.at + LONGEST_START, self.at + HEADER_BYTES)
        end = header_end(self.data, self.at, following.start() if following else self.at + HEADER_BYTES)
        try:
            return end >= 0 and bool(parse_header(self.data[self.at : end]))
        except RecordError:
            return False


def _ends(data: bytes, begin: int, declared: int, is_all: bool) -> tuple[list[int], int]:
    """Where a block of which the end is declared may really end, the likeliest first, and where what follows begins.

    The declared end is believed where the end-of-record mark or the next record stands in its place. Where it is off by
    a few bytes, as in every response of CC-MAIN-2018-34, the mark before the next record shows the block's end.
    """
    after = declared + len(END_OF_RECORD)
    is_marked = data.startswith(END_OF_RECORD, declared)
    if is_marked and data.startswith(b"WARC/", after):
        return [declared], after
    following = _following(data, max(begin, declared - TOLERANCE_BYTES), after, is_all)
    if following < 0:
        return ([declared], after) if is_marked else ([], after)
    mark = following - len(END_OF_RECORD)
    ends = [declared] if is_marked or following == after else []
    if mark >= begin and data.startswith(END_OF_RECORD, mark):
        ends.append(mark)
    if declared <= following and not data[declared:following].strip(b"\r\n"):
        ends.append(declared)
    return ends, following


def _following(data: bytes, first: int, after: int, is_all: bool) -> int:
    """Where, near `after`, the next record or the end of the member is; -1 if not there."""
    last = after + TOLERANCE_BYTES
    found = data.find(b"WARC/", first, last + len(b"WARC/"))
    if found >= 0 and (found == after or data[found - 1 : found] == b"\n") and _START.match(data, found):
        return found
    ends_well = data.endswith(b"\n") or END_OF_RECORD.startswith(data[after - len(END_OF_RECORD) :])
    return len(data) if is_all and first <= len(data) <= last and ends_well else -1


class _Reader:
    def __init__(self, source: Source, limits: Limits, span: Span) -> None:
        self.began = (span.start, span.ordinal)
        """The last (byte, ordinal) from which reading would have gone on as it did."""
        self.gave_up = False
        self._source = source
        self._limits = limits
        self._span = span
        self._compressed = b""
        self._n_outcomes = span.ordinal

    def outcomes(self) -> Iterator[Outcome]:
        if self._span.start:
            self._compressed = compression(self._source.peek(4))
        elif damage := self._find_first():
            yield damage
        while not self.gave_up and (stored := self._source.peek(HEAD_BYTES)) and self._source.position < self._span.end:
            if compression(stored) == self._compressed:
                self.began = (self._source.position, self._n_outcomes)
            yield from self._member(stored)

    def _find_first(self) -> Damage | None:
        """Settle how the file is compressed: by its first bytes or, where those are damaged, by the first record."""
        head = self._source.peek(HEAD_BYTES)
        self._compressed = compression(head)
        if self._compressed or head.lstrip(b"\r\n").startswith((b"WARC/", b"filedesc://")):
            return None
        if self._find_record(_ANY_START):
            return self._damage(0, "bad_header", "the file does not begin with a record", head)
        return self._damage(0, "not_warc" if head else "empty", "no WARC record in the file", head)

    def _find_record(self, starts: re.Pattern[bytes]) -> bool:
        """Move the source to the next of `starts` where a record begins; False and its end when there is none."""
        try:
            while start := self._source.find(starts):
                self._source.count_member()
                self._compressed = start if start in _MEMBER_START else b""
                if _START.match(first_bytes(self._source, self._compressed, LONGEST_START)):
                    return True
                self._source.position += 1
        except MemberError:
            self.gave_up = True
        return False

    def _member(self, stored: bytes) -> Iterator[Outcome]:
        """The outcomes of the member, or plain file, that begins with the bytes `stored`."""
        window = _Window(open_member(self._source, self._compressed))
        while window.has_record() and (self._compressed or window.offset < self._span.end):
            if not self._compressed:
                self.began = (window.offset, self._n_outcomes)
            offset = window.offset
            try:
                yield self._record(window)
            except RecordError as bad:
                window.fill(HEAD_BYTES)
                head = window.data[window.at : window.at + HEAD_BYTES] or stored
                yield self._damage(offset, *self._leave(window, bad, offset), head)
            if not window.member.ended and not window.left:
                self._source.keep(self._source.position)

    def _damage(self, offset: int, reason: Reason, detail: str, head: bytes) -> Damage:
        self._n_outcomes += 1
        return Damage(self._n_outcomes - 1, offset, reason, detail, head[:HEAD_BYTES])

    def _record(self, window: _Window) -> Outcome:
        """The outcome of the record in the window, which moves behind it. Raises RecordError."""
        if not self._n_outcomes and window.data.startswith(b"filedesc://"):
            raise InputError(
                "this is an ARC file, which is not read", "convert it first: warcio recompress FILE.arc.gz FILE.warc.gz"
            )
        header = window.header()
        if header.length > self._limits.record_bytes:
            raise RecordError(
                "too_large", f"{header.length} bytes; a record may have {self._limits.record_bytes}", header
            )
        end, following = window.block_end(header)
        if not window.n_records and (fault := window.fault_of_only_record(header, following)):
            raise fault
        block = memoryview(window.data)[window.at + header.n_bytes : window.at + end]
        warnings = () if len(block) == header.length else ("content_length_off",)
        outcome = interpret(header, block, self._n_outcomes, window.offset, self._limits.record_bytes, warnings)
        self._n_outcomes += 1
        window.n_records += 1
        window.at += following
        return outcome

    def _leave(self, window: _Window, bad: RecordError, offset: int) -> tuple[Reason, str]:
        """Move behind a bad record; its fault, as clear as what is found there makes it."""
        found = window.seek(bad.n_own_bytes)
        if not found and not window.member.ended:
            return self._leave_member(window, bad)
        n_bytes = window.offset - offset
        if n_bytes >= bad.n_declared_bytes - TOLERANCE_BYTES:
            return bad.reason, bad.detail
        reason = "length" if found or window.member.is_compressed else "truncated"
        return reason, f"the header declares {bad.n_declared_bytes} bytes in all, there are {n_bytes}"

    def _leave_member(self, window: _Window, bad: RecordError) -> tuple[Reason, str]:
        """Move to the next compressed member with a record, as this one cannot be read to its end."""
        window.left = True
        if window.failure and window.failure.fatal:
            self.gave_up = True
            return window.failure.reason, window.failure.detail
        if not self._compressed:
            self.gave_up = True
            return bad.reason, f"{bad.detail}; the rest of the file is full of false starts"
        if window.failure:
            self._source.rewind()
            self._source.position += self._source.position == window.member.offset
        if self._find_record(_MEMBER_START[self._compressed]) and bad.reason == "truncated":
            return "damaged_compression", "the member does not end before the next one"
        return bad.reason, bad.detail
