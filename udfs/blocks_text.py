"""The text of some blocks of a page, laid out as trafilatura does it: a line a block, `- ` before list items, indented
by the depth of the list, `| a | b |` for the row of a table, line ends kept inside <pre>.

Tables that only lay out the page have no rows: a row with a single cell, or with a cell of more than MAX_CELL_BLOCKS
blocks, or with lists in it, is given as lines. Paragraphs of one list item are lines of their own.
"""

import html
import re
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udfs.blocks_scan import Page
from udfs.blocks_vocabulary import CELL, ITEM, LIST, ROLE, ROW, TABLE, TAG, TERM

MAX_CELL_BLOCKS = 3
INDENT, MAX_INDENTS = "  ", 10
PRE, TH = TAG["pre"], TAG["th"]
_ROLES = ROLE.tolist()
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1b\x7f\xad\u200b\ufeff\ufffe\uffff]")
"""Controls, soft hyphens, zero-width spaces and byte order marks."""
_LONG_REFERENCE = re.compile("&#(?:([0-9]{8,})|[xX]([0-9a-fA-F]{8,}));?")
_MAX_DIGITS = 7


class Place(NamedTuple):
    """Where an element stands in its innermost table: elements around it or itself, 0 for none."""

    row: int = 0
    cell: int = 0
    item: int = 0
    n_lists: int = 0
    is_pre: bool = False


def unescape(text: str) -> str:
    """`html.unescape(text)`, but for numbers with so many digits that Python would refuse to read them: those are
    U+FFFD, like all others beyond Unicode."""
    return html.unescape(_LONG_REFERENCE.sub(_shorten, text)) if "&" in text else text


def _shorten(reference: re.Match[str]) -> str:
    decimal, hexadecimal = reference.groups()
    digits = (decimal or hexadecimal).lstrip("0") or "0"
    return "\ufffd" if len(digits) > _MAX_DIGITS else f"&#{'' if decimal else 'x'}{digits};"


def _seen(raw: bytes) -> str:
    return _UNSEEN.sub("", unescape(raw.decode("utf-8", "replace")))


def plain(raw: bytes) -> str:
    """Raw text of a page as one line: references decoded, white space collapsed, unseen characters dropped."""
    return " ".join(_seen(raw).split())


def render(data: bytes, page: Page, chosen: NDArray[np.int64]) -> str:
    """The text of the chosen blocks, which are numbers in ascending order."""
    tags, parents = page.tag.tolist(), page.parent.tolist()
    places = {0: Place()}
    blocks = [
        (place, text)
        for element, raw in zip(page.element[chosen].tolist(), raw_texts(data, page, chosen), strict=True)
        if (text := _block_text(raw, (place := _place(element, tags, parents, places)).is_pre))
    ]
    return "\n".join(_lines(blocks, tags))


def raw_texts(data: bytes, page: Page, chosen: NDArray[np.int64]) -> Iterator[bytes]:
    first = np.searchsorted(page.pieces[:, 2], chosen, "left").tolist()
    behind = np.searchsorted(page.pieces[:, 2], chosen, "right").tolist()
    starts, ends = (
        page.pieces[:, 0].tolist(),
        page.pieces[:, 1].tolist(),
    )  # a list for each span would wake the collector
    for start, stop in zip(first, behind, strict=True):
        yield b"".join(map(data.__getitem__, map(slice, starts[start:stop], ends[start:stop])))


def _block_text(raw: bytes, is_pre: bool) -> str:
    if not is_pre:
        return plain(raw)
    return "\n".join(line.rstrip() for line in _seen(raw).splitlines()).strip("\n")


def _place(element: int, tags: list[int], parents: list[int], places: dict[int, Place]) -> Place:
    """The place of an element; those of it and of all around it are added to `places`."""
    path = []
    while element not in places:
        path.append(element)
        element = parents[element]
    place = places[element]
    for inner in reversed(path):
        place = places[inner] = _place_within(place, inner, tags[inner])
    return place


def _place_within(outer: Place, element: int, tag: int) -> Place:
    role = _ROLES[tag]
    if role & TABLE:
        return Place()
    if role & ROW:
        return Place(row=element)
    if role & CELL:
        return outer._replace(cell=element)
    if role & (ITEM | TERM):
        return outer._replace(item=element)
    if role & LIST:
        return outer._replace(n_lists=outer.n_lists + 1)
    return outer._replace(is_pre=True) if tag == PRE else outer


def _lines(blocks: list[tuple[Place, str]], tags: list[int]) -> Iterator[str]:
    begun = 0
    for row, group in groupby(blocks, lambda block: 0 if block[0].item else block[0].row):
        some = list(group)
        cells = [list(cell) for _, cell in groupby(some, lambda block: block[0].cell)] if row else []
        if len(cells) > 1 and max(map(len, cells)) <= MAX_CELL_BLOCKS:
            yield _bars([" ".join(text for _, text in cell) for cell in cells])
            if all(tags[cell[0][0].cell] == TH for cell in cells):
                yield _bars(["---"] * len(cells)).replace(" ", "")
            continue
        for place, text in some:
            yield _mark(place, place.item not in (0, begun)) + text
            begun = place.item


def _bars(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _mark(place: Place, is_first: bool) -> str:
    return INDENT * min(max(0, place.n_lists - 1), MAX_INDENTS) + "- " if is_first else ""
