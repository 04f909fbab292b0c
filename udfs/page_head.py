"""What a page says about itself in its head: title, language, canonical address, date, and what it asks of robots.

Each is what the page states, without any check but for the form of a date; nothing is guessed from the text or the
address, and no tree is built.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from udfs.blocks_tags import END, find_tags
from udfs.blocks_text import plain
from udfs.blocks_vocabulary import TAG

HTML, TITLE, META, LINK = (TAG[name] for name in ("html", "title", "meta", "link"))
_TELLS = np.zeros(2 * END, bool)
_TELLS[[END + number for number in (HTML, META, LINK)]] = True
_TELLING = {
    META: (b"og:url", b"date", b"Date", b"DATE", b"pub", b"Pub", b"_time", b"created", b"anguage", b"obots", b"OBOTS"),
    LINK: (b"anonical",),
}
"""Tags of these kinds tell nothing without one of these."""
MAX_HEAD_TAGS, MAX_TAG_BYTES = 200, 1024
"""So many of the tags that may tell something are read, and so much of each."""
MAX_HEAD_BYTES = 256 << 10
_HEAD_END = re.compile(rb"</head|<body", re.IGNORECASE)
_ATTRIBUTE = re.compile(rb"""(?<![a-zA-Z:-])([a-zA-Z:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_DATE = re.compile(rb"\s*([12][0-9]{3}-[01][0-9]-[0-3][0-9])(?![0-9])")
_JSON_DATE = re.compile(rb'\s*:\s*"([^"]{10,40})"')
_DATE_NAMES = frozenset(
    (
        *(b"article:published_time", b"citation_publication_date", b"date", b"datepublished", b"dc.date"),
        *(b"dc.date.issued", b"dcterms.created", b"og:published_time", b"parsely-pub-date", b"pubdate"),
        *(b"publish-date", b"sailthru.date"),
    )
)


class Head(NamedTuple):
    """Each "" where the page does not say it."""

    title: str
    language: str
    url: str
    """The canonical address, as written: it may be relative."""
    date: str
    """Day of publication, year-month-day."""
    robots: str
    """What crawlers and trainers are asked, small letters: `noindex, noai`."""


NO_HEAD = Head("", "", "", "", "")


def title_span(data: bytes, tags: NDArray[np.int32]) -> tuple[int, int]:
    """Where the text of the first <title> lies; (0, 0) where there is none. `tags` are from `find_tags`."""
    for start, end, _ in tags[tags[:, 2] == TITLE][:1].tolist():
        text_start = data.find(b">", start, end) + 1
        text_end = data.rfind(b"</", text_start, end)
        return text_start, text_end if text_end >= 0 else end
    return 0, 0


def read_head(page: bytes) -> Head:
    """What a page in UTF-8 states in its head, of which MAX_HEAD_BYTES are read."""
    data = page[:MAX_HEAD_BYTES]
    if end := _HEAD_END.search(data):
        data = data[: end.start()]
    tags = _tags(np.frombuffer(data, np.uint8))
    language = url = date = b""
    robots: list[bytes] = []
    for number, of in _attributes(data, tags):
        name = (of.get(b"property") or of.get(b"name") or of.get(b"itemprop") or b"").lower()
        content = of.get(b"content", b"")
        if number == HTML:
            language = language or of.get(b"lang") or of.get(b"xml:lang") or b""
        elif number == LINK and of.get(b"rel", b"").lower() == b"canonical":
            url = of.get(b"href", b"") or url
        elif name == b"og:url":
            url = url or content
        elif name in _DATE_NAMES:
            date = date or _day(content)
        elif name == b"robots":
            robots += content.lower().split(b",")
        elif of.get(b"http-equiv", b"").lower() == b"content-language":
            language = language or content
    title = data[slice(*title_span(data, tags))]
    date = _day(_json_date(data)) or date
    return Head(plain(title), plain(language), plain(url), date.decode(), ", ".join(map(plain, robots)))


@numba.njit(cache=True, nogil=True)
def _tags(data: Any) -> Any:
    return find_tags(data)[0]


def _attributes(data: bytes, tags: NDArray[np.int32]) -> Iterator[tuple[int, dict[bytes, bytes]]]:
    """(place in TAGS, values of its attributes by small names) of the tags that may tell something."""
    telling = tags[_TELLS[tags[:, 2] + END]]
    for start, end, number in telling[:MAX_HEAD_TAGS].tolist():
        tag = data[start : min(end, start + MAX_TAG_BYTES)]
        if number not in _TELLING or any(map(tag.__contains__, _TELLING[number])):
            found = _ATTRIBUTE.findall(tag)
            yield number, {name.lower(): a or b or c for name, a, b, c in reversed(found)}


def _json_date(data: bytes) -> bytes:
    """Of the page's linked data (JSON-LD, schema.org)."""
    key = b'"datePublished"'
    at = data.find(key)
    found = _JSON_DATE.match(data, at + len(key)) if at >= 0 else None
    return found[1] if found else b""


def _day(value: bytes) -> bytes:
    """The year-month-day with which a value begins; b"" if it does not."""
    found = _DATE.match(value)
    return found[1] if found else b""
