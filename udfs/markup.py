"""What an HTML page will cost to parse, found in one pass over its bytes: start tags, their attributes, their nesting.

It splits tags, comments and raw text as the HTML standard's tokenizer does (section 13.2.5), or libxml2 where that
differs (<script/> is empty), and builds no tree. Not followed: comments inside scripts, CDATA of foreign elements.
"""

from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

RAW_TEXT = (b"script", b"style", b"textarea", b"title", b"iframe", b"noembed", b"noframes", b"xmp")
CHILDLESS = (b"area", b"base", b"br", b"col", b"embed", b"hr", b"img", b"input", b"link", b"meta", b"param", b"source")
"""Elements without content, most of them (HTML standard, section 13.1.2)."""
SELF_ENDING = (b"dd", b"dt", b"li", b"option", b"p", b"td", b"th", b"tr")
"""Elements that the next of their kind ends, so that their start tags alone nest nothing."""


def _padded(names: tuple[bytes, ...]) -> NDArray[np.uint8]:
    """Names of up to eight bytes as rows, filled up with zeros."""
    rows = np.zeros((len(names), 8), np.uint8)
    for row, name in zip(rows, names, strict=True):
        row[: len(name)] = list(name)
    return rows


_NAMES = _padded(RAW_TEXT)
SVG, MATH = _padded((b"svg", b"math"))
"""Within these, "/>" ends an element."""
_FLAT = np.sort(_padded(CHILDLESS + SELF_ENDING).view(np.uint64).ravel())

LESS, GREATER, SLASH, EQUALS, QUOTE, APOSTROPHE, BANG, QUESTION, MINUS = (ord(c) for c in "<>/=\"'!?-")


class Size(NamedTuple):
    n_elements: int
    """Start tags."""
    n_tags: int
    """Start and end tags."""
    attribute_work: int
    """Sum over them of their attributes squared, which is what libxml2 takes."""
    depth: int
    """Most elements open at once, but for those of SELF_ENDING; of a page with end tags where they belong."""


def measure(html: bytes) -> Size:
    """The size of a page in UTF-8."""
    return Size(*_measure(np.frombuffer(html, np.uint8), _NAMES, _FLAT))


@numba.njit(inline="always")
def _is_letter(byte: Any) -> Any:
    return 97 <= byte | 32 <= 122


@numba.njit(inline="always")
def _is_space(byte: Any) -> Any:
    return byte == 32 or 9 <= byte <= 13


@numba.njit(cache=True)
def _measure(data: Any, names: Any, flat: Any) -> Any:
    n_elements, n_end_tags, attribute_work, n_open, depth, i = 0, 0, 0, 0, 0, 0
    is_foreign = False
    while i + 1 < data.size:
        if data[i] != LESS:
            i += 1
        elif _is_letter(data[i + 1]):
            raw, is_flat = _raw_text(data, i + 1, names), _is_flat(data, i + 1, flat)
            is_foreign = is_foreign or _is_named(data, i + 1, SVG) or _is_named(data, i + 1, MATH)
            i, n_attributes = _tag(data, i + 1)
            is_ended = data[i - 2] == SLASH
            n_elements, attribute_work = n_elements + 1, attribute_work + n_attributes * n_attributes
            if raw >= 0 and not is_ended:
                i = _raw_text_end(data, i, names, raw)
            n_open += not (is_flat or (is_foreign and is_ended))
            depth = max(depth, n_open)
        elif data[i + 1] == SLASH and i + 2 < data.size and _is_letter(data[i + 2]):
            n_open -= n_open > 0 and not _is_flat(data, i + 2, flat)
            is_foreign = is_foreign and not (_is_named(data, i + 2, SVG) or _is_named(data, i + 2, MATH))
            i, _ = _tag(data, i + 2)
            n_end_tags += 1
        elif data[i + 1] == BANG and i + 3 < data.size and data[i + 2] == MINUS and data[i + 3] == MINUS:
            i = _comment_end(data, i + 4)
        elif data[i + 1] == BANG or data[i + 1] == QUESTION or data[i + 1] == SLASH:
            while i < data.size and data[i] != GREATER:
                i += 1
        else:
            i += 1
    return n_elements, n_elements + n_end_tags, attribute_work, depth


@numba.njit(cache=True)
def _is_flat(data: Any, i: Any, flat: Any) -> Any:
    """Whether the tag of which the name begins at i nests nothing."""
    name = np.uint64(0)
    for k in range(8):
        if i + k >= data.size or not _is_letter(data[i + k]):
            break
        name |= np.uint64(data[i + k] | 32) << np.uint64(8 * k)
    k = 0
    while k < flat.size and flat[k] != name:
        k += 1
    return k < flat.size


@numba.njit(cache=True)
def _tag(data: Any, i: Any) -> Any:
    """(index behind the tag of which the name begins at i, number of its attributes)"""
    n_attributes = 0
    while i < data.size and not (_is_space(data[i]) or data[i] == SLASH or data[i] == GREATER):
        i += 1
    while i < data.size:
        if data[i] == GREATER:
            return i + 1, n_attributes
        if _is_space(data[i]) or data[i] == SLASH:
            i += 1
            continue
        n_attributes += 1
        i = _attribute_end(data, i)
    return i, n_attributes


@numba.njit(cache=True)
def _attribute_end(data: Any, i: Any) -> Any:
    i += 1
    while i < data.size and not (_is_space(data[i]) or data[i] == SLASH or data[i] == GREATER or data[i] == EQUALS):
        i += 1
    value = i
    while value < data.size and _is_space(data[value]):
        value += 1
    if value == data.size or data[value] != EQUALS:
        return i
    i = value + 1
    while i < data.size and _is_space(data[i]):
        i += 1
    if i < data.size and (data[i] == QUOTE or data[i] == APOSTROPHE):
        quote = data[i]
        i += 1
        while i < data.size and data[i] != quote:
            i += 1
        return i + 1
    while i < data.size and not (_is_space(data[i]) or data[i] == GREATER):
        i += 1
    return i


@numba.njit(cache=True)
def _comment_end(data: Any, i: Any) -> Any:
    if i < data.size and data[i] == GREATER:
        return i + 1
    while i + 2 < data.size:
        if data[i] == MINUS and data[i + 1] == MINUS and data[i + 2] == GREATER:
            return i + 3
        i += 1
    return data.size


@numba.njit(cache=True)
def _is_named(data: Any, i: Any, name: Any) -> Any:
    """Whether a tag's name begins at i, and is this one."""
    k = 0
    while k < name.size and name[k] != 0:
        if i + k >= data.size or data[i + k] | 32 != name[k]:
            return False
        k += 1
    end = i + k
    return end < data.size and (_is_space(data[end]) or data[end] == SLASH or data[end] == GREATER)


@numba.njit(cache=True)
def _raw_text(data: Any, i: Any, names: Any) -> Any:
    """The row in `names` of the tag of which the name begins at i; -1 for any other."""
    for row in range(names.shape[0]):
        if _is_named(data, i, names[row]):
            return row
    return -1


@numba.njit(cache=True)
def _raw_text_end(data: Any, i: Any, names: Any, row: Any) -> Any:
    while i + 1 < data.size:
        if data[i] == LESS and data[i + 1] == SLASH and _is_named(data, i + 2, names[row]):
            return i
        i += 1
    return data.size
