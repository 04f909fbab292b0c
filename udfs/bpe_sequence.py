"""Tokens in a row, in an int32 array with a cell for each byte: kernels that join neighbours in constant time.

A token stands in the cells of its first and of its last byte, and GAP before and behind the row. So what follows the
token at a position begins at that position + its length, and what comes before it ends at the position - 1.
Cells between hold what stood there before; no neighbour is looked up in them. Where a token was seen to begin once,
that token still begins, or another number stands: a longer token, or INSIDE if it became the right part of one.
"""

from typing import Any

import numba

GAP = -1
INSIDE = -2


@numba.njit
def stands_at(tokens: Any, lengths: Any, position: Any, left: Any, right: Any) -> Any:
    """Whether `left` begins at `position`, where it once did, and `right` follows it."""
    return tokens[position] == left and tokens[position + lengths[left]] == right


@numba.njit
def join_at(tokens: Any, lengths: Any, position: Any, left: Any, new: Any) -> None:
    """Put `new` in the place of `left` at `position` and of what follows it."""
    tokens[position + lengths[left]] = INSIDE
    tokens[position] = new
    tokens[position + lengths[new] - 1] = new
