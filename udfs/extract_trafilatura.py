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

import lxml.etree
import lxml.html
import trafilatura
import trafilatura.meta

from udfs.extraction import MAX_ATTRIBUTE_WORK, USUAL_OPTIONS, Extraction, Options
from udfs.markup import measure

PAGES_BETWEEN_RESETS = 5_000
MAX_DEPTH = 512
MAX_INLINE_WORK = 25_000_000
CROWD = 500
INLINE_TAGS = frozenset(("a", "b", "big", "cite", "code", "del", "em", "font", "i", "ins", "kbd", "q", "s", "small"))
INLINE_TAGS |= {"abbr", "acronym", "span", "strike", "strong", "sub", "sup", "u"}
_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\f\r")
_NONCHARACTERS = ("\ufffe".encode(), "\uffff".encode())
_CONTROL_REFERENCE = re.compile(
    rb"&#(?:x0*(?:[1-8bcef]|1[0-9a-f]|fff[ef])(?![0-9a-f])|0*(?:[1-8]|1[124-9]|2[0-9]|3[01]|6553[45])(?![0-9]));?",
    re.IGNORECASE,
)
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
        return _extract(page, options)
    except lxml.etree.ParserError:  # the document is empty
        return Extraction(None, "no_text")
    except MemoryError:  # says something about this machine, not about the page
        raise
    except Exception:  # noqa: BLE001 - whatever a page makes the libraries do costs that page alone
        return Extraction(None, "extractor_failed")


def _without_controls(html: bytes) -> bytes:
    """The page without control characters and references to them: one of them costs trafilatura the page."""
    page = html.replace(b"\f", b" ").translate(None, _CONTROLS)
    for character in _NONCHARACTERS:
        page = page.replace(character, b"")
    return _CONTROL_REFERENCE.sub(b"", page) if b"&#" in page else page


def _extract(page: bytes, options: Options) -> Extraction:
    tree, truncated = _parse(page)
    crowds = (sum(child.tag in INLINE_TAGS for child in parent) for parent in _CROWDED(tree))
    if sum(n_inline**2 for n_inline in crowds) > MAX_INLINE_WORK:
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
    tree = lxml.html.document_fromstring(page, parser=parser)
    return tree, any("huge" in entry.message.lower() for entry in parser.error_log)
