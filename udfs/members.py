"""The bytes of a stored file, inflated piece by piece within limits: gzip members, zstd frames, or the plain file.

Memory and work are bounded by `Limits`, whatever the file claims about itself. Nothing here knows what the bytes mean.
A zstd dictionary in the first frame (IIPC, warc-zstandard 1.0, "Dictionary frame") serves the frames behind it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import IO, Any, Protocol, cast

import zstandard
from isal import isal_zlib
from zlib_ng import zlib_ng

from udfs.records import Reason

GZIP = b"\x1f\x8b\x08"
ZSTD = b"\x28\xb5\x2f\xfd"
ZSTD_DICTIONARY = b"\x5d\x2a\x4d\x18"
ZSTD_SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")

READ_BYTES = 512 << 10
RETAINED_BYTES = 32 << 20
GZIP_PIECE_BYTES = 64 << 10
SMALL_BYTES = 32 << 10
MAX_GZIP_FLAGS = b"\x1f"
MIN_MEMBER_BYTES = 18
SAMPLE_BYTES = {GZIP: 1 << 10, ZSTD: 160 << 10}
FREE_BYTES = 256 << 20
ZSTD_BLOCK_BYTES = 128 << 10
ZSTD_WINDOW_BYTES = 128 << 20
MAX_DICTIONARY_BYTES = 16 << 20
_ZlibError = cast("type[Exception]", zlib_ng.error)  # the libraries' stubs take these for instances
_IsalError = cast("type[Exception]", isal_zlib.error)


@dataclass(frozen=True)
class Limits:
    """What one file may cost."""

    record_bytes: int = 16 << 20
    """Inflated bytes of one record."""
    ratio: int = 100
    """Inflated bytes for each stored byte, over the file; the first 256 MiB are free."""
    n_members: int = 10_000_000
    """Compressed members, places tried for one included."""


USUAL_LIMITS = Limits()


class MemberError(Exception):
    """A compressed member that cannot be read on; `fatal` when the rest of the file is to be left alone."""

    def __init__(self, reason: Reason, detail: str, fatal: bool = False) -> None:
        super().__init__(detail)
        self.reason: Reason = reason
        self.detail = detail
        self.fatal = fatal


class Source:
    """A stored file, read in large pieces; what was read since `keep` can be read again (at most 32 MiB of it)."""

    def __init__(self, stream: IO[bytes], limits: Limits, start: int = 0) -> None:
        dictionary = Source(stream, limits).dictionary if start else None
        if start:
            stream.seek(start)
        self.limits = limits
        self.position = start
        self._stream = stream
        self._data = bytearray()
        self._start = start
        self._kept = start
        self._ended = False
        self._n_inflated = 0
        self._n_members = 0
        self.dictionary = dictionary if start else self._read_dictionary()
        """Of the whole file's zstd frames; None where there is none."""

    def _read_dictionary(self) -> zstandard.ZstdCompressionDict | None:
        start = self.peek(8)
        n_bytes = int.from_bytes(start[4:], "little")
        if not start.startswith(ZSTD_DICTIONARY) or n_bytes > MAX_DICTIONARY_BYTES:
            return None
        content = self.peek(8 + n_bytes)[8:]
        try:
            if content.startswith(ZSTD):
                content = zstandard.ZstdDecompressor().decompress(content, max_output_size=MAX_DICTIONARY_BYTES)
            return zstandard.ZstdCompressionDict(content)
        except zstandard.ZstdError:
            return None  # the frames that need it cannot be read, and say so

    def _read_on(self) -> bool:
        """Read more; drop what is neither unread nor kept. False at the end of the file."""
        if self._ended:
            return False
        needed = min(self.position, max(self._kept, self.position - RETAINED_BYTES))
        del self._data[: needed - self._start]
        self._start = self._kept = needed
        more = self._stream.read(READ_BYTES)
        self._data += more
        self._ended = not more
        return not self._ended

    def peek(self, n_bytes: int) -> bytes:
        """The next `n_bytes`, still unread; fewer only at the end of the file."""
        while self._start + len(self._data) < self.position + n_bytes and self._read_on():
            pass
        at = self.position - self._start
        return self._copy(at, at + n_bytes)

    def _copy(self, start: int, stop: int) -> bytes:
        with memoryview(self._data) as view:  # a slice of the bytearray would be copied twice
            return bytes(view[start:stop])

    def piece(self, max_bytes: int, stop: bytes = b"") -> bytes:
        """Some of the next bytes, still unread, not beyond the next `stop`; none only at the end of the file."""
        if self.position == self._start + len(self._data):
            self._read_on()
        at = self.position - self._start
        found = self._data.find(stop, at + MIN_MEMBER_BYTES, at + max_bytes) if stop else -1
        return self._copy(at, found if found > 0 else at + max_bytes)

    def keep(self, position: int) -> None:
        self._kept = position

    def rewind(self) -> None:
        """Back to where `keep` was set, or as far towards it as the retained bytes reach."""
        self.position = self._kept

    def find(self, pattern: re.Pattern[bytes]) -> bytes:
        """The next match of `pattern` (16 bytes at most), moved to; b"" and the end of the file without one."""
        while True:
            match = pattern.search(self._data, self.position - self._start)
            if match:
                self._kept = self.position = self._start + match.start()
                return match[0]
            self._kept = self.position = max(self.position, self._start + len(self._data) - 16)
            if not self._read_on():
                self.position = self._start + len(self._data)
                return b""

    def count_member(self) -> None:
        self._n_members += 1
        if self._n_members > self.limits.n_members:
            raise MemberError("too_many_members", f"more than {self.limits.n_members} compressed members", fatal=True)

    def count_inflated(self, n_bytes: int) -> None:
        self._n_inflated += n_bytes
        if self._n_inflated > FREE_BYTES + self.limits.ratio * self.position:
            detail = f"{self._n_inflated} bytes inflated from {self.position} stored"
            raise MemberError("ratio", detail, fatal=True)


class Member(Protocol):
    """Bytes that were stored as one piece."""

    offset: int
    is_compressed: bool

    @property
    def ended(self) -> bool:
        """All of it was read, and its checksum is right."""
        ...

    def read(self, max_bytes: int) -> bytes:
        """More of its bytes, about `max_bytes` at most; none only at its end. Raises MemberError."""
        ...


class PlainFile:
    """What is left of a file that is not compressed."""

    is_compressed = False

    def __init__(self, source: Source) -> None:
        self.offset = source.position
        self.ended = False
        self._source = source

    def read(self, max_bytes: int) -> bytes:
        piece = self._source.piece(max_bytes)
        self._source.position += len(piece)
        self._source.keep(self._source.position)
        self.ended = not piece
        return piece


class GzipMember:
    """One gzip member (RFC 1952), its CRC and length checked."""

    is_compressed = True

    def __init__(self, source: Source) -> None:
        self.offset = source.position
        self.ended = False
        self._source = source
        self._inflater: Any = None
        self._failure: MemberError | None = None

    def read(self, max_bytes: int) -> bytes:
        inflated = b"" if self.ended or self._inflater else self._begin(max_bytes)
        while not (inflated or self.ended):
            if self._failure:
                raise self._failure
            piece = self._source.piece(GZIP_PIECE_BYTES, GZIP)
            inflated = self._inflate(piece, max_bytes)
            if not piece and not inflated:
                raise MemberError("truncated", "the file ends inside a gzip member")
        self._source.count_inflated(len(inflated))
        return inflated

    def _begin(self, max_bytes: int) -> bytes:
        """All of the member where it is small and sound, which ISA-L tells sooner than zlib; otherwise nothing yet."""
        self._source.count_member()
        inflated = _small_member(self._source, max_bytes)
        self.ended = inflated is not None
        if not self.ended:
            self._source.rewind()
            self._inflater = zlib_ng.decompressobj(wbits=31)
        return inflated or b""

    def _inflate(self, piece: bytes, max_bytes: int) -> bytes:
        before = self._inflater.copy()
        try:
            inflated = self._inflater.decompress(piece, max_bytes)
        except _ZlibError as error:
            is_checksum = re.search("incorrect (data|length) check", str(error))
            self._failure = MemberError("checksum" if is_checksum else "damaged_compression", f"zlib: {error}")
            return _inflate_to_error(before, piece)
        self.ended = self._inflater.eof
        left = self._inflater.unused_data if self.ended else self._inflater.unconsumed_tail
        self._source.position += len(piece) - len(left)
        return inflated


def _small_member(source: Source, max_bytes: int) -> bytes | None:
    """The gzip member at the source's position inflated, the source being behind it then; None, and the source
    anywhere, where it is not sound or has `max_bytes` or more."""
    inflater = isal_zlib.decompressobj(wbits=31)
    pieces: list[bytes] = []
    n_left = max_bytes
    if source.peek(4)[3:] > MAX_GZIP_FLAGS:  # RFC 1952 reserves the others, and ISA-L takes them
        return None
    piece = source.piece(SMALL_BYTES)
    try:
        while piece and n_left > 0:
            pieces.append(inflater.decompress(piece, n_left))
            n_left -= len(pieces[-1])
            source.position += len(piece) - len(inflater.unused_data)
            if inflater.eof:
                return b"".join(pieces)
            piece = source.piece(SMALL_BYTES)
    except _IsalError:
        pass
    return None


def _inflate_to_error(inflater: Any, piece: bytes) -> bytes:
    """What zlib had inflated before it met the error in `piece`, which it does not give back itself."""
    inflated = bytearray()
    try:
        for i in range(len(piece)):  # pragma: no branch - zlib meets its error again before the end
            inflated += inflater.decompress(piece[i : i + 1])
    except _ZlibError:
        pass
    return bytes(inflated)


class ZstdFrame:
    """One zstd frame (RFC 8878), its checksum checked where it has one; a skippable frame is empty."""

    is_compressed = True

    def __init__(self, source: Source) -> None:
        self.offset = source.position
        self.ended = False
        self._source = source
        self._pieces = _zstd_pieces(source)
        decompressor = zstandard.ZstdDecompressor(source.dictionary, max_window_size=ZSTD_WINDOW_BYTES)
        self._inflater = decompressor.decompressobj()

    def read(self, max_bytes: int) -> bytes:
        for piece in self._pieces:
            try:
                inflated = self._inflater.decompress(piece)
            except zstandard.ZstdError as error:
                raise MemberError(
                    "checksum" if "checksum" in str(error) else "damaged_compression", str(error)
                ) from None
            if inflated:
                self._source.count_inflated(len(inflated))
                return inflated
        if not self._inflater.eof:  # pragma: no cover - none is known, but a frame is never taken for whole untold
            raise MemberError("damaged_compression", "the zstd frame does not end after its last block")
        self.ended = True
        return b""


def _zstd_pieces(source: Source) -> Iterator[bytes]:
    """The parts of a frame: header, blocks, checksum. A block inflates to 128 KiB at most, which bounds the memory."""
    source.count_member()
    start = source.peek(8)
    if ZSTD_SKIPPABLE.match(start):
        yield from _take_all(source, 8 + int.from_bytes(start[4:], "little"))
        return
    descriptor = start[4] if len(start) > 4 else 0
    is_single_segment, has_checksum = descriptor >> 5 & 1, descriptor >> 2 & 1
    content_size_bytes = (is_single_segment, 2, 4, 8)[descriptor >> 6]
    yield _take(source, 6 - is_single_segment + (0, 1, 2, 4)[descriptor & 3] + content_size_bytes)
    is_last = False
    while not is_last:
        block = int.from_bytes(source.peek(3), "little")
        is_last, is_run = block & 1 == 1, block >> 1 & 3 == 1
        yield _take(source, 3 + (1 if is_run else min(block >> 3, ZSTD_BLOCK_BYTES)))
    if has_checksum:
        yield _take(source, 4)


def _take(source: Source, n_bytes: int) -> bytes:
    taken = source.peek(n_bytes)
    source.position += len(taken)
    if len(taken) < n_bytes:
        raise MemberError("truncated", "the file ends inside a zstd frame")
    return taken


def _take_all(source: Source, n_bytes: int) -> Iterator[bytes]:
    for taken in range(0, n_bytes, ZSTD_BLOCK_BYTES):
        yield _take(source, min(ZSTD_BLOCK_BYTES, n_bytes - taken))


def compression(start: bytes) -> bytes:
    """GZIP or ZSTD, whichever these first bytes belong to; b"" for neither."""
    if start.startswith(GZIP):
        return GZIP
    return ZSTD if start.startswith(ZSTD) or ZSTD_SKIPPABLE.match(start) else b""


def first_bytes(source: Source, compressed: bytes, n_bytes: int) -> bytes:
    """The first bytes of the member at the source's position; b"" when there is none."""
    if not compressed:
        return source.peek(n_bytes)
    sample = source.peek(SAMPLE_BYTES[compressed])
    try:
        if compressed == GZIP:
            return zlib_ng.decompressobj(wbits=31).decompress(sample, n_bytes)
        frame = Source(BytesIO(sample), source.limits)
        frame.dictionary = source.dictionary
        return ZstdFrame(frame).read(n_bytes)[:n_bytes]
    except (_ZlibError, MemberError):
        return b""


def inflate(source: Source) -> Iterator[bytes]:
    """The whole file inflated, its members one after the other, in pieces. Raises MemberError."""
    compressed = compression(source.peek(4))
    while source.peek(1):
        member = open_member(source, compressed)
        while piece := member.read(READ_BYTES):
            yield piece
            source.keep(source.position)


def open_member(source: Source, compressed: bytes) -> Member:
    """The member at the source's position, in a file of members of this compression."""
    if not compressed:
        return PlainFile(source)
    source.keep(source.position)
    return GzipMember(source) if compressed == GZIP else ZstdFrame(source)
