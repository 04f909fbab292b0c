"""The text of some blocks of a page, laid out as trafilatura does it: a line a block, `- ` before list items, indented
by the depth of the list, `| a | b |` for the row of a table, line ends kept inside <pre>.

Tables that only lay out the page have no rows: a row with a single cell, or with a cell of more than MAX_CELL_BLOCKS
blocks, is given as lines. Paragraphs of one list item are lines of their own.
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
    """Where a block stands, as elements of the page; 0 is none."""

    row: int
    cell: int
    item: int
    n_lists: int
    is_pre: bool


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
    blocks = [
        (place, text)
        for element, raw in zip(page.element[chosen].tolist(), raw_texts(data, page, chosen), strict=True)
        if (text := _block_text(raw, (place := _place(element, tags, parents)).is_pre))
    ]
    return "\n".join(_lines(blocks, tags))


def raw_texts(data: bytes, page: Page, chosen: NDArray[np.int64]) -> Iterator[bytes]:
    first = np.searchsorted(page.pieces[:, 2], chosen, "left").tolist()
    behind = np.searchsorted(page.pieces[:, 2], chosen, "right").tolist()
    spans = page.pieces[:, :2].tolist()
    for start, stop in zip(first, behind, strict=True):
        yield b"".join(data[i:j] for i, j in spans[start:stop])


def _block_text(raw: bytes, is_pre: bool) -> str:
    if not is_pre:
        return plain(raw)
    return "\n".join(line.rstrip() for line in _seen(raw).splitlines()).strip("\n")


def _place(element: int, tags: list[int], parents: list[int]) -> Place:
    """Row and cell are those of the innermost table, and none where a list lies inside the cell."""
    row = cell = item = n_lists = 0
    is_pre = False
    while element:
        role = _ROLES[tags[element]]
        is_pre = is_pre or tags[element] == PRE
        if role & (ITEM | TERM):
            item = item or element
        elif role & LIST:
            n_lists += 1
        elif role & CELL:
            cell = cell or element
        elif role & ROW:
            row = element
        if role & (ROW | TABLE):
            break
        element = parents[element]
    return Place(0 if item else row, cell, item, n_lists, is_pre)


def _lines(blocks: list[tuple[Place, str]], tags: list[int]) -> Iterator[str]:
    begun = 0
    for row, group in groupby(blocks, lambda block: block[0].row):
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
