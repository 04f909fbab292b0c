"""Labelled text for the quality model: prose that people wrote, against text that nobody would read.

The bad texts are made, so that a model trained on them knows boilerplate, lists and word salad; it knows nothing of
well-formed spam, and no figure measured here says how it does on the web.
"""

import random
from collections.abc import Callable, Iterable
from typing import Any

from jobs.demo_pages import SECTIONS
from jobs.demo_sources import Document

BAD_TEXTS_PER_KIND = 60
BANNERS = (
    "We use cookies to give you the best experience. Accept all",
    "Subscribe to our newsletter",
    "All rights reserved. Terms of use. Privacy policy",
    "0 items in cart",
    "Share Tweet Pin Mail Print",
    "You must be logged in to leave a comment",
    "Read more...",
    "Skip to content",
)
KEYWORDS = (
    "best",
    "cheap",
    "free",
    "online",
    "download",
    "buy",
    "now",
    "top",
    "review",
    "price",
    "deal",
    "offer",
    "cash",
)


def good_rows(documents: Iterable[Document]) -> list[dict[str, Any]]:
    """Rows {text, url} of documents as they are."""
    return [_row(f"{document.package}.example", document.name, document.text) for document in documents]


def bad_rows(documents: list[Document], seed: int) -> list[dict[str, Any]]:
    """Rows {text, url} of made text: as many of each kind, with names and words taken from `documents`."""
    draw = random.Random(seed)  # noqa: S311 - the same texts each time
    names = sorted({document.name for document in documents})
    words = sorted({word for document in documents for word in document.text.split()})
    kinds: dict[str, Callable[[], str]] = {
        "navigation": lambda: "\n".join(draw.choices(SECTIONS + BANNERS, k=draw.randint(20, 60))),
        "links": lambda: "\n".join(
            f"» https://{name}.example/" for name in draw.choices(names, k=draw.randint(20, 80))
        ),
        "symbols": lambda: _symbol_table(draw, draw.choices(names, k=draw.randint(20, 80))),
        "keywords": lambda: " ".join(draw.choices([*KEYWORDS, *names[:20]], k=draw.randint(80, 300))),
        "salad": lambda: " ".join(draw.choices(words, k=draw.randint(80, 300))),
    }
    return [
        _row(f"{kind}-{number % 12}.example", str(number), make())
        for kind, make in kinds.items()
        for number in range(BAD_TEXTS_PER_KIND)
    ]


def _symbol_table(draw: random.Random, names: list[str]) -> str:
    return "\n".join(f"{draw.getrandbits(48):016x} {draw.choice('TtDdBbU')} {name.replace('.', '_')}" for name in names)


def _row(site: str, page: str, text: str) -> dict[str, Any]:
    return {"text": text, "url": f"https://{site}/labelled/{page}"}
