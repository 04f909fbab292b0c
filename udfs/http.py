"""HTTP responses as crawlers stored them: header, body, transfer and content coding. Tolerant, and capped.

What servers and crawlers get wrong is tolerated and named in `warnings`; a body that its own coding proves damaged or
too large raises BodyError. Nothing is ever requested over a network.
"""

import re
import zlib
from collections.abc import Callable
from typing import Literal, NamedTuple

import brotli

MAX_CODINGS = 3
MAX_CHUNK_LINE_BYTES = 256
SAMPLE_BYTES = 256
USUAL_HEADER_BYTES = 4 << 10
_FIELD = re.compile(r"^([^\s:]+)[ \t]*:(.*)$", re.MULTILINE)
_STATUS = re.compile(r"HTTP/\d(?:\.\d)?\s+(\d{3})(?!\d)")
_CHARSET = re.compile(r"""charset\s*=\s*(?:["']\s*)?([^\s"';,]+)""", re.IGNORECASE)
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\n]*)?\r?\n")
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1f]")


class BodyError(Exception):
    """A body that cannot be decoded."""

    def __init__(self, reason: Literal["content_encoding", "too_large"], detail: str) -> None:
        super().__init__(detail)
        self.reason: Literal["content_encoding", "too_large"] = reason
        self.detail = detail


class Response(NamedTuple):
    """An HTTP response; `fields` by lower-case name, `body` as stored or decoded, as the function says that made it."""

    status: int | None
    fields: dict[str, str]
    body: bytes
    warnings: tuple[str, ...] = ()

    @property
    def media_type(self) -> str:
        return media_type(self.fields.get("content-type", ""))

    @property
    def charset(self) -> str:
        found = _CHARSET.search(self.fields.get("content-type", ""))
        return found[1] if found else ""


def media_type(content_type: str) -> str:
    """media_type("Text/HTML; charset=x") == "text/html"."""
    return content_type.partition(";")[0].partition(",")[0].strip().lower()


def header_end(data: bytes, start: int, stop: int) -> int:
    """The index after the first blank line (CRLF or bare LF) in data[start:stop]; -1 without one."""
    crlf = data.find(b"\n\r\n", start, stop)
    lf = data.find(b"\n\n", start, crlf if crlf >= 0 else stop)
    if lf >= 0:
        return lf + 2
    return crlf + 3 if crlf >= 0 else -1


def header_lines(header: bytes, encoding: str) -> tuple[str, str]:
    """The first line of a header, and the others, each with a newline after it, maybe behind a carriage return."""
    first, _, others = header.decode(encoding, "replace").rstrip("\r\n").partition("\n")
    return first.removesuffix("\r"), f"{others}\n" if others else ""


def parse_fields(lines: str) -> tuple[dict[str, str], bool]:
    """Header fields by lower-case name, the first of equal names; and whether each line was one, or folded."""
    fields, is_clean = _FIELD.findall(lines), True
    if len(fields) < lines.count("\n"):
        fields, is_clean = _parse_odd_fields(lines)
    return {name.lower(): value.strip() for name, value in reversed(fields)}, is_clean


def _parse_odd_fields(lines: str) -> tuple[list[tuple[str, str]], bool]:
    fields: list[tuple[str, str]] = []
    is_clean = True
    for line in map(str.rstrip, lines.split("\n")):
        name, colon, value = line.partition(":")
        if line[:1] in (" ", "\t") and fields:
            fields[-1] = (fields[-1][0], f"{fields[-1][1]} {line.strip()}")
        elif colon and name.strip():
            fields.append((name.strip(), value))
        elif line.strip():
            is_clean = False
    return fields, is_clean


def parse_response(block: bytes | memoryview) -> Response:
    """The response in a WARC block, its body as stored."""
    if block[:5] != b"HTTP/":
        return Response(None, {}, bytes(block), ("no_http_header",))
    head = bytes(block[:USUAL_HEADER_BYTES])
    end = header_end(head, 0, len(head))
    if end < 0 and len(block) > len(head):
        head = bytes(block)
        end = header_end(head, 0, len(head))
    warnings = () if end >= 0 else ("http_header_without_end",)
    end = end if end >= 0 else len(head)
    status_line, lines = header_lines(head[:end], "latin-1")
    fields, is_clean = parse_fields(lines)
    status = _STATUS.match(status_line)
    if not is_clean or not status:
        warnings += ("http_header_malformed",)
    return Response(int(status[1]) if status else None, fields, bytes(block[end:]), warnings)


def decode_body(response: Response, max_bytes: int, allow_partial: bool = False) -> Response:
    """The response with its transfer and content codings undone.

    Of a coded body that ends too early, `allow_partial` takes what there is. Raises BodyError when a body does not
    decode although it is surely coded, ends too early, or has more than `max_bytes`.
    """
    if "transfer-encoding" not in response.fields and "content-encoding" not in response.fields:
        return response
    body, warnings = response.body, response.warnings
    if "chunked" in response.fields.get("transfer-encoding", "").lower():
        body, fault = _dechunk(body)
        warnings += (fault,) if fault else ()
    codings = [name for c in response.fields.get("content-encoding", "").split(",") if (name := c.strip().lower())]
    if len(codings) > MAX_CODINGS:
        raise BodyError("content_encoding", f"{len(codings)} content codings, one over another; {MAX_CODINGS} are read")
    for coding in reversed(codings):
        body, fault = _undo(coding, body, max_bytes, allow_partial)
        warnings += (fault,) if fault else ()
    return response._replace(body=body, warnings=warnings)


def _dechunk(body: bytes) -> tuple[bytes, str]:
    """The joined chunks, or `body` itself where the sizes do not hold; and the fault, or ""."""
    chunks: list[bytes] = []
    at = 0
    while at < len(body):
        line = _CHUNK_SIZE.match(body, at, at + MAX_CHUNK_LINE_BYTES)
        if not line:
            return body, "not_chunked"
        size = int(line[1], 16)
        if size == 0:
            return b"".join(chunks), ""
        at = line.end() + size
        chunks.append(body[line.end() : at])
        at += 2 if body.startswith(b"\r\n", at) else 0
    return b"".join(chunks), "chunks_end_early" if chunks else ""


def _undo(coding: str, body: bytes, max_bytes: int, allow_partial: bool) -> tuple[bytes, str]:
    """`body` with one coding undone, and a warning or ""; crawlers often keep the header of a coding they undid."""
    decode = _DECODERS.get(coding)
    if coding == "identity" or not body:
        return body, ""
    if not decode or (decode is _gunzip and not body.startswith(b"\x1f\x8b")):
        return body, "content_encoding_ignored"
    try:
        decoded, is_whole = decode(body, max_bytes)
    except _DECODER_ERRORS as error:
        if not _BINARY.search(body[:SAMPLE_BYTES]):
            return body, "content_encoding_ignored"
        raise BodyError("content_encoding", f"the body is not {coding}: {error}") from None
    if len(decoded) > max_bytes:
        raise BodyError("too_large", f"the {coding} body decodes to more than {max_bytes} bytes")
    if not is_whole and not allow_partial:
        raise BodyError("content_encoding", f"the {coding} body ends early, after {len(decoded)} decoded bytes")
    return decoded, "" if is_whole else "content_encoding_cut"


def _gunzip(body: bytes, max_bytes: int) -> tuple[bytes, bool]:
    """About `max_bytes` + 1 decoded bytes at most, and whether the coding came to its end; so do the other decoders."""
    return _inflate(body, 31, max_bytes)


def _undeflate(body: bytes, max_bytes: int) -> tuple[bytes, bool]:
    """The standard means zlib's format (RFC 1950); some servers send bare deflate (RFC 1951)."""
    is_zlib = body[0] & 15 == 8 and int.from_bytes(body[:2]) % 31 == 0
    return _inflate(body, 15 if is_zlib else -15, max_bytes)


def _inflate(body: bytes, wbits: int, max_bytes: int) -> tuple[bytes, bool]:
    inflater = zlib.decompressobj(wbits)
    inflated = inflater.decompress(body, max_bytes + 1)
    return inflated, inflater.eof


def _unbrotli(body: bytes, max_bytes: int) -> tuple[bytes, bool]:
    decoder = brotli.Decompressor()
    decoded = decoder.process(body, output_buffer_limit=max_bytes + 1)
    return decoded, decoder.is_finished()


_DECODERS: dict[str, Callable[[bytes, int], tuple[bytes, bool]]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _undeflate,
    "br": _unbrotli,
}
_DECODER_ERRORS = (zlib.error, brotli.error)
