"""What an HTML page will cost to parse, found in one pass over its bytes: its start tags and their attributes.

It splits tags, comments and raw text as the HTML standard's tokenizer does (section 13.2.5), or libxml2 where that
differs (<script/> is empty), and builds no tree. Not followed: comments inside scripts, CDATA of foreign elements.
"""

from typing import Any, NamedTuple

import numba
import numpy as np

RAW_TEXT = (b"script", b"style", b"textarea", b"title", b"iframe", b"noembed", b"noframes", b"xmp")
_NAMES = np.zeros((len(RAW_TEXT), 8), np.uint8)
for _row, _name in zip(_NAMES, RAW_TEXT, strict=True):
    _row[: len(_name)] = list(_name)

LESS, GREATER, SLASH, EQUALS, QUOTE, APOSTROPHE, BANG, QUESTION, MINUS = (ord(c) for c in "<>/=\"'!?-")


class Size(NamedTuple):
    """Start tags of a page, and the sum over them of their attributes squared, which is what libxml2 takes."""

    n_elements: int
    attribute_work: int


def measure(html: bytes) -> Size:
    """The size of a page in UTF-8."""
    return Size(*_measure(np.frombuffer(html, np.uint8), _NAMES))


@numba.njit(inline="always")
def _is_letter(byte: Any) -> Any:
    return 97 <= byte | 32 <= 122


@numba.njit(inline="always")
def _is_space(byte: Any) -> Any:
    return byte == 32 or 9 <= byte <= 13


@numba.njit(cache=True)
def _measure(data: Any, names: Any) -> Any:
    n_elements, attribute_work, i = 0, 0, 0
    while i + 1 < data.size:
        if data[i] != LESS:
            i += 1
        elif _is_letter(data[i + 1]):
            raw = _raw_text(data, i + 1, names)
            i, n_attributes = _tag(data, i + 1)
            n_elements, attribute_work = n_elements + 1, attribute_work + n_attributes * n_attributes
            if raw >= 0 and data[i - 2] != SLASH:
                i = _raw_text_end(data, i, names, raw)
        elif data[i + 1] == SLASH and i + 2 < data.size and _is_letter(data[i + 2]):
            i, _ = _tag(data, i + 2)
        elif data[i + 1] == BANG and i + 3 < data.size and data[i + 2] == MINUS and data[i + 3] == MINUS:
            i = _comment_end(data, i + 4)
        elif data[i + 1] == BANG or data[i + 1] == QUESTION or data[i + 1] == SLASH:
            while i < data.size and data[i] != GREATER:
                i += 1
        else:
            i += 1
    return n_elements, attribute_work


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
