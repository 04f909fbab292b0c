"""Writers of the demo corpus's files: WARC and WET with digests, one gzip member a record, and JSON lines.

Everything that a real crawler takes from the clock or at random (dates, record ids) is derived from the record's
place, so equal records give equal bytes. Bodies are written as they are: no chunked or compressed transfer.
"""

import base64
import gzip
import hashlib
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import zstandard

from udfs import files

CRAWL_START = datetime(2026, 1, 5, tzinfo=UTC)
SECONDS_BETWEEN_PAGES = 97
REQUEST_EVERY = 8
GZIP_LEVEL = 6


@dataclass(frozen=True)
class Response:
    """What a web server answered to a request for `url`; `location` is where a redirect leads."""

    url: str
    body: bytes
    content_type: str = "text/html; charset=utf-8"
    status: str = "200 OK"
    location: str = ""


def crawl_date(ordinal: int) -> str:
    """The made-up time at which the page with this number was fetched, in the form of ISO 8601."""
    return (CRAWL_START + timedelta(seconds=SECONDS_BETWEEN_PAGES * ordinal)).strftime("%Y-%m-%dT%H:%M:%SZ")


def write_warc(path: Path, responses: list[Response]) -> int:
    """The number of records written: warcinfo, the responses with some requests and metadata, a revisit."""
    records = [_warcinfo(path.name)]
    for ordinal, response in enumerate(responses):
        records += _exchange(response, ordinal)
    records += [_revisit(first, len(responses)) for first in responses[:1]]
    return _write_members(path, records)


def write_wet(path: Path, texts: list[tuple[str, str]]) -> int:
    """The number of records written: warcinfo, and a conversion record for each (URL, text)."""
    records = [_warcinfo(path.name)]
    records += [_conversion(url, text, ordinal) for ordinal, (url, text) in enumerate(texts)]
    return _write_members(path, records)


def _write_members(path: Path, records: list[bytes]) -> int:
    files.write_bytes(str(path), b"".join(gzip.compress(record, GZIP_LEVEL, mtime=0) for record in records))
    return len(records)


def _exchange(response: Response, ordinal: int) -> list[bytes]:
    """The response record, and for every eighth page the request and the crawler's metadata that go with it."""
    date, url = crawl_date(ordinal), response.url
    about = {"WARC-Target-URI": url, "WARC-Payload-Digest": _digest(response.body)}
    block = _http_head(response) + response.body
    records = [_record("response", url, date, block, "application/http; msgtype=response", about)]
    if ordinal % REQUEST_EVERY == 0:
        beside = {"WARC-Target-URI": url, "WARC-Concurrent-To": _record_id("response", url, date)}
        records.append(_record("request", url, date, _get(url), "application/http; msgtype=request", beside))
        fields = b"fetchTimeMs: 120\r\ncharset-detected: UTF-8\r\n"
        records.append(_record("metadata", url, date, fields, "application/warc-fields", beside))
    return records


def _revisit(response: Response, ordinal: int) -> bytes:
    """A later fetch of a page that had not changed: HTTP headers only, after WARC 1.1, section 6.7.2."""
    headers = {
        "WARC-Target-URI": response.url,
        "WARC-Profile": "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest",
        "WARC-Payload-Digest": _digest(response.body),
        "WARC-Refers-To": _record_id("response", response.url, crawl_date(0)),
        "WARC-Refers-To-Target-URI": response.url,
        "WARC-Refers-To-Date": crawl_date(0),
    }
    date, head = crawl_date(ordinal), _http_head(response)
    return _record("revisit", response.url, date, head, "application/http; msgtype=response", headers)


def _warcinfo(name: str) -> bytes:
    fields = b"software: gristmill demo corpus\r\nformat: WARC File Format 1.1\r\n"
    return _record("warcinfo", name, crawl_date(0), fields, "application/warc-fields", {"WARC-Filename": name})


def _conversion(url: str, text: str, ordinal: int) -> bytes:
    headers = {
        "WARC-Target-URI": url,
        "WARC-Refers-To": _record_id("response", url, crawl_date(ordinal)),
        "WARC-Identified-Content-Language": "eng",
    }
    return _record("conversion", url, crawl_date(ordinal), text.encode(), "text/plain", headers)


def _record(kind: str, place: str, date: str, block: bytes, content_type: str, headers: dict[str, str]) -> bytes:
    """One WARC/1.1 record; `place` (URL or file name) and `date` give its id."""
    lines = {
        "WARC-Type": kind,
        "WARC-Record-ID": _record_id(kind, place, date),
        "WARC-Date": date,
        **headers,
        "WARC-Block-Digest": _digest(block),
        "Content-Type": content_type,
        "Content-Length": str(len(block)),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return b"WARC/1.1\r\n" + head.encode() + b"\r\n" + block + b"\r\n\r\n"


def _record_id(kind: str, place: str, date: str) -> str:
    return f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{kind} {date} {place}')}>"


def _digest(data: bytes) -> str:
    """SHA-1 in base 32, as WARC files carry it."""
    return "sha1:" + base64.b32encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()


def _http_head(response: Response) -> bytes:
    location = f"Location: {response.location}\r\n" if response.location else ""
    head = f"HTTP/1.1 {response.status}\r\nContent-Type: {response.content_type}\r\n{location}"
    return f"{head}Content-Length: {len(response.body)}\r\n\r\n".encode()


def _get(url: str) -> bytes:
    place = urlsplit(url)
    return f"GET {place.path or '/'} HTTP/1.1\r\nHost: {place.netloc}\r\nUser-Agent: demo\r\n\r\n".encode()


def json_line(row: dict[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode()


def write_lines(path: Path, lines: Iterable[bytes]) -> int:
    """The number of lines written, compressed as the suffix says (.gz, .zst, else plain)."""
    rows = list(lines)
    data = b"".join(row + b"\n" for row in rows)
    if path.suffix == ".gz":
        data = gzip.compress(data, GZIP_LEVEL, mtime=0)
    elif path.suffix == ".zst":
        data = zstandard.compress(data)
    files.write_bytes(str(path), data)
    return len(rows)
