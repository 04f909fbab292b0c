"""Boosted regression trees as flat arrays: the model file of the block extractor.

The trees are those of LightGBM (Ke et al., 2017), as scripts/train_blocks.py takes them from it: a feature at most as
great as the threshold goes left. Thresholds are rounded down to float32, which changes nothing for features that are
float32. No missing values, no categories. udfs/blocks_scores.py evaluates them.
"""

import hashlib
import zipfile
import zlib
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from udfs.errors import InputError


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
