"""A page as blocks of text, from its bytes, without a tree of objects: where each block lies, in which element, and
how many characters of which kind it has.

A block is the text between two borders of block elements or line breaks. Elements end as the HTML standard's parser
(section 13.2.6) has them end where that decides in which block a text lies: a <p> before a block, an <li> before the
next one, a cell within its table. Not followed: misnested formatting, and text moved out of tables.

Work and memory grow with the bytes of the page, and no faster: a tag looks at MAX_DEPTH open elements at most. What
lies deeper is read as if it stood at that depth. Behind MAX_TAGS tags or MAX_BLOCKS blocks a page is not read.
"""

from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from udfs.blocks_tags import END, find_tags, is_letter, is_space
from udfs.blocks_vocabulary import (
    CELL,
    CLOSES,
    ENTITY_CODES,
    ENTITY_KEYS,
    HASH_FACTOR,
    HASH_MASK,
    IS_BREAK,
    IS_INLINE,
    IS_LEAF,
    IS_UNREAD,
    ROLE,
    ROW,
    ROWS,
    STOPS,
    TABLE,
    TAG,
)
from udfs.borrowing import borrowed
from udfs.hashing import ONE, U64
from udfs.spans import decode
from udfs.unicode_classes import LETTER, MARK, NUMBER, SPACE, TERMINAL, UNSPACED, UPPER

MAX_BLOCKS = 50_000
MAX_DEPTH = 512
MAX_ENTITY_BYTES = U64(12)

AND, HASH, SEMICOLON = (ord(c) for c in "&#;")
A, B, BODY, IMG, STRONG = (TAG[name] for name in ("a", "b", "body", "img", "strong"))
TABLE_PARTS = TABLE | CELL | ROW | ROWS

BLANK, SMALL, CAPITAL, DIGIT, CHARACTER, STOP, COMMA, COLON, SEPARATOR, SIGN, INNER, CLOSER, OTHER = range(13)
"""Kinds of characters. CHARACTER: a letter of a script that puts no space between words; INNER: may stand inside a
word; CLOSER: quotes and brackets that may follow a full stop."""
WORDS, LINK_CHARS, BOLD_CHARS, LINKS, IMAGES, AFTER_BREAK, LAST = range(13, 20)
"""Further columns of `Page.counts`: the last is the kind of the block's last character, closers behind a stop aside."""
N_COUNTS = 20

IN_LINK, IN_BOLD, IN_UNREAD = 1, 2, 4
"""What an element's text is, because of it or one of those around it."""


class Page(NamedTuple):
    """A page as flat arrays. Element 0 is the page itself; an element has a greater number than its parent."""

    tag: NDArray[np.uint8]
    """Of each element, its place in TAGS."""
    parent: NDArray[np.int32]
    depth: NDArray[np.int32]
    hints: NDArray[np.int32]
    """Of each element, the categories of words in its class, id, role, itemprop and style."""
    look: NDArray[np.int64]
    """Of each element, a hash of its name and of its class without digits."""
    element: NDArray[np.int32]
    """Of each block, the element in which it begins."""
    counts: NDArray[np.int32]
    """(n_blocks, N_COUNTS), by block."""
    pieces: NDArray[np.int32]
    """(n_pieces, 4), in the order of the page: first byte, byte behind the last, block, state of the element."""
    tags: NDArray[np.int32]
    """(n_tags, 3), in the order of the page: first byte, byte behind the last, place in TAGS, less END for an end tag.
    The text of <script>, <title> and the like, and their end tag, belong to their start tag."""
    stop: int
    """So many bytes were read: all, but for pages with too many tags or blocks."""


def make_kinds(classes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The kind of each code point, from `character_classes()`; uint8, shape (0x110000,), read-only."""
    kinds = np.select(
        [classes & bit > 0 for bit in (SPACE, UNSPACED, UPPER, LETTER | MARK, NUMBER, TERMINAL)],
        [BLANK, CHARACTER, CAPITAL, SMALL, DIGIT, STOP],
        OTHER,
    ).astype(np.uint8)
    for kind, characters in (
        (BLANK, "\x00\u200b\u2060\ufeff"),
        (STOP, "\u2026"),
        (COMMA, ",;\u3001\uff0c\uff1b\u060c\u061b"),
        (COLON, ":\uff1a"),
        (SEPARATOR, "|/<>#@\u00ab\u00bb\u00b7\u2022\u2190\u2192\u2039\u203a\u25ba\u25b6\uff5c"),
        (SIGN, "$\u00a2\u00a3\u20ac\u00a5\u00a9\u00ae\u2122\u20bd"),
        (INNER, "'-\u2018\u2019\u00ad\u200c\u200d\u2010\u2011"),
        (CLOSER, '")]\u201d\u201c\u300d\u300f\uff09'),
    ):
        kinds[[ord(c) for c in characters]] = kind
    kinds.flags.writeable = False
    return kinds


def scan(data: NDArray[np.uint8], kinds: NDArray[np.uint8]) -> Page:
    """The blocks of a page in UTF-8, read-only; bytes that are not UTF-8 count as characters of some kind."""
    return Page(*_scan(data, kinds))


@numba.njit(cache=True, nogil=True)
def _scan(data: Any, kinds: Any) -> Any:
    data, kinds = borrowed(data), borrowed(kinds)
    tags, hints, looks, stop = find_tags(data)
    nodes, look, element, counts, pieces, stop = _build(data, tags, hints, looks, stop, kinds)
    _count(data, borrowed(pieces), borrowed(counts), kinds)
    tag, parent = nodes[:, TAG_OF].astype(np.uint8), nodes[:, PARENT].copy()
    return tag, parent, nodes[:, DEPTH].copy(), nodes[:, HINTS].copy(), look, element, counts, pieces, tags, stop


TAG_OF, PARENT, DEPTH, HINTS, STATE = range(5)
"""Columns of `nodes`, a row for each element."""
CURRENT, N_ELEMENTS, N_BLOCKS, N_PIECES, IS_OPEN, IS_AFTER_BREAK = range(6)
"""Places of the builder's state: the innermost open element, how many there are of each, whether a block is open, and
whether the next one begins behind a line break."""


@numba.njit
def _build(data: Any, tags: Any, hints: Any, looks: Any, stop: Any, kinds: Any) -> Any:
    """(nodes, their looks, element of each block, counts with what the tags tell, pieces, bytes read)"""
    n_most = tags.shape[0] + 1
    nodes, look = np.zeros((n_most, 5), np.int32), np.zeros(n_most, np.int64)
    element = np.empty(min(n_most, MAX_BLOCKS), np.int32)
    counts = np.zeros((element.size, N_COUNTS), np.int32)
    pieces = np.empty((n_most, 4), np.int32)
    at = np.zeros(6, np.int64)
    at[N_ELEMENTS] = 1
    made = borrowed(element), borrowed(counts), borrowed(pieces)
    stop = _read(data, (tags, hints, looks), stop, kinds, borrowed(at), borrowed(nodes), borrowed(look), made)
    n, n_blocks = at[N_ELEMENTS], at[N_BLOCKS]
    return nodes[:n], look[:n], element[:n_blocks], counts[:n_blocks], pieces[: at[N_PIECES]], stop


@numba.njit
def _read(data: Any, found: Any, stop: Any, kinds: Any, at: Any, nodes: Any, look: Any, made: Any) -> Any:
    """Fill the arrays from the tags and the text between them; returns the number of bytes read."""
    tags, hints, looks = found
    tags, hints, looks = borrowed(tags), borrowed(hints), borrowed(looks)
    start = 0
    for row in range(tags.shape[0] + 1):
        end = tags[row, 0] if row < tags.shape[0] else stop
        if not _add_text(data, start, end, at, nodes, made, kinds):
            return start
        if row < tags.shape[0]:
            _apply_tag(tags[row, 2], hints[row], looks[row], at, nodes, look, made[1])
            start = tags[row, 1]
    return stop


@numba.njit
def _add_text(data: Any, start: Any, end: Any, at: Any, nodes: Any, made: Any, kinds: Any) -> Any:
    """Add data[start:end] to the open block or a new one; False where there is no room for that."""
    element, counts, pieces = made
    state = nodes[at[CURRENT], STATE]
    if start >= end or state & IN_UNREAD:
        return True
    if not at[IS_OPEN]:
        if _is_blank(data, start, end, kinds):
            return True
        if at[N_BLOCKS] == MAX_BLOCKS:
            return False
        element[at[N_BLOCKS]] = at[CURRENT]
        counts[at[N_BLOCKS], AFTER_BREAK] = at[IS_AFTER_BREAK]
        counts[at[N_BLOCKS], LINKS] = state & IN_LINK
        at[N_BLOCKS] += 1
        at[IS_OPEN] = 1
    n = at[N_PIECES]
    pieces[n, 0], pieces[n, 1], pieces[n, 2], pieces[n, 3] = start, end, at[N_BLOCKS] - 1, state
    at[N_PIECES] += 1
    return True


@numba.njit
def _is_blank(data: Any, start: Any, stop: Any, kinds: Any) -> Any:
    i, end = U64(start), U64(stop)
    while i < end:
        if is_space(data[i]):
            i += ONE
            continue
        kind, i = _read_kind(data, i, end, kinds)
        if kind != BLANK:
            return False
    return True


@numba.njit
def _apply_tag(number: Any, hints: Any, look: Any, at: Any, nodes: Any, looks: Any, counts: Any) -> Any:
    is_end = number < 0
    number += END * is_end
    if IS_BREAK[number]:
        at[IS_OPEN], at[IS_AFTER_BREAK] = 0, 1
        return
    if IS_LEAF[number]:
        if at[IS_OPEN] and number == IMG:
            counts[at[N_BLOCKS] - 1, IMAGES] += 1
        return
    if not IS_INLINE[number]:
        at[IS_OPEN] = at[IS_AFTER_BREAK] = 0
    if is_end:
        at[CURRENT] = _close(number, at[CURRENT], nodes)
        return
    at[CURRENT] = 0 if number == BODY else _close_implied(number, at[CURRENT], nodes)
    if at[IS_OPEN] and number == A:
        counts[at[N_BLOCKS] - 1, LINKS] += 1
    _open(number, hints, look, at, nodes, looks)


@numba.njit
def _close(number: Any, current: Any, nodes: Any) -> Any:
    """The innermost open element after an end tag: the parent of the one that it ends, or `current` without one."""
    stops = 0 if ROLE[number] & TABLE_PARTS else CELL | TABLE
    i = current
    while i > 0:
        tag = nodes[i, TAG_OF]
        if tag == number:
            return nodes[i, PARENT]
        if ROLE[tag] & stops or (IS_INLINE[number] and not IS_INLINE[tag]):
            break
        i = nodes[i, PARENT]
    return current


@numba.njit
def _close_implied(number: Any, current: Any, nodes: Any) -> Any:
    """The innermost open element before a start tag, which ends some without their end tags."""
    i = current
    while i > 0 and CLOSES[number]:
        tag = nodes[i, TAG_OF]
        if ROLE[tag] & CLOSES[number]:
            return nodes[i, PARENT]
        if ROLE[tag] & STOPS[number] or (STOPS[number] == -1 and not IS_INLINE[tag]):
            break
        i = nodes[i, PARENT]
    return current


@numba.njit
def _open(number: Any, hints: Any, look: Any, at: Any, nodes: Any, looks: Any) -> Any:
    outer, new = at[CURRENT], at[N_ELEMENTS]
    if nodes[outer, DEPTH] == MAX_DEPTH:
        return
    nodes[new, TAG_OF], nodes[new, PARENT], nodes[new, DEPTH] = number, outer, nodes[outer, DEPTH] + 1
    nodes[new, HINTS], looks[new] = 0 if number == BODY else hints, look
    state = nodes[outer, STATE] | IN_LINK * (number == A) | IN_BOLD * (number in (B, STRONG))
    nodes[new, STATE] = state | IN_UNREAD * IS_UNREAD[number]
    at[CURRENT] = new
    at[N_ELEMENTS] += 1


@numba.njit(inline="always")
def _read_kind(data: Any, i: Any, end: Any, kinds: Any) -> Any:
    """(kind of the character at i, index behind it); a character reference is read as what it stands for. Indices are
    uint64: signed ones cost a test for the end of the array."""
    if data[i] < 0x80 and data[i] != AND:
        return kinds[data[i]], i + ONE
    return _read_rare_kind(data, i, end, kinds)


@numba.njit
def _read_rare_kind(data: Any, i: Any, end: Any, kinds: Any) -> Any:
    if data[i] == AND:
        code, after = _read_reference(data, i + ONE, min(end, i + MAX_ENTITY_BYTES))
        if after:
            return kinds[code], after
    code, after = decode(data, i, end)
    return kinds[code], after


@numba.njit
def _read_reference(data: Any, i: Any, end: Any) -> Any:
    """(code point, index behind the semicolon) of the reference whose "&" is before i; (0, 0) where there is none.
    References by names that are not in the table are read as the letter a."""
    name = number = 0
    is_number = i < end and data[i] == HASH
    is_hex = is_number and i + ONE < end and data[i + ONE] | 32 == 120
    i += U64(is_number + is_hex)
    while i < end and (is_letter(data[i]) or 48 <= data[i] <= 57):
        digit = data[i] - 48 if data[i] <= 57 else (data[i] | 32) - 87
        number = number * (16 if is_hex else 10) + digit
        name = (name * HASH_FACTOR + data[i]) & HASH_MASK
        i += ONE
    if i == end or data[i] != SEMICOLON:
        return U64(0), U64(0)
    place = name % ENTITY_KEYS.size
    code = number if is_number else ENTITY_CODES[place] if ENTITY_KEYS[place] == name else 97
    return U64(min(code, 0x10FFFF)), i + ONE


@numba.njit
def _count(data: Any, pieces: Any, counts: Any, kinds: Any) -> Any:
    """Fill the counts of the blocks."""
    block, in_word = U64(0), 0
    for row in range(pieces.shape[0]):
        i, end, new, state = U64(pieces[row, 0]), U64(pieces[row, 1]), U64(pieces[row, 2]), pieces[row, 3]
        in_word = in_word if new == block else 0
        block = new
        n_chars = n_words = 0
        last = np.int64(counts[block, LAST])
        while i < end:
            kind, i = _read_kind(data, i, end, kinds)
            counts[block, kind] += 1
            # Numbers, not conditions: what follows what in a text cannot be foreseen by the processor.
            is_word, is_char = np.int64(kind >= SMALL) & np.int64(kind <= DIGIT), np.int64(kind != BLANK)
            n_words += is_word & ~in_word
            in_word = is_word | (in_word & np.int64(kind == INNER))
            n_chars += is_char
            is_closer = np.int64(kind == CLOSER) & np.int64(last == STOP)
            last = np.int64(kind) if is_char & ~is_closer else last
        counts[block, LAST] = last
        counts[block, WORDS] += n_words
        counts[block, LINK_CHARS] += n_chars if state & IN_LINK else 0
        counts[block, BOLD_CHARS] += n_chars if state & IN_BOLD else 0
