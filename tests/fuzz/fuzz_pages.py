"""Mutated web pages and the WARC records and HTTP messages they come in; each function makes inputs from a generator,
fails where a promise is broken, and says how many inputs there were."""

import io
import random
from collections.abc import Callable
from functools import cache
from typing import Literal

import hostile_warcs
from mutations import check, mutate
from tiny_corpus import CRAWL, english
from warc_bytes import http_block

from udfs.blocks import extract_blocks
from udfs.charset import decode
from udfs.extract_child import extract_child
from udfs.extraction import USUAL_OPTIONS
from udfs.http import BodyError, decode_body, parse_response
from udfs.page_head import read_head
from udfs.readers import read

TAGS = tuple(
    f"<{tag}>".encode()
    for tag in (
        *(
            "p",
            "/p",
            "div",
            "/div",
            "table",
            "tr",
            "td",
            "/table",
            "ul",
            "li",
            "b",
            "script",
            "/script",
            "style",
            "title",
        ),
        *(
            "!--",
            "![CDATA[",
            "?php",
            "/",
            "a href='x",
            "br/",
            "pre",
            "svg",
            "template",
            "noscript",
            "html",
            "body",
            "/body",
        ),
    )
)
HTML = (
    *TAGS,
    b"&#x110000;",
    b"&#0;",
    b"&amp",
    b"&nosuch;",
    b"-->",
    b'"',
    b"'",
    b"=",
    b"<",
    b">",
    b" hidden ",
    b" class=nav ",
)


@cache
def pages() -> list[bytes]:
    bodies = [record.split(b"\r\n\r\n", 2)[2] for record in CRAWL.values()]
    article = english(3, 8).replace("\n", "</p><p class='lead'>")
    rich = f"""<!DOCTYPE html><html lang="en-GB"><head><meta charset="utf-8"><title>One &amp; two</title>
<meta property="og:url" content="https://example.org/a"><meta name=robots content="noindex, noai">
<link rel=canonical href="/b"><script type="application/ld+json">{{"datePublished": "2024-01-02T03:04:05Z"}}</script>
</head><body><nav><ul><li><a href="/">Home</a><li><a href="/c">More</a></ul></nav><main><h1>A mill</h1><p>{article}</p>
<blockquote>{english(4, 2)}</blockquote><table><tr><th>a<td>b &lt; c</table><pre>x = 1
  y = 2</pre><img alt="a mill" src=x><ol><li>one<li>two</ol></main><aside class="related">Read more</aside>
<footer>&copy; 2024 &#8212; all rights reserved</footer></body></html>"""
    return [*bodies, rich.encode(), rich.replace("mill", "水车").encode("gb18030"), rich.encode("utf-16")]


def page_of(rng: random.Random) -> bytes:
    return mutate(rng, rng.choice(pages()), HTML, 12)


def check_text(text: str | None, reason: str | None) -> None:
    check((text is None) == (reason is not None), (text, reason))
    check("\0" not in (text or ""), text)
    (text or "").encode()


def blocks(rng: random.Random) -> int:
    page = decode(page_of(rng), rng.choice(("", "utf-8", "gb2312", "latin-1", "nonsense"))).utf8
    found = extract_blocks(page)
    check_text(found.text, found.reason)
    check(0 <= found.confidence <= 1, found)
    for value in read_head(page):
        value.encode()
    return 1


def library(name: Literal["resiliparse", "trafilatura"]) -> Callable[[random.Random], int]:
    def extract(rng: random.Random) -> int:
        found = extract_child(name, USUAL_OPTIONS).extract(decode(page_of(rng)).utf8)
        check_text(found.text, found.reason)
        check(found.reason not in ("extractor_failed", "extractor_died"), found)
        return 1

    return extract


def warc(rng: random.Random) -> int:
    """A damaged or hostile file: no record beside the damage is lost, nothing is passed over in silence."""
    number = rng.randrange(10**9)
    case = hostile_warcs.case_of(number | 1 if rng.random() < 0.97 else number & ~1)
    wrong = hostile_warcs.faults(case, list(read("warc", io.BytesIO(case.data))))
    check(not wrong, (number, case.name, wrong))
    return 1


def http(rng: random.Random) -> int:
    words = (
        b"Content-Encoding: br\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"charset=",
        b"HTTP/1.1 200",
        b"\r\n\r\n",
        b": ",
    )
    block = mutate(rng, http_block(rng.choice(pages())[:500]), words)
    response = parse_response(block)
    try:
        check(len(decode_body(response, 1 << 16).body) <= len(block) + (1 << 16), block)
    except BodyError as error:
        check(error.args != (), block)
    return 1


def charset(rng: random.Random) -> int:
    labels = (
        "",
        "utf-8",
        "gb18030",
        "shift_jis",
        "windows-1252",
        "utf-16",
        "iso-2022-jp",
        "big5",
        "x-user-defined",
        "\0",
    )
    found = decode(mutate(rng, rng.choice(pages())[:3000]), rng.choice(labels))
    check(found.utf8.decode() == found.text and b"\0" not in found.utf8, found)
    return 1
