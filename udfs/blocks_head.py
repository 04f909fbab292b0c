"""What a page says about itself in its tags: title, language, canonical address, date. Each is what the page states,
without any check but for the form of a date; nothing is guessed from the text or the address.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from udfs.blocks_scan import END, Page
from udfs.blocks_text import plain
from udfs.blocks_vocabulary import TAG

HTML, TITLE, META, LINK, TIME = (TAG[name] for name in ("html", "title", "meta", "link", "time"))
_TELLS = np.zeros(2 * END, bool)
_TELLS[[END + number for number in (HTML, META, LINK, TIME)]] = True
_TELLING = {
    META: (b"og:url", b"date", b"Date", b"DATE", b"pub", b"Pub", b"_time", b"created", b"anguage"),
    LINK: (b"anonical",),
}
"""Tags of these kinds tell nothing without one of these."""
MAX_HEAD_TAGS, MAX_TAG_BYTES = 200, 1024
"""So many of the tags that may tell something are read, and so much of each."""
_ATTRIBUTE = re.compile(rb"""([a-zA-Z:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
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
    """Each "" where the page does not say it; the date as year-month-day."""

    title: str
    language: str
    url: str
    date: str


NO_HEAD = Head("", "", "", "")


def title_span(data: bytes, page: Page) -> tuple[int, int]:
    """Where the text of the first <title> lies; (0, 0) where there is none."""
    for start, end, _ in page.tags[page.tags[:, 2] == TITLE][:1].tolist():
        text_start = data.find(b">", start, end) + 1
        text_end = data.rfind(b"</", text_start, end)
        return text_start, text_end if text_end >= 0 else end
    return 0, 0


def read_head(data: bytes, page: Page, title: tuple[int, int]) -> Head:
    """What the page states; `title` is from `title_span`."""
    language = url = b""
    dates: list[bytes] = []
    for number, of in _attributes(data, page):
        name = (of.get(b"property") or of.get(b"name") or of.get(b"itemprop") or b"").lower()
        content = of.get(b"content", b"")
        if number == HTML:
            language = language or of.get(b"lang") or of.get(b"xml:lang") or b""
        elif number == LINK and of.get(b"rel", b"").lower() == b"canonical":
            url = of.get(b"href", b"") or url
        elif number == TIME:
            dates.append(of.get(b"datetime", b""))
        elif name == b"og:url":
            url = url or content
        elif name in _DATE_NAMES:
            dates.insert(0, content)
        elif of.get(b"http-equiv", b"").lower() == b"content-language":
            language = language or content
    return Head(plain(data[slice(*title)]), plain(language), plain(url), _first_date([_json_date(data), *dates]))


def _attributes(data: bytes, page: Page) -> Iterator[tuple[int, dict[bytes, bytes]]]:
    """(place in TAGS, values of its attributes by small names) of the tags that may tell something."""
    telling = page.tags[_TELLS[page.tags[:, 2] + END]]
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


def _first_date(candidates: list[bytes]) -> str:
    return next((found[1].decode() for value in candidates if (found := _DATE.match(value))), "")
