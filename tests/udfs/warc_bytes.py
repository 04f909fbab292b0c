"""WARC files made for tests: always the same bytes, with offsets that say where each record stands."""

import base64
import gzip
import hashlib
import itertools
import random
import uuid
import zlib
from dataclasses import dataclass

import zstandard

STORAGES = ("plain", "gzip", "gzip_one", "zstd", "zstd_one")
END = b"\r\n\r\n"


def sha1(data: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(data).digest()).decode()


def words(seed: int, n_bytes: int) -> bytes:
    """Text that compresses about as well as real text."""
    rng = random.Random(seed)
    lexicon = [bytes(rng.choices(b"abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(300)]
    return b" ".join(rng.choices(lexicon, k=n_bytes // 6 + 1))[:n_bytes]


def warc_record(n: int, block: bytes, fields: dict[str, str | None] | None = None) -> bytes:
    """The bytes of record number `n`; `fields` are added to its header, replace what is there, or (None) remove it."""
    header: dict[str, str | None] = {
        "WARC-Type": "response",
        "WARC-Record-ID": f"<urn:uuid:{uuid.UUID(int=n)}>",
        "WARC-Date": "2024-01-02T03:04:05Z",
        "WARC-Target-URI": f"https://example.org/{n}",
        "WARC-Block-Digest": sha1(block),
        "Content-Type": "application/http; msgtype=response",
        "Content-Length": str(len(block)),
        **(fields or {}),
    }
    lines = [f"{name}: {value}\r\n" for name, value in header.items() if value is not None]
    return b"WARC/1.0\r\n" + "".join(lines).encode() + b"\r\n" + block + END


def http_block(body: bytes, headers: str = "Content-Type: text/html; charset=utf-8\r\n") -> bytes:
    return b"HTTP/1.1 200 OK\r\n" + headers.encode() + b"\r\n" + body


def page(n: int, n_bytes: int = 900) -> bytes:
    return b"<html><p>page %d " % n + words(n, n_bytes) + b"</html>"


def response(n: int, n_bytes: int = 900, **fields: str | None) -> bytes:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return warc_record(n, http_block(page(n, n_bytes)), named)


@dataclass(frozen=True)
class Stored:
    """A file and, for each of its records, the offset that a reader reports and the span of bytes that holds it."""

    data: bytes
    offsets: list[int]
    spans: list[tuple[int, int]]


def store(records: list[bytes], storage: str) -> Stored:
    """`records` one after the other: plain, one gzip member or zstd frame each, or all of them in one."""
    inflated = [sum(map(len, records[:i])) for i in range(len(records) + 1)]
    if storage == "plain":
        return Stored(b"".join(records), inflated[:-1], list(itertools.pairwise(inflated)))
    if storage in ("gzip_one", "zstd_one"):
        data = gzip_member(b"".join(records)) if storage == "gzip_one" else zstd_frame(b"".join(records))
        return Stored(data, inflated[:-1], [(0, len(data))] * len(records))
    members = [gzip_member(r) if storage == "gzip" else zstd_frame(r) for r in records]
    ends = [sum(map(len, members[:i])) for i in range(len(members) + 1)]
    return Stored(b"".join(members), ends[:-1], list(itertools.pairwise(ends)))


def gzip_member(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def zstd_frame(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


def gzip_zeros(n_bytes: int, start: bytes = b"") -> bytes:
    """A gzip member that inflates to `start` and then `n_bytes` zeros, made without holding them."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [deflater.compress(start)]
    parts += [deflater.compress(bytes(1 << 20)) for _ in range(n_bytes >> 20)]
    return b"".join([*parts, deflater.compress(bytes(n_bytes % (1 << 20))), deflater.flush()])
