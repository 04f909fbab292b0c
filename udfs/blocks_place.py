"""Where the blocks of a page stand: in its elements, among the blocks that look alike, and one after another.

"Good" text stands for the body of an article, in characters: that of blocks with few links, eight words and a comma or
full stop at least. The "top" is the element that holds the most of it directly. A "path" is what a block's element, the
one around it and the next one look like: equal for the items of a list, and for all comments of a page.

All functions are kernels; `text` has a row of features for each block, `sums` one for each element.
"""

from typing import Any

import numba
import numpy as np

from udfs.blocks_scan import AFTER_BREAK
from udfs.blocks_vocabulary import TAG
from udfs.hashing import U64, mix64

P = TAG["p"]
N_CHARS, LINK_SHARE, GOOD = 0, 2, 17
"""Columns of `text`."""
CHARS, LINKED, GOOD_CHARS, BLOCKS, LINK_BLOCKS, PARAGRAPHS = range(6)
"""Columns of `sums`: over the blocks of an element and those of all elements in it."""
FAR = -999.0
"""Offset to a block that the page has not."""
WINDOW, MAX_GAP = 5, 15
"""Blocks on either side whose good text is summed up; how far away the next good block is looked for."""
N_TREE, N_PATHS, N_OFFSETS, N_ORDER, N_BREAKS = 8, 7, 7, 11, 4
"""Features that each of the `write_` functions writes."""


@numba.njit
def sum_elements(text: Any, element: Any, tag: Any, parent: Any) -> Any:
    """(n_elements, 6) float64; element 0 has the sums of the page."""
    sums = np.zeros((tag.size, 6))
    for block in range(element.size):
        row, of = text[block], sums[element[block]]
        of[CHARS] += row[N_CHARS]
        of[LINKED] += row[N_CHARS] * row[LINK_SHARE]
        of[GOOD_CHARS] += row[GOOD]
        of[BLOCKS] += 1
        of[LINK_BLOCKS] += row[LINK_SHARE] > 0.5
        of[PARAGRAPHS] += tag[element[block]] == P
    for i in range(tag.size - 1, 0, -1):
        for column in range(6):
            sums[parent[i], column] += sums[i, column]
    return sums


@numba.njit
def find_top(good: Any, counts: Any, element: Any, tag: Any, parent: Any, sums: Any) -> Any:
    """The element whose children hold the most good text; grandchildren count half, links against it."""
    scores = np.zeros(tag.size)
    for block in range(element.size):
        holder = element[block]
        if tag[holder] == P or not counts[block, AFTER_BREAK]:
            holder = parent[holder]
        if holder > 0:
            scores[holder] += good[block]
            scores[parent[holder]] += 0.5 * good[block]
    top, best = 0, -1.0
    for i in range(1, tag.size):
        score = scores[i] * (1.0 - sums[i, LINKED] / max(1.0, sums[i, CHARS]))
        if score > best:
            top, best = i, score
    return top


@numba.njit
def number_keys(keys: Any) -> Any:
    """(n,) int64: equal keys have equal numbers, from 0 in the order in which they first appear."""
    numbers, last = np.empty(keys.size, np.int64), 1
    while last < 2 * keys.size:
        last *= 2
    last -= 1
    first = np.full(last + 1, -1)  # open addressing: the index of the first key at each place
    n = 0
    for i in range(keys.size):
        place = np.int64(mix64(U64(keys[i])) >> U64(1)) & last
        while first[place] >= 0 and keys[first[place]] != keys[i]:
            place = (place + 1) & last
        if first[place] < 0:
            first[place], numbers[i] = i, n
            n += 1
        numbers[i] = numbers[first[place]]
    return numbers


@numba.njit
def find_paths(text: Any, element: Any, parent: Any, look: Any) -> Any:
    """(number of each block's path, (n_blocks, 6) sums over the blocks of a path, by its number): the first columns of
    `sums`, then in how many parents and grandparents they lie. Paragraphs of an article have one, comments many."""
    keys, sums = np.empty(element.size, np.int64), np.zeros((element.size, 6))
    for block in range(element.size):
        i = element[block]
        keys[block] = look[i] * 961 + look[parent[i]] * 31 + look[parent[parent[i]]]
    path, last = number_keys(keys), np.full((element.size, 2), -1)
    for block in range(element.size):
        of, outer = sums[path[block]], parent[element[block]]
        of[CHARS] += text[block, N_CHARS]
        of[LINKED] += text[block, N_CHARS] * text[block, LINK_SHARE]
        of[GOOD_CHARS] += text[block, GOOD]
        of[BLOCKS] += 1
        of[4] += outer != last[path[block], 0]
        of[5] += parent[outer] != last[path[block], 1]
        last[path[block], 0], last[path[block], 1] = outer, parent[outer]
    return path, sums


@numba.njit
def write_tree(out: Any, element: Any, parent: Any, depth: Any, sums: Any, top: Any) -> Any:
    """Where the block's element stands to the top, and to the innermost that hold 60 and 85 % of the good text."""
    n_nodes, page_good = parent.size, sums[0, GOOD_CHARS]
    most = more = 0
    for i in range(n_nodes):  # those that hold more than half of it lie in one another: the last is the innermost
        if sums[i, GOOD_CHARS] >= 0.6 * page_good:
            more = i
        if sums[i, GOOD_CHARS] >= 0.85 * page_good:
            most = i
    above = np.full(n_nodes, -1)
    i = top
    while i > 0:
        above[i] = depth[top] - depth[i]
        i = parent[i]
    above[0] = depth[top]
    inside = np.zeros((n_nodes, 3), np.uint8)
    for i in range(1, n_nodes):
        inside[i] = inside[parent[i]]
        inside[i, 0] |= i == top
        inside[i, 1] |= i == more
        inside[i, 2] |= i == most
        if above[i] < 0:
            above[i] = above[parent[i]]
    for block in range(element.size):
        row, i = out[block], element[block]
        row[0], row[1], row[2], row[3] = inside[i, 0], inside[i, 1], inside[i, 2], above[i]
        row[4], row[5] = depth[i], depth[i] - depth[top]
        row[6] = sums[top, GOOD_CHARS] / max(1.0, page_good)
        row[7] = sums[top, LINKED] / max(1.0, sums[top, CHARS])


@numba.njit
def write_paths(out: Any, path: Any, path_sums: Any, sums: Any) -> Any:
    """What all blocks with the block's path have."""
    for block in range(path.size):
        row, of = out[block], path_sums[path[block]]
        row[0], row[1], row[2] = of[BLOCKS], of[CHARS], of[LINKED] / max(1.0, of[CHARS])
        row[3], row[4] = of[GOOD_CHARS] / max(1.0, sums[0, GOOD_CHARS]), of[CHARS] / of[BLOCKS]
        row[5], row[6] = of[4], of[5]


@numba.njit
def first_good(in_top: Any, good: Any) -> Any:
    """The first good block in the top; the number of blocks if there is none."""
    for block in range(good.size):
        if good[block] > 0 and in_top[block]:
            return block
    return good.size


@numba.njit
def write_offsets(out: Any, element: Any, parent: Any, path: Any, good: Any, in_top: Any, below_h1: Any) -> Any:
    """How many blocks it is from the first and last good one in the top, the longest good one, and the main heading.
    `below_h1` is the number of levels of each block below an <h1>."""
    n = element.size
    first = first_good(in_top, good)
    last = heading = longest = -1
    for block in range(n):
        if good[block] > 0 and in_top[block]:
            last = block
        if good[block] > (good[longest] if longest >= 0 else 0.0):
            longest = block
        if below_h1[block] <= 1 and (first == n or block <= first + 3):
            heading = block
    for block in range(n):
        row = out[block]
        row[0] = block - first if first < n else FAR
        row[1] = block - last if last >= 0 else FAR
        row[2] = block - longest if longest >= 0 else FAR
        row[3] = block - heading if heading >= 0 else FAR
        if longest >= 0:
            row[4] = element[block] == element[longest]
            row[5] = parent[element[block]] == parent[element[longest]]
            row[6] = path[block] == path[longest]


@numba.njit
def write_order(out: Any, element: Any, text: Any, good: Any) -> Any:
    """How far down the page the block is, and how much good text there is near it."""
    n = element.size
    chars_before, good_before = np.zeros(n + 1), np.zeros(n + 1)
    for block in range(n):
        chars_before[block + 1] = chars_before[block] + text[block, N_CHARS]
        good_before[block + 1] = good_before[block] + good[block]
    last = -MAX_GAP
    for block in range(n):
        row = out[block]
        row[0], row[1], row[2] = block / n, block, n - block
        row[3] = chars_before[block] / max(1.0, chars_before[n])
        row[4] = good_before[block] / max(1.0, good_before[n])
        first, behind = max(0, block - WINDOW), min(n, block + WINDOW + 1)
        row[5] = good_before[behind] - good_before[first]
        row[6] = row[5] / max(1.0, chars_before[behind] - chars_before[first])
        row[7] = min(block - last, MAX_GAP)
        last = block if good[block] > 0 else last
        row[8] = block > 0 and element[block - 1] == element[block]
        row[9] = block + 1 < n and element[block + 1] == element[block]
    following = n + MAX_GAP
    for block in range(n - 1, -1, -1):
        out[block, 10] = min(following - block, MAX_GAP)
        following = block if good[block] > 0 else following


@numba.njit
def write_breaks(out: Any, text: Any, good: Any, below_heading: Any) -> Any:
    """What lies between the block and the longest good one, both ways: the longest run of blocks that are not good, and
    characters in links; then the offset to the last heading, and its characters. What follows an article, comments and
    teasers, is often like it, but comes behind a break. `below_heading`: levels below <h1>, <h2>, <h3> to <h6>."""
    longest = np.argmax(good)
    for step, stop in ((1, good.size), (-1, -1)):
        run = worst = 0
        linked = 0.0
        for block in range(longest, stop, step):
            run = 0 if good[block] > 0 else run + 1
            worst = max(worst, run)
            linked += text[block, N_CHARS] * text[block, LINK_SHARE]
            out[block, 0], out[block, 1] = worst, linked
    heading = -1
    for block in range(good.size):
        if (below_heading[block] == 0).any():
            heading = block
        out[block, 2] = block - heading if heading >= 0 else FAR
        out[block, 3] = text[heading, N_CHARS] if heading >= 0 else FAR
