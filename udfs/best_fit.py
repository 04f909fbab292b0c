"""Documents put together so that windows of one length begin and end between them: best-fit decreasing.

The result is an order of the documents, nothing else: laid end to end in it and cut every `window` tokens, as the
shards' readers do, the text comes out in whole documents wherever documents could be found that fill a window exactly.
The windows that could not be filled are not padded: their documents come last and are cut where the windows end.

A document longer than the window takes as many windows as it fills, and what is left of it stands at the beginning of
the next one. Such remainders first open a window each; then all shorter documents, the longest first, go where the
least room is left (Johnson, Near-optimal bin packing algorithms, 1973; for language models Ding et al., Fewer
truncations improve language modeling, 2024). Among equals the document that came first is first, and the window used
last. So the order depends on the lengths and their order only.
"""

from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

NONE = -1
FILLED = -2


class Packing(NamedTuple):
    """`order`: the documents' numbers as they are to be laid end to end, the first `n_filled` of them in windows that
    are filled exactly; `n_windows`: how many there would be if the others were padded."""

    order: NDArray[np.int64]
    n_filled: int
    n_windows: int


class _Windows(NamedTuple):
    """Documents go by their rank here: remainders first, then the longest. int32 arrays, side by side what is read
    together: `documents` (rank, 2), the document, and the rank that was put into the same window before; `windows`
    (n, 2), the rank put in last, and the window under it on its stack, or FILLED; `heads`, the rank that opened each
    window; `top`, the window on top of the stack of those that have this much room. `tree`: a binary tree (uint8) whose
    leaves are rooms, 1 where a stack is not empty."""

    documents: Any
    windows: Any
    heads: Any
    top: Any
    tree: Any


def best_fit(lengths: NDArray[Any], window: int) -> Packing:
    """An order of documents of these lengths (tokens, 1 or more); takes some 40 bytes a document."""
    return Packing(*_best_fit(np.ascontiguousarray(lengths, np.int32), window))


def n_cut(lengths: NDArray[Any], window: int) -> tuple[int, int]:
    """How many documents, laid end to end, a window's end cuts: (all, those that would fit into one window)."""
    ends = np.cumsum(lengths, dtype=np.int64)
    is_cut = (ends - lengths) % window + lengths > window
    return int(is_cut.sum()), int((is_cut & (lengths <= window)).sum())


@numba.njit(cache=True, nogil=True)
def _best_fit(lengths: Any, window: Any) -> Any:
    """(order, n_filled, n_windows)."""
    state, starts = _rank(lengths, window)
    n_open = starts[0]
    for rank in range(n_open):
        _push(state, rank, window - lengths[state.documents[rank, 0]] % window)
    for size in range(window - 1, 0, -1):
        for rank in range(starts[window - size - 1], starts[window - size]):
            room = _least_room(state.tree, size)
            if room == NONE:
                number, room = n_open, window
                state.heads[number] = rank
                n_open += 1
            else:
                number = _pop(state, room)
                state.documents[rank, 1] = state.windows[number, 0]
            state.windows[number, 0] = rank
            _push(state, number, room - size)
    order, n_filled = _lay_out(lengths, window, state, n_open)
    return order, n_filled, n_open + (lengths // window).sum()


@numba.njit
def _rank(lengths: Any, window: Any) -> Any:
    """(state without windows but for those of the remainders, where the ranks of window - length k end). Documents that
    fill whole windows have no rank."""
    ends = np.zeros(window + 1, np.int64)
    for length in lengths:
        if length % window:
            ends[window - length if length < window else 0] += 1
    n_remainders = ends[0]
    n = 0
    for k in range(window + 1):
        n, ends[k] = n + ends[k], n
    documents = np.empty((n, 2), np.int32)
    for document in range(lengths.size):
        length = lengths[document]
        if length % window:
            k = window - length if length < window else 0
            documents[ends[k], 0] = document
            documents[ends[k], 1] = NONE
            ends[k] += 1
    leaves = 1
    while leaves <= window:
        leaves *= 2
    windows, heads, top = np.empty((n, 2), np.int32), np.empty(n, np.int32), np.full(window, NONE, np.int32)
    heads[:n_remainders] = windows[:n_remainders, 0] = np.arange(n_remainders)
    return _Windows(documents, windows, heads, top, np.zeros(2 * leaves, np.uint8)), ends


@numba.njit
def _push(state: Any, number: Any, room: Any) -> None:
    """Put a window on the stack of its room."""
    _, windows, _, top, tree = state
    if room == 0:
        windows[number, 1] = FILLED
        return
    if top[room] == NONE:
        node = room + tree.size // 2
        while not tree[node]:
            tree[node] = 1
            node //= 2
    windows[number, 1] = top[room]
    top[room] = number


@numba.njit
def _pop(state: Any, room: Any) -> Any:
    """Take the window on top of a stack that is not empty."""
    _, windows, _, top, tree = state
    number = top[room]
    top[room] = windows[number, 1]
    if top[room] == NONE:
        node = room + tree.size // 2
        tree[node] = 0
        while node > 1 and not tree[node] | tree[node ^ 1]:
            node //= 2
            tree[node] = 0
    return number


@numba.njit
def _least_room(tree: Any, size: Any) -> Any:
    """The least room of at least `size` that a window has, or NONE."""
    node = size + tree.size // 2
    while not tree[node]:
        while node & 1:  # nothing to the right of it below its parent
            node //= 2
        if not node:
            return NONE
        node += 1
    while node < tree.size // 2:
        node = 2 * node if tree[2 * node] else 2 * node + 1
    return node - tree.size // 2


@numba.njit
def _lay_out(lengths: Any, window: Any, state: Any, n_open: Any) -> Any:
    """(order, n_filled): each filled window stands where its first document did, the documents of others at the end."""
    documents, windows, heads, _, _ = state
    filled_at = np.full(lengths.size, NONE, np.int32)
    is_left = np.zeros(lengths.size, np.bool_)
    for number in range(n_open):
        if windows[number, 1] == FILLED:
            filled_at[documents[heads[number], 0]] = number
        else:
            rank = windows[number, 0]
            while rank != NONE:
                is_left[documents[rank, 0]] = True
                rank = documents[rank, 1]
    order = np.empty(lengths.size, np.int64)
    n = 0
    for document in range(lengths.size):
        number = filled_at[document]
        if number != NONE or lengths[document] % window == 0:
            order[n] = document
            n += 1
        if number != NONE:
            rank = windows[number, 0]
            while rank != heads[number]:
                order[n] = documents[rank, 0]
                rank = documents[rank, 1]
                n += 1
    order[n:] = np.flatnonzero(is_left)
    return order, n
