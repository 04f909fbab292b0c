"""One WARC record as its header and block: what its header says, whether its digest holds, what outcome it makes."""

import hashlib
import re
from collections import Counter
from typing import NamedTuple

from udfs.http import BodyError, Response, decode_body, header_lines, media_type, parse_fields, parse_response
from udfs.records import HEAD_BYTES, Damage, Outcome, Reason, Record, Skipped

SKIPPED_TYPES = frozenset({"warcinfo", "request", "metadata", "revisit", "continuation"})
CONTENT_TYPES = frozenset({"response", "resource", "conversion"})
_CUT = frozenset({"chunks_end_early", "content_encoding_cut"})
_VERSION = re.compile(r"WARC/[01]\.\d\d?")
_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\r")
_LENGTH = re.compile(r"[0-9]{1,18}")
_HEX = "[0-9a-fA-F]"
_UUID = re.compile(rf"<?(?i:urn:uuid):{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}>?")
_DIGESTS = {digest().name: digest for digest in (hashlib.md5, hashlib.sha1, hashlib.sha256, hashlib.sha512)}
_DIGEST_BITS = {name: 8 * digest().digest_size for name, digest in _DIGESTS.items()}
_BASE32 = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHIJKLMNOPQRSTUV", "0189")


class Header(NamedTuple):
    """The header of a WARC record: fields by lower-case name, type in lower case, `n_bytes` with the blank line."""

    fields: dict[str, str]
    type: str
    length: int
    n_bytes: int
    warnings: tuple[str, ...]


class RecordError(Exception):
    """A record that cannot be used, though what follows it may be; `header` is given where that at least is good."""

    def __init__(self, reason: Reason, detail: str, header: Header | None = None) -> None:
        super().__init__(detail)
        self.reason: Reason = reason
        self.detail = detail
        self.n_own_bytes = header.n_bytes if header else 1
        """Bytes of it in which no other record can begin."""
        self.n_declared_bytes = header.n_bytes + header.length if header else 0


def parse_header(data: bytes) -> Header:
    """The header that `data` is, up to and with its blank line. Raises RecordError."""
    version, lines = header_lines(data, "utf-8")
    if not _VERSION.fullmatch(version) or "\nWARC/" in lines or len(data.translate(None, _CONTROLS)) < len(data):
        raise RecordError("bad_header", f"no WARC version line, or two, or control characters: {version[:60]!r}")
    fields, is_clean = parse_fields(lines)
    if len(fields) < lines.count("\n") and (twice := _given_twice(lines)):
        raise RecordError("length" if "content-length" in twice else "bad_header", f"{', '.join(twice)} is given twice")
    length = fields.get("content-length", "")
    if not _LENGTH.fullmatch(length):
        raise RecordError("length", f"Content-Length is {length[:60]!r}")
    record_type, record_id = fields.get("warc-type", ""), fields.get("warc-record-id", "")
    if not record_type or ("urn:uuid:" in record_id and not _UUID.fullmatch(record_id)):
        raise RecordError("bad_header", f"WARC-Type is {record_type[:60]!r}, WARC-Record-ID {record_id[:80]!r}")
    warnings = () if is_clean and record_id else ("warc_header_malformed",)
    return Header(fields, record_type.lower(), int(length), len(data), warnings)


def _given_twice(lines: str) -> list[str]:
    """Fields that stand twice in a header although the standard allows them once: two headers have run together."""
    names = [line.partition(":")[0].strip().lower() for line in lines.split("\n")]
    once = (name for name in names if name.startswith(("warc-", "content-")) and name != "warc-concurrent-to")
    return [name for name, n in Counter(once).items() if n > 1]


def is_intact(header: Header, block: memoryview) -> bool | None:
    """Whether the record's digest holds; None where there is none that can be verified.

    A payload digest is asked only where there is no block digest. Crawlers disagree whether it is taken before or after
    the codings of HTTP are undone, so it can prove a coded body intact, but not damaged. The digests of revisits are
    not asked: old crawls carry wrong ones (webrecorder/warcio, test/data/example-bad-non-chunked.warc.gz), and nothing
    of a revisit is used.
    """
    if header.type == "revisit":
        return None
    if "warc-block-digest" in header.fields:
        return _holds(header.fields["warc-block-digest"], block)
    digest = header.fields.get("warc-payload-digest", "")
    if not digest or header.type not in CONTENT_TYPES:
        return None
    if not _is_http(header, block):
        return _holds(digest, block)
    response = parse_response(block)
    is_coded = "transfer-encoding" in response.fields or "content-encoding" in response.fields
    is_vague = is_coded or "warc-truncated" in header.fields
    held = _holds(digest, response.body)
    return None if held is False and is_vague else held


def _holds(labelled: str, data: bytes | memoryview) -> bool | None:
    """Whether `data` has the digest "algorithm:value", value in base 16 or 32; None if that cannot be told."""
    algorithm, _, value = labelled.partition(":")
    algorithm, value = algorithm.lower().replace("-", ""), value.strip().rstrip("=")
    n_bits = _DIGEST_BITS.get(algorithm, 0)
    is_base32 = len(value) == -(-n_bits // 5)
    if not n_bits or not (is_base32 or len(value) == n_bits // 4):
        return None
    try:
        stated = int(value.upper().translate(_BASE32), 32) >> (-n_bits % 5) if is_base32 else int(value, 16)
    except ValueError:
        return False
    return stated == int.from_bytes(_DIGESTS[algorithm](data, usedforsecurity=False).digest())


def _is_http(header: Header, block: memoryview) -> bool:
    """Whether the block is an HTTP response rather than the payload itself."""
    if header.type != "response":
        return False
    return media_type(header.fields.get("content-type", "")) == "application/http" or block[:5] == b"HTTP/"


def interpret(
    header: Header, block: memoryview, ordinal: int, offset: int, max_bytes: int, warnings: tuple[str, ...]
) -> Outcome:
    """The outcome that an intact record makes: Damage where its type is unknown or its HTTP body cannot be decoded."""
    if header.type in SKIPPED_TYPES:
        return Skipped(ordinal, header.type)
    if header.type not in CONTENT_TYPES:
        return Damage(ordinal, offset, "unknown_type", f"WARC-Type is {header.type[:60]!r}", bytes(block[:HEAD_BYTES]))
    fields = header.fields
    is_truncated = "warc-truncated" in fields or "warc-segment-number" in fields
    try:
        response = _response(header, block, max_bytes, is_truncated)
    except BodyError as error:
        return Damage(ordinal, offset, error.reason, error.detail, bytes(block[:HEAD_BYTES]))
    return Record(
        ordinal=ordinal,
        offset=offset,
        type=header.type,
        record_id=fields.get("warc-record-id", "").strip("<>"),
        url=fields.get("warc-target-uri", "").strip("<>"),
        date=fields.get("warc-date", ""),
        status=response.status,
        media_type=response.media_type or media_type(fields.get("warc-identified-payload-type", "")),
        charset=response.charset,
        digest=fields.get("warc-payload-digest", ""),
        robots=response.fields.get("x-robots-tag", ""),
        payload=response.body,
        truncated=is_truncated or not _CUT.isdisjoint(response.warnings),
        warnings=header.warnings + response.warnings + warnings,
    )


def _response(header: Header, block: memoryview, max_bytes: int, is_truncated: bool) -> Response:
    """The HTTP response in the block, or, if it holds none, one made of the record's own header. Raises BodyError."""
    if not _is_http(header, block):
        return Response(None, header.fields, bytes(block))
    return decode_body(parse_response(block), max_bytes, allow_partial=is_truncated)
