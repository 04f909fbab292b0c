"""What the model sees of each block: 236 numbers about its text, the elements around it, its neighbours and its place.

Trees need no logarithms or powers, so there are none: sums and quotients of float64 in a fixed order are the same on
every machine, and so is the float32 to which they are rounded at the end.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from udfs import blocks_scan
from udfs.blocks_place import (
    BLOCKS,
    CHARS,
    FAR,
    GOOD,
    GOOD_CHARS,
    LINK_BLOCKS,
    LINKED,
    N_BREAKS,
    N_CHARS,
    N_OFFSETS,
    N_ORDER,
    N_PATHS,
    N_TREE,
    PARAGRAPHS,
    find_paths,
    find_top,
    first_good,
    number_keys,
    sum_elements,
    write_breaks,
    write_offsets,
    write_order,
    write_paths,
    write_tree,
)
from udfs.blocks_scan import (
    AFTER_BREAK,
    BLANK,
    BOLD_CHARS,
    CAPITAL,
    CHARACTER,
    COLON,
    COMMA,
    DIGIT,
    IMAGES,
    LAST,
    LINK_CHARS,
    LINKS,
    OTHER,
    SEPARATOR,
    SIGN,
    STOP,
    Page,
)
from udfs.blocks_vocabulary import (
    BYLINE,
    GROUP,
    HASH_FACTOR,
    HASH_MASK,
    HIDDEN,
    IS_INLINE,
    N_CATEGORIES,
    N_GROUPS,
    TAG,
)
from udfs.hashing import U64, hash_bytes, mix64

N_LEVELS = 20
"""Elements around a block are looked at up to so many levels above it."""
NEIGHBOURS = (0, -1, 1, -2, 2)
N_TEXT, N_CONTAINERS, N_CONTAINER = 19, 6, 8
MAX_TITLE_WORDS, MAX_TITLE_CHARS = 64, 250
WORDS_PER_CHARACTER = 0.6
"""Of scripts without spaces; measured for Chinese."""
H1 = GROUP[TAG["h1"]]

TEXT = N_GROUPS + N_CATEGORIES
CONTAINERS = TEXT + N_TEXT * len(NEIGHBOURS)
TOTALS = CONTAINERS + N_CONTAINERS * N_CONTAINER
TREE = TOTALS + 9
PATHS = TREE + N_TREE
OFFSETS = PATHS + N_PATHS
ORDER = OFFSETS + N_OFFSETS
BREAKS = ORDER + N_ORDER
REPEATS = BREAKS + N_BREAKS
TITLE = REPEATS + 2
N_FEATURES = TITLE + 3
"""Where each group of features begins, and how many there are; the levels of `_write_around` come first."""
WORDS = TEXT + 1
"""The column of a block's number of words."""


def features(page: Page, data: NDArray[np.uint8], title: tuple[int, int]) -> NDArray[np.float32]:
    """(n_blocks, N_FEATURES); the title is data[title[0]:title[1]]."""
    nodes = page.tag, page.parent, page.depth, page.hints, page.look
    return _features(data, nodes, page.element, page.counts, page.pieces, *title)


@numba.njit(cache=True, nogil=True)
def _features(data: Any, nodes: Any, begins_in: Any, counts: Any, pieces: Any, title_start: Any, title_end: Any) -> Any:
    out = np.zeros((begins_in.size, N_FEATURES), np.float32)
    if begins_in.size == 0:
        return out
    tag, parent, depth, hints, look = nodes
    element = _block_elements(begins_in, tag, parent)
    text = _text(counts, tag, element)
    good = text[:, GOOD].copy()
    sums = sum_elements(text, element, tag, parent)
    top = find_top(good, counts, element, tag, parent, sums)
    path, path_sums = find_paths(text, element, parent, look)
    _write_around(out[:, :TEXT], element, tag, parent, hints)
    _write_text(out[:, TEXT:CONTAINERS], text, path, element, parent)
    _write_containers(out[:, CONTAINERS:TOTALS], element, parent, sums)
    _write_totals(out[:, TOTALS:TREE], begins_in, element, nodes, sums, top)
    write_tree(out[:, TREE:PATHS], element, parent, depth, sums, top)
    write_paths(out[:, PATHS:OFFSETS], path, path_sums, sums)
    in_top, below_h1 = out[:, TREE], out[:, H1]
    write_offsets(out[:, OFFSETS:ORDER], element, parent, path, good, in_top, below_h1)
    write_order(out[:, ORDER:BREAKS], element, text, good)
    write_breaks(out[:, BREAKS:REPEATS], text, good, out[:, H1 : H1 + 3])
    _write_repeats(out[:, REPEATS:TITLE], data, pieces)
    title = data[title_start:title_end]
    _write_title(out[:, TITLE:], data, pieces, text, title, first_good(in_top, good))
    return out


@numba.njit
def _block_elements(begins_in: Any, tag: Any, parent: Any) -> Any:
    """The block element of each block: where it begins, or around the inline elements in which it does."""
    element = begins_in.copy()
    for block in range(element.size):
        while element[block] > 0 and IS_INLINE[tag[element[block]]]:
            element[block] = parent[element[block]]
    return element


@numba.njit
def _text(counts: Any, tag: Any, element: Any) -> Any:
    """(n_blocks, N_TEXT) float64: what each block's text is like by itself."""
    text = np.empty((element.size, N_TEXT))
    for block in range(element.size):
        count, row = counts[block], text[block]
        n_chars = 0
        for kind in range(BLANK + 1, OTHER + 1):
            n_chars += count[kind]
        # A block of shy hyphens or the like may have no characters left.
        chars = max(1.0, n_chars)
        n_words = count[blocks_scan.WORDS] + WORDS_PER_CHARACTER * count[CHARACTER]
        words = max(1.0, n_words)
        n_marks = count[STOP] + count[COMMA]
        is_good = count[LINK_CHARS] < 0.35 * chars and n_marks >= 1 and n_words >= 8
        row[0], row[1], row[2] = n_chars, n_words, count[LINK_CHARS] / chars
        row[3], row[4], row[5] = count[CAPITAL] / chars, count[DIGIT] / chars, count[STOP]
        row[6], row[7], row[8] = count[SEPARATOR] / words, count[LINKS], count[IMAGES]
        row[9], row[10] = count[CHARACTER] / chars, (count[LAST] == STOP) + 2 * (count[LAST] == COLON)
        row[11], row[12], row[13] = count[COMMA], count[SIGN], count[BOLD_CHARS] / chars
        row[14], row[15], row[16] = count[AFTER_BREAK], chars / words, n_marks / words
        row[GOOD] = n_chars - count[LINK_CHARS] + 1.5 * count[CHARACTER] if is_good else 0.0
        row[18] = tag[element[block]]
    return text


@numba.njit
def _write_around(out: Any, element: Any, tag: Any, parent: Any, hints: Any) -> Any:
    """Levels up to the nearest element of each group, and to the nearest with a word of each category."""
    for block in range(element.size):
        row, i = out[block], element[block]
        row[:] = N_LEVELS
        for level in range(N_LEVELS):
            if i == 0:
                break
            group = GROUP[tag[i]]
            if group >= 0 and row[group] == N_LEVELS:
                row[group] = level
            for category in range(N_CATEGORIES if hints[i] else 0):
                if hints[i] >> category & 1 and row[N_GROUPS + category] == N_LEVELS:
                    row[N_GROUPS + category] = level
            i = parent[i]


@numba.njit
def _write_text(out: Any, text: Any, path: Any, element: Any, parent: Any) -> Any:
    """The text's features for the block and its neighbours; -1 where there is none. In place of a neighbour's tag: 1
    for the same path, 0.5 for the same parent."""
    for block in range(element.size):
        column = 0
        for offset in NEIGHBOURS:
            other = block + offset
            if 0 <= other < element.size:
                out[block, column : column + N_TEXT] = text[other]
                if offset:
                    is_near = element[other] > 0 and parent[element[other]] == parent[element[block]]
                    out[block, column + 18] = 1.0 if path[other] == path[block] else 0.5 * is_near
            else:
                out[block, column : column + N_TEXT] = -1.0
            column += N_TEXT


@numba.njit
def _write_containers(out: Any, element: Any, parent: Any, sums: Any) -> Any:
    """What the block's element and those around it hold; one that adds no block to what is in it is passed over."""
    page = sums[0]
    for block in range(element.size):
        i, column = element[block], 0
        for _ in range(N_CONTAINERS):
            of, row = sums[i], out[block, column : column + N_CONTAINER]
            chars, blocks = max(1.0, of[CHARS]), max(1.0, of[BLOCKS])
            row[0], row[1], row[2] = of[CHARS], of[LINKED] / chars, of[GOOD_CHARS] / max(1.0, page[GOOD_CHARS])
            row[3], row[4], row[5] = of[BLOCKS], of[CHARS] / max(1.0, page[CHARS]), of[GOOD_CHARS] / chars
            row[6], row[7] = of[LINK_BLOCKS] / blocks, of[PARAGRAPHS] / blocks
            column += N_CONTAINER
            i = parent[i]
            while i > 0 and sums[parent[i], BLOCKS] == sums[i, BLOCKS]:
                i = parent[i]


@numba.njit
def _write_totals(out: Any, begins_in: Any, element: Any, nodes: Any, sums: Any, top: Any) -> Any:
    """The page as a whole; and the inline elements in which the block begins."""
    tag, parent, depth, hints, _ = nodes
    page = sums[0]
    for block in range(element.size):
        row, i = out[block], begins_in[block]
        chars = max(1.0, page[CHARS])
        row[0], row[1], row[2], row[3] = page[CHARS], page[LINKED] / chars, page[GOOD_CHARS] / chars, page[BLOCKS]
        row[4] = sums[top, GOOD_CHARS]
        row[5], row[6] = tag[i], depth[i] - depth[element[block]]
        while i != element[block]:
            row[7] = max(row[7], hints[i] & BYLINE > 0)
            row[8] = max(row[8], hints[i] & HIDDEN > 0)
            i = parent[i]


@numba.njit
def _write_repeats(out: Any, data: Any, pieces: Any) -> Any:
    """How many blocks of the page have the same bytes of text, and how many of them are before the block."""
    keys = np.zeros(out.shape[0], np.int64)
    for piece in pieces:
        keys[piece[2]] = np.int64(mix64(U64(keys[piece[2]]) + hash_bytes(data, piece[0], piece[1])))
    number, count = number_keys(keys), np.zeros(out.shape[0])
    for block in range(out.shape[0]):
        out[block, 1] = count[number[block]]
        count[number[block]] += 1
    for block in range(out.shape[0]):
        out[block, 0] = count[number[block]]


@numba.njit
def _next_word(data: Any, i: Any, end: Any) -> Any:
    """(hash of the next word in data[i:end], 0 if there is none, index behind it). Words are ASCII letters and digits
    and all bytes above; characters of three bytes, among them those of Chinese, are one each."""
    code = 0
    while i < end:
        byte = data[i]
        if 0xE3 <= byte < 0xF0:
            if code == 0:
                for k in range(i, min(i + 3, end)):
                    code = (code * HASH_FACTOR + data[k]) & HASH_MASK
                i += 3
            break
        is_letter = 97 <= byte | 32 <= 122
        if is_letter or 48 <= byte <= 57 or byte >= 0x80:
            code = (code * HASH_FACTOR + (byte | 32 if is_letter else byte)) & HASH_MASK
        elif code:
            break
        i += 1
    return code, i


@numba.njit
def _write_title(out: Any, data: Any, pieces: Any, text: Any, page_title: Any, first: Any) -> Any:
    """Shares of the words of a short block that are in the title; offset from the last block that repeats the title,
    before the first good one or near it."""
    title, n_title = np.zeros(MAX_TITLE_WORDS, np.int64), 0
    word, i = _next_word(page_title, 0, page_title.size)
    while word and n_title < MAX_TITLE_WORDS:
        title[n_title] = word
        n_title += 1
        word, i = _next_word(page_title, i, page_title.size)
    found, n_words = np.zeros(out.shape[0]), np.zeros(out.shape[0])
    for piece in pieces:
        if n_title and text[piece[2], N_CHARS] <= MAX_TITLE_CHARS:
            word, i = _next_word(data, piece[0], piece[1])
            while word:
                n_words[piece[2]] += 1
                found[piece[2]] += (title[:n_title] == word).any()
                word, i = _next_word(data, i, piece[1])
    repeats = -1
    for block in range(out.shape[0]):
        is_repeat = n_words[block] >= 2 and found[block] >= max(0.7 * n_words[block], 0.3 * n_title)
        if is_repeat and (first == out.shape[0] or block <= first + 2):
            repeats = block
    for block in range(out.shape[0]):
        row = out[block]
        row[0] = found[block] / max(1.0, n_words[block])
        row[1] = found[block] / max(1.0, n_title)
        row[2] = block - repeats if repeats >= 0 else FAR
