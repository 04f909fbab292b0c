"""The main text of a web page by trafilatura, with the work for one page bounded.

The verdict on a page depends on its bytes and the options alone: there is no time limit, but a budget, checked before
the dear part begins. trafilatura's de-duplication, which remembers earlier pages, stays off; within a page it always
leaves out a paragraph that repeats the one before it.

libxml2, as trafilatura calls it, drops without a word what lies deeper than 256 elements. Here such pages are parsed
once more without that limit; those deeper than MAX_DEPTH, where trafilatura's recursion would come near Python's limit,
keep the cut tree and are marked `truncated`.
"""

import logging
import re
from itertools import count
from typing import Any

import lxml.etree
import lxml.html
import numba
import numpy as np
import trafilatura
import trafilatura.meta

from udfs.extraction import MAX_ATTRIBUTE_WORK, USUAL_OPTIONS, Extraction, Options
from udfs.markup import measure

PAGES_BETWEEN_RESETS = 5_000
MAX_DEPTH = 512
MAX_INLINE_WORK = 25_000_000
CROWD = 500
MANY_ELEMENTS = 2_500
"""Of fewer start tags the work cannot be too much: a sum of squares is at most the square of the sum, and the parser
does not make twice as many inline elements as there are tags."""
INLINE_TAGS = frozenset(("a", "b", "big", "cite", "code", "del", "em", "font", "i", "ins", "kbd", "q", "s", "small"))
INLINE_TAGS |= {"abbr", "acronym", "span", "strike", "strong", "sub", "sup", "u"}
_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\f\r")
_NONCHARACTERS = ("\ufffe".encode(), "\uffff".encode())
_CONTROL_REFERENCE = re.compile(  # letters in both sizes, for a pattern that ignores case is looked for byte by byte
    rb"&#(?:[xX]0*(?:[1-8bcefBCEF]|1[0-9a-fA-F]|[fF]{3}[efEF])(?![0-9a-fA-F])"
    rb"|0*(?:[1-8]|1[124-9]|2[0-9]|3[01]|6553[45])(?![0-9]));?"
)
_PLAIN_ELEMENTS = lxml.etree.ElementDefaultClassLookup(lxml.html.HtmlElement, lxml.html.HtmlComment)
"""No classes for forms and the like, which lxml.html looks up in Python for each element touched: a twentieth of
trafilatura's time."""
_CROWDED = lxml.etree.XPath(f"//*[count(*) > {CROWD}]")
_DEEPEST = lxml.etree.XPath(f"boolean(//*[count(ancestor::*) >= {MAX_DEPTH}])")
_n_pages = count(1)

logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # it logs a line for each page that holds no text


def extract_trafilatura(html: bytes, options: Options = USUAL_OPTIONS) -> Extraction:
    """The main text of a page in UTF-8. Never raises because of what the page contains, but for lack of memory."""
    page = _without_controls(html)
    size = measure(page)
    if len(page) > options.max_bytes:
        return Extraction(None, "too_large")
    if size.n_elements > options.max_elements:
        return Extraction(None, "too_many_elements")
    if size.attribute_work > MAX_ATTRIBUTE_WORK:
        return Extraction(None, "too_many_attributes")
    if next(_n_pages) % PAGES_BETWEEN_RESETS == 0:
        trafilatura.meta.reset_caches()
    try:
        return _extract(page, options, size.n_elements)
    except lxml.etree.ParserError:  # the document is empty
        return Extraction(None, "no_text")
    except MemoryError:  # says something about this machine, not about the page
        raise
    except Exception:  # noqa: BLE001 - whatever a page makes the libraries do costs that page alone
        return Extraction(None, "extractor_failed")


def _without_controls(html: bytes) -> bytes:
    """The page without control characters and references to them: one of them costs trafilatura the page."""
    page = html.replace(b"\f", b" ")
    if _has_controls(np.frombuffer(page, np.uint8)):
        page = page.translate(None, _CONTROLS)
        for character in _NONCHARACTERS:
            page = page.replace(character, b"")
    return _CONTROL_REFERENCE.sub(b"", page)


@numba.njit(cache=True)
def _has_controls(page: Any) -> Any:
    """Whether there are any of _CONTROLS or _NONCHARACTERS; this looks at many bytes at a time, which taking them out
    does not."""
    found = False
    for byte in page:
        found |= (byte < 32) & (byte != 9) & (byte != 10) & (byte != 13)
    for i in range(2, page.size):
        found |= (page[i - 2] == 0xEF) & (page[i - 1] == 0xBF) & (page[i] >= 0xBE)
    return found


def _extract(page: bytes, options: Options, n_elements: int) -> Extraction:
    tree, truncated = _parse(page)
    if n_elements > MANY_ELEMENTS and _inline_work(tree) > MAX_INLINE_WORK:
        return Extraction(None, "too_many_inline_elements")
    text = trafilatura.extract(
        tree,
        fast=options.fast,
        favor_recall=options.favor == "recall",
        favor_precision=options.favor == "precision",
        include_tables=options.include_tables,
        include_comments=False,
        deduplicate=False,
    )
    return Extraction(text, None, truncated) if text else Extraction(None, "no_text", truncated)


def _inline_work(tree: lxml.html.HtmlElement) -> int:
    """Sum over the elements with a CROWD below them of their inline children squared."""
    return sum(sum(child.tag in INLINE_TAGS for child in parent) ** 2 for parent in _CROWDED(tree))


def _parse(page: bytes) -> tuple[lxml.html.HtmlElement, bool]:
    """The page's tree, and whether what lies too deep is missing from it."""
    tree, is_cut = _parse_to_limit(page, huge_tree=False)
    if not is_cut:
        return tree, False
    deep_tree, is_cut = _parse_to_limit(page, huge_tree=True)
    return (tree, True) if is_cut or _DEEPEST(deep_tree) else (deep_tree, False)


def _parse_to_limit(page: bytes, huge_tree: bool) -> tuple[lxml.html.HtmlElement, bool]:
    parser = lxml.html.HTMLParser(
        huge_tree=huge_tree,
        encoding="utf-8",
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
        default_doctype=False,
    )
    parser.set_element_class_lookup(_PLAIN_ELEMENTS)
    tree = lxml.html.document_fromstring(page, parser=parser)
    return tree, any("huge" in entry.message.lower() for entry in parser.error_log)
