"""The scores of boosted trees, without walking them: each node whose question a row answers with "greater" rules out
the leaves on its left, and the first leaf that is left is where a walk would end.

This is QuickScorer (Lucchese et al., "QuickScorer: a fast algorithm to rank documents with additive ensembles of
regression trees", SIGIR 2015), with the rows side by side, so that one instruction asks eight of them. It takes a third
of the time of sending all rows down the trees. The sum is taken in float64 in the order of the trees, so it is the same
everywhere, and equal to LightGBM's own raw score.
"""

from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from udfs.blocks_trees import Trees
from udfs.byte_masks import trailing_zeros
from udfs.errors import InputError
from udfs.hashing import U64

MAX_LEAVES = 32
ROWS_AT_ONCE = 96
ROW_STEP = 16
"""So many rows are asked alike, those that are not there included: a whole number of vector registers."""
STRIDE = ROWS_AT_ONCE + ROW_STEP
"""Between a feature's values and the next one's; a power of two would have them compete for the same cache lines."""
ALL_LEAVES = np.uint32(0xFFFFFFFF)


class Masks(NamedTuple):
    """The nodes of all trees that ask something, tree after tree; leaves are numbered from left to right."""

    first: NDArray[np.int64]
    """Of each tree, its first node; and the number of all nodes."""
    feature: NDArray[np.int64]
    threshold: NDArray[np.float32]
    mask: NDArray[np.uint32]
    """The leaves that a greater value leaves: all but those on the left."""
    value: NDArray[np.float64]
    """(n_trees, MAX_LEAVES): what each leaf adds to the score."""


def masks(trees: Trees) -> Masks:
    """The same trees as masks. Raises InputError for one of more than MAX_LEAVES leaves."""
    nodes: list[tuple[int, float, int]] = []
    first, values = [0], []
    for root in trees.root.tolist():
        asked, leaves = _taken_apart(trees, root)
        if len(leaves) > MAX_LEAVES:
            reason = f"a tree of the block model has {len(leaves)} leaves; {MAX_LEAVES} can be scored"
            raise InputError(reason, "train it with fewer leaves")
        nodes += asked
        first.append(len(nodes))
        values.append(leaves + [0.0] * (MAX_LEAVES - len(leaves)))
    feature, threshold, mask = zip(*nodes, strict=True)
    of_nodes = np.array(feature, np.int64), np.array(threshold, np.float32), np.array(mask, np.uint32)
    return Masks(np.array(first, np.int64), *of_nodes, np.array(values))


def _taken_apart(trees: Trees, root: int) -> tuple[list[tuple[int, float, int]], list[float]]:
    """(feature, threshold and mask of each node that asks, values of the leaves from left to right)"""
    asked: list[tuple[int, float, int]] = []
    leaves: list[float] = []

    def visit(node: int) -> None:
        left, right = trees.children[node].tolist()
        if left == node:
            leaves.append(float(trees.value[node]))
            return
        n_before = len(leaves)
        visit(left)
        on_the_left = (1 << len(leaves)) - (1 << n_before)
        asked.append((int(trees.feature[node]), float(trees.threshold[node]), ~on_the_left & int(ALL_LEAVES)))
        visit(right)

    visit(root)
    return asked, leaves


def probabilities(model: Masks, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """1 / (1 + exp(-score)) of each row of `features`, (n_rows,)."""
    return 1.0 / (1.0 + _exp(-raw_scores(model, features)))


def _exp(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """exp(x) to eight digits for |x| <= 40, where larger ones are cut. The exp of mathematical libraries differs in
    its last bit from one machine to the other; sums and products do not."""
    y = np.clip(x, -40.0, 40.0) / 1024.0
    power = 1.0 + y * (1.0 + y / 2.0 * (1.0 + y / 3.0 * (1.0 + y / 4.0 * (1.0 + y / 5.0))))
    for _ in range(10):
        power = power * power
    return power


def raw_scores(model: Masks, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Log odds of each row of `features`, (n_rows,)."""
    scores = np.zeros(features.shape[0])
    _add_scores(tuple(model), features, scores)
    return scores


@numba.njit(cache=True, nogil=True)
def _add_scores(model: Any, features: Any, scores: Any) -> None:
    first, feature, threshold, mask, value = model
    columns, left = np.zeros((features.shape[1], STRIDE), np.float32), np.empty(STRIDE, np.uint32)
    for start in range(0, features.shape[0], ROWS_AT_ONCE):
        rows = features[start : start + ROWS_AT_ONCE]
        n_rows = rows.shape[0]
        n_asked = U64((n_rows + ROW_STEP - 1) // ROW_STEP * ROW_STEP)
        for row in range(n_rows):
            for column in range(rows.shape[1]):
                columns[column, row] = rows[row, column]
        for tree in range(first.size - 1):
            left[:] = ALL_LEAVES
            for node in range(first[tree], first[tree + 1]):
                column, most, others = feature[node], threshold[node], mask[node]
                for row in range(n_asked):
                    left[row] &= others if columns[column, row] > most else ALL_LEAVES
            for row in range(n_rows):
                scores[start + row] += value[tree, trailing_zeros(left[row])]
