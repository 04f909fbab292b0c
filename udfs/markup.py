"""What an HTML page will cost to parse, found in one pass over its bytes: start tags, their attributes, their nesting.

It splits tags, comments and raw text as the HTML standard's tokenizer does (section 13.2.5), or libxml2 where that
differs (<script/> is empty), and builds no tree. Not followed: comments inside scripts, CDATA of foreign elements.
"""

from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from udfs.borrowing import borrowed
from udfs.hashing import U64

RAW_TEXT = (b"script", b"style", b"textarea", b"title", b"iframe", b"noembed", b"noframes", b"xmp")
CHILDLESS = (b"area", b"base", b"br", b"col", b"embed", b"hr", b"img", b"input", b"link", b"meta", b"param", b"source")
"""Elements without content, most of them (HTML standard, section 13.1.2)."""
SELF_ENDING = (b"dd", b"dt", b"li", b"option", b"p", b"td", b"th", b"tr")
"""Elements that the next of their kind ends, so that their start tags alone nest nothing."""


def _numbers(names: tuple[bytes, ...]) -> NDArray[np.uint64]:
    """Names of up to eight bytes as the numbers that `_name` reads."""
    return np.array([int.from_bytes(name, "little") for name in names], np.uint64)


_RAW = _numbers(RAW_TEXT)
SVG, MATH = _numbers((b"svg", b"math"))
"""Within these, "/>" ends an element."""
_FLAT = _numbers(CHILDLESS + SELF_ENDING)

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
    return Size(*_measure(np.frombuffer(html, np.uint8)))


@numba.njit(inline="always")
def _is_letter(byte: Any) -> Any:
    return 97 <= byte | 32 <= 122


@numba.njit(inline="always")
def _is_space(byte: Any) -> Any:
    return byte == 32 or 9 <= byte <= 13


@numba.njit(cache=True)
def _measure(data: Any) -> Any:
    data = borrowed(data)
    n_elements, n_end_tags, attribute_work, n_open, depth, i = 0, 0, 0, 0, 0, 0
    is_foreign = False
    while i + 1 < data.size:
        if data[i] != LESS:
            i += 1
        elif _is_letter(data[i + 1]):
            name = _name(data, i + 1)
            is_foreign = is_foreign or name in (SVG, MATH)
            i, n_attributes = _tag(data, i + 1)
            is_ended = data[i - 2] == SLASH
            n_elements, attribute_work = n_elements + 1, attribute_work + n_attributes * n_attributes
            if not is_ended and _is_in(_RAW, name):
                i = _raw_text_end(data, i, name)
            n_open += not (_is_in(_FLAT, name) or (is_foreign and is_ended))
            depth = max(depth, n_open)
        elif data[i + 1] == SLASH and i + 2 < data.size and _is_letter(data[i + 2]):
            name = _name(data, i + 2)
            n_open -= n_open > 0 and not _is_in(_FLAT, name)
            is_foreign = is_foreign and name not in (SVG, MATH)
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


@numba.njit(inline="always")
def _is_in(numbers: Any, name: Any) -> Any:
    found = False
    for number in numbers:
        found |= number == name
    return found


@numba.njit
def _name(data: Any, i: Any) -> Any:
    """The name of a tag that begins at i, in small letters, as a number of eight bytes; 0 for one that is longer or has
    anything but letters."""
    name = U64(0)
    for k in range(9):
        byte = data[i + k] if i + k < data.size else 0
        if not _is_letter(byte):
            return name if _is_space(byte) or byte in (SLASH, GREATER) else U64(0)
        if k < 8:
            name |= U64(byte | 32) << U64(8 * k)
    return U64(0)


@numba.njit
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


@numba.njit
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


@numba.njit
def _comment_end(data: Any, i: Any) -> Any:
    if i < data.size and data[i] == GREATER:
        return i + 1
    while i + 2 < data.size:
        if data[i] == MINUS and data[i + 1] == MINUS and data[i + 2] == GREATER:
            return i + 3
        i += 1
    return data.size


@numba.njit
def _raw_text_end(data: Any, i: Any, name: Any) -> Any:
    while i + 1 < data.size:
        if data[i] == LESS and data[i + 1] == SLASH and _name(data, i + 2) == name:
            return i
        i += 1
    return data.size
