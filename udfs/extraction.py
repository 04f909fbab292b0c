"""What an extractor is asked and what it answers, whichever library does the work; and plain text, which needs none."""

import re
from dataclasses import dataclass
from typing import Literal

MAX_ATTRIBUTE_WORK = 100_000_000
"""Of the sum over a page's tags of their attributes squared, which is what parsers in C take."""
_NEWLINE = re.compile("\r\n?")

NoText = Literal[
    "no_text",  # nothing that looks like main text
    "too_large",
    "too_deep",  # for the number of its tags: resiliparse takes their product
    "too_many_elements",
    "too_many_attributes",  # in one element or some: libxml2 takes the square of their number
    "too_many_inline_elements",  # in one element or some: trafilatura takes the square of their number
    "extractor_failed",  # an error inside the library
    "extractor_died",  # the process that extracts was ended by this page, twice (see udfs.extract_child)
]


@dataclass(frozen=True)
class Extraction:
    """The text, or the reason why there is none; `truncated` where the page is nested deeper than is read."""

    text: str | None
    reason: NoText | None = None
    truncated: bool = False


@dataclass(frozen=True)
class Options:
    """How pages are extracted, and what one page may cost: with these limits none was found that takes over 5 s."""

    fast: bool = True
    """Without the fallback extractors, which find a little more at 1.5 times the cost."""
    favor: Literal["balance", "recall", "precision"] = "balance"
    include_tables: bool = True
    max_bytes: int = 10_000_000
    """Of the page in UTF-8."""
    max_elements: int = 20_000


USUAL_OPTIONS = Options()


def plain_text(text: str) -> Extraction:
    """The text itself, every line end a newline."""
    return Extraction(_NEWLINE.sub("\n", text)) if text.strip() else Extraction(None, "no_text")
