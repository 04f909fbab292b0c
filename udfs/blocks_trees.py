"""Boosted regression trees as flat arrays: the model file of the block extractor, and its evaluation.

The trees are those of LightGBM (Ke et al., 2017), as scripts/train_blocks.py takes them from it: a feature at most as
great as the threshold goes left. Thresholds are rounded down to float32, which changes nothing for features that are
float32. The sum is taken in float64 in the order of the trees, so it is the same everywhere, and equal to LightGBM's
own raw score. No missing values, no categories.
"""

import hashlib
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from udfs.errors import InputError
from udfs.hashing import U64


class Trees(NamedTuple):
    """Nodes of all trees in one row, each tree's from its root on. A leaf is its own child on both sides."""

    root: NDArray[np.uint16]
    """Of each tree."""
    depth: NDArray[np.uint16]
    """Of each tree, the number of steps from its root to its deepest leaf."""
    feature: NDArray[np.uint16]
    """Of each node; so are the following."""
    threshold: NDArray[np.float32]
    children: NDArray[np.uint16]
    """(n_nodes, 2): left, right."""
    value: NDArray[np.float64]
    """What a leaf adds to the score."""


def digest(trees: Trees) -> str:
    """SHA-256 over names, shapes and values, in hex."""
    sha = hashlib.sha256()
    for name, values in trees._asdict().items():
        sha.update(f"{name} {values.dtype.str} {values.shape}".encode())
        sha.update(values.tobytes())
    return sha.hexdigest()


def write_trees(file: Path, trees: Trees, n_features: int) -> None:
    """Write a model for `n_features` features. The same trees give the same bytes."""
    arrays = {"digest": np.array(digest(trees)), "n_features": np.array(n_features), **trees._asdict()}
    np.savez_compressed(file, allow_pickle=False, **arrays)


def read_trees(stream: IO[bytes], n_features: int) -> Trees:
    """The trees of a model file. Raises InputError if it is damaged or made for another number of features."""
    try:
        with np.load(stream) as archive:
            trees = Trees(**{name: archive[name] for name in Trees._fields})
            stated, made_for = str(archive["digest"]), int(archive["n_features"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"the block model cannot be read: {error}", "install gristmill again") from error
    if digest(trees) != stated:
        raise InputError(
            f"the block model's trees have digest {digest(trees)}, the file states {stated}", "install gristmill again"
        )
    if made_for != n_features:
        raise InputError(
            f"the block model is for {made_for} features, this version computes {n_features}",
            "train it again with scripts/train_blocks.py",
        )
    return trees


def probabilities(trees: Trees, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """1 / (1 + exp(-score)) of each row of `features`, (n_rows,)."""
    return 1.0 / (1.0 + _exp(-raw_scores(trees, features)))


def _exp(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """exp(x) to eight digits for |x| <= 40, where larger ones are cut. The exp of mathematical libraries differs in
    its last bit from one machine to the other; sums and products do not."""
    y = np.clip(x, -40.0, 40.0) / 1024.0
    power = 1.0 + y * (1.0 + y / 2.0 * (1.0 + y / 3.0 * (1.0 + y / 4.0 * (1.0 + y / 5.0))))
    for _ in range(10):
        power = power * power
    return power


def raw_scores(trees: Trees, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Log odds of each row of `features`, (n_rows,)."""
    return _raw_scores(tuple(trees), features)


@numba.njit(cache=True, nogil=True)
def _raw_scores(trees: Any, features: Any) -> Any:
    """All rows go down a tree together, so that the steps of one need not wait for those of another."""
    roots, depths, feature, threshold, children, value = trees
    n_rows = U64(features.shape[0])  # indices are unsigned: signed ones cost a test for the end of the array
    scores, nodes = np.zeros(n_rows), np.zeros(n_rows, np.uint16)
    for tree in range(roots.size):
        nodes[:] = roots[tree]
        for _ in range(depths[tree]):
            for row in range(n_rows):
                node = U64(nodes[row])
                is_right = features[row, U64(feature[node])] > threshold[node]
                nodes[row] = children[node, U64(is_right)]
        for row in range(n_rows):
            scores[row] += value[U64(nodes[row])]
    return scores
