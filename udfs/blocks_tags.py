"""The tags of a page, found in one pass over its bytes: where each lies, which it is, what its attributes hint at.

Tags are split as the HTML standard's tokenizer does (section 13.2.5), or libxml2 where that differs (<script/> is
empty). Elements of raw text are one tag with all that they hold. Not followed: comments inside scripts, and CDATA of
foreign elements, which ends at its first ">".
"""

from typing import Any

import numba
import numpy as np

from udfs.blocks_vocabulary import (
    BORDER,
    FOUND,
    HASH_FACTOR,
    HASH_MASK,
    HIDDEN,
    IS_RAW,
    MOVES,
    TAG_KEYS,
    TAG_NUMBERS,
    name_hash,
)

MAX_TAGS = 1_000_000
MAX_VALUE_BYTES = 400
"""So much of an attribute's value is searched for words."""
END = 256
"""Taken from the number of a tag that is an end tag."""

LESS, GREATER, SLASH, EQUALS, QUOTE, APOSTROPHE, BANG, QUESTION, MINUS = (ord(c) for c in "<>/=\"'!?-")
CLASS, ID, ROLE, ITEMPROP, STYLE, HIDDEN_NAME = (
    name_hash(name) for name in ("class", "id", "role", "itemprop", "style", "hidden")
)


@numba.njit(inline="always")
def is_letter(byte: Any) -> Any:
    return 97 <= byte | 32 <= 122


@numba.njit(inline="always")
def is_space(byte: Any) -> Any:
    return byte == 32 or 9 <= byte <= 13


@numba.njit
def find_tags(data: Any) -> Any:
    """(tags, hints, looks, byte at which the next tag would begin or the page ends)"""
    n_most = 0
    for byte in data:
        n_most += byte == LESS
    n_most = min(n_most, MAX_TAGS)
    tags, hints, looks = np.empty((n_most, 3), np.int32), np.zeros(n_most, np.int32), np.zeros(n_most, np.int64)
    n = start = 0
    while start + 1 < data.size:
        if data[start] != LESS:
            start += 1
            continue
        second = data[start + 1]
        is_end = second == SLASH and start + 2 < data.size and is_letter(data[start + 2])
        if is_end or is_letter(second):
            number, i = _read_name(data, start + 1 + is_end)
            i, hint, class_hash, is_closed = _read_attributes(data, i)
            if IS_RAW[number] and not is_end and not is_closed:
                i = _skip_raw_text(data, i, number)
        elif second in (BANG, QUESTION, SLASH):
            number, i = 1, _skip_comment(data, start + 2)
            hint = class_hash = 0
        else:
            start += 1
            continue
        if n == n_most:
            return tags, hints, looks, start
        tags[n, 0], tags[n, 1], tags[n, 2] = start, i, number - END * is_end
        hints[n], looks[n] = hint, class_hash * 31 + number
        n += 1
        start = i
    return tags[:n], hints[:n], looks[:n], data.size


@numba.njit
def _read_name(data: Any, i: Any) -> Any:
    """(place in TAGS of the name that begins at i, index behind it)"""
    code = 0
    while i < data.size and not (is_space(data[i]) or data[i] == SLASH or data[i] == GREATER):
        code = _extend_hash(code, data[i])
        i += 1
    place = code % TAG_KEYS.size
    return (TAG_NUMBERS[place] if TAG_KEYS[place] == code else 0), i


@numba.njit(inline="always")
def _extend_hash(code: Any, byte: Any) -> Any:
    small = byte | 32 if 65 <= byte <= 90 else byte
    return (code * HASH_FACTOR + small) & HASH_MASK


@numba.njit
def _read_attributes(data: Any, i: Any) -> Any:
    """(index behind the tag, categories of words in its attributes, hash of its class, whether it ends with "/>")"""
    hints = class_hash = 0
    while i < data.size and data[i] != GREATER:
        if is_space(data[i]) or data[i] == SLASH:
            i += 1
            continue
        name, i = _read_attribute_name(data, i)
        start, end, i = _find_value(data, i)
        if name == HIDDEN_NAME:
            hints |= HIDDEN
        elif name in (CLASS, ID, ROLE, ITEMPROP, STYLE):
            found, code = _read_words(data, start, min(end, start + MAX_VALUE_BYTES))
            hints |= found & HIDDEN if name == STYLE else found
            class_hash = code if name == CLASS else class_hash
    return min(i + 1, data.size), hints, class_hash, i < data.size and data[i - 1] == SLASH


@numba.njit
def _read_attribute_name(data: Any, i: Any) -> Any:
    """(hash of the name that begins at i, whatever that byte is; index behind it)"""
    code = _extend_hash(0, data[i])
    i += 1
    while i < data.size and not (is_space(data[i]) or data[i] == SLASH or data[i] == GREATER or data[i] == EQUALS):
        code = _extend_hash(code, data[i])
        i += 1
    return code, i


@numba.njit
def _find_value(data: Any, i: Any) -> Any:
    """(start, end, index behind it) of the value of the attribute whose name ends at i; empty where there is none."""
    value = i
    while value < data.size and is_space(data[value]):
        value += 1
    if value == data.size or data[value] != EQUALS:
        return i, i, i
    i = value + 1
    while i < data.size and is_space(data[i]):
        i += 1
    start = i
    if i < data.size and (data[i] == QUOTE or data[i] == APOSTROPHE):
        i += 1
        while i < data.size and data[i] != data[start]:
            i += 1
        return start + 1, i, min(i + 1, data.size)
    while i < data.size and not (is_space(data[i]) or data[i] == GREATER):
        i += 1
    return start, i, i


@numba.njit
def _read_words(data: Any, start: Any, end: Any) -> Any:
    """(categories of the words in data[start:end], hash of it without digits)"""
    state = MOVES[0, BORDER]
    found, code, was_small, was_border = 0, 0, False, True
    for i in range(start, end):
        byte = data[i]
        has_letter = is_letter(byte)
        is_small = has_letter and byte >= 97
        if (has_letter and was_small and not is_small) or not (has_letter or was_border):
            state = MOVES[state, BORDER]
            found |= FOUND[state]
        if has_letter:
            state = MOVES[state, (byte | 32) - 97]
            found |= FOUND[state]
        was_small, was_border = is_small, not has_letter
        if not 48 <= byte <= 57:
            code = (code * HASH_FACTOR + byte) & HASH_MASK
    return found | FOUND[MOVES[state, BORDER]], code


@numba.njit
def _skip_raw_text(data: Any, i: Any, number: Any) -> Any:
    """Index behind the end tag of an element of raw text, or the end of the page."""
    while i + 1 < data.size:
        if data[i] == LESS and data[i + 1] == SLASH:
            found, after = _read_name(data, i + 2)
            if found == number:
                return _read_attributes(data, after)[0]
        i += 1
    return data.size


@numba.njit
def _skip_comment(data: Any, i: Any) -> Any:
    """Index behind a comment, declaration or processing instruction, of which the first two bytes are before i."""
    if data[i - 1] == BANG and i + 1 < data.size and data[i] == MINUS and data[i + 1] == MINUS:
        while i + 2 < data.size:  # from the first two on: <!--> and <!---> are comments too
            if data[i] == MINUS and data[i + 1] == MINUS and data[i + 2] == GREATER:
                return i + 3
            i += 1
        return data.size
    while i < data.size and data[i] != GREATER:
        i += 1
    return min(i + 1, data.size)
