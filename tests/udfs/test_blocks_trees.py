"""Boosted trees: scores against a walk in plain Python; model files that are damaged."""

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from udfs.blocks import shipped_trees
from udfs.blocks_features import N_FEATURES
from udfs.blocks_scores import ROWS_AT_ONCE, masks, probabilities, raw_scores
from udfs.blocks_trees import Trees, digest, read_trees, write_trees
from udfs.errors import InputError

STUMP = Trees(
    np.array([0, 3], np.uint16),
    np.array([1, 0], np.uint16),
    np.array([1, 0, 0, 0], np.uint16),
    np.array([0.5, 0, 0, 0], np.float32),
    np.array([[1, 2], [1, 1], [2, 2], [3, 3]], np.uint16),
    np.array([0, -1, 2, 0.25]),
)


TREES = shipped_trees()
MASKS = masks(TREES)


def some_features(n_rows: int, seed: int = 5) -> NDArray[np.float32]:
    """Values on thresholds of the model among them, so that both sides of "at most" are met."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(0, 30, (n_rows, N_FEATURES)).astype(np.float32)
    for node in rng.choice(np.flatnonzero(TREES.children[:, 0] != TREES.children[:, 1]), n_rows * 50):
        rows[rng.integers(n_rows), TREES.feature[node]] = TREES.threshold[node]
    return rows


def walk(trees: Trees, row: NDArray[np.float32]) -> float:
    score = 0.0
    for root in trees.root.tolist():
        node = root
        while trees.children[node, 0] != node:
            node = int(trees.children[node, int(row[trees.feature[node]] > trees.threshold[node])])
        score += float(trees.value[node])
    return score


def test_a_value_on_the_threshold_goes_left() -> None:
    rows = np.array([[9, 0.5], [9, np.nextafter(np.float32(0.5), np.float32(1))]], np.float32)
    assert raw_scores(masks(STUMP), rows).tolist() == [-0.75, 2.25]
    assert probabilities(masks(STUMP), rows) == pytest.approx(
        [1 / (1 + math.exp(0.75)), 1 / (1 + math.exp(-2.25))], rel=1e-9
    )


def test_scores_are_those_of_a_plain_walk_to_the_bit() -> None:
    rows = some_features(2 * ROWS_AT_ONCE + 7)
    assert raw_scores(MASKS, rows).tolist() == [walk(TREES, row) for row in rows]


def test_a_row_has_the_same_score_in_any_company() -> None:
    rows = some_features(9)
    together = raw_scores(MASKS, rows)
    assert [raw_scores(MASKS, rows[i : i + 1])[0] for i in range(9)] == together.tolist()
    assert raw_scores(MASKS, rows[:0]).size == 0


def test_every_leaf_of_the_model_is_reached_within_its_depth() -> None:
    model = TREES
    nodes = np.repeat(model.root, 1 << model.depth.astype(int))
    starts = np.cumsum(1 << model.depth.astype(int)) - (1 << model.depth.astype(int))
    turns = np.arange(nodes.size) - np.repeat(starts, 1 << model.depth.astype(int))
    for level in range(int(model.depth.max())):
        nodes = model.children[nodes, (turns >> level) & 1]
    assert (model.children[nodes, 0] == nodes).all()
    assert set(nodes.tolist()) == set(np.flatnonzero(model.children[:, 0] == np.arange(model.value.size)).tolist())


def test_a_tree_of_too_many_leaves_is_refused() -> None:
    inner = np.arange(32, dtype=np.uint16)
    leaves = np.arange(32, 65, dtype=np.uint16)
    children = np.vstack([np.column_stack([leaves[:32], np.append(inner[1:], 64)]), np.column_stack([leaves, leaves])])
    zeros = np.zeros(65)
    tree = Trees(
        np.zeros(1, np.uint16),
        np.array([32], np.uint16),
        zeros.astype(np.uint16),
        zeros.astype(np.float32),
        children,
        zeros,
    )
    with pytest.raises(InputError, match="33 leaves; 32"):
        masks(tree)


def test_a_model_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_trees(tmp_path / "a.npz", STUMP, 2)
    write_trees(tmp_path / "b.npz", STUMP, 2)
    content = (tmp_path / "a.npz").read_bytes()
    assert (tmp_path / "b.npz").read_bytes() == content
    assert digest(read_trees(io.BytesIO(content), 2)) == digest(STUMP)
    with pytest.raises(InputError, match="for 2 features, this version computes 3"):
        read_trees(io.BytesIO(content), 3)


@pytest.mark.parametrize("damage", [lambda b: b[:100], lambda b: b"", lambda b: b[:60] + b"\xff\xff" + b[62:]])
def test_a_damaged_model_is_refused(tmp_path: Path, damage: Any) -> None:
    write_trees(tmp_path / "a.npz", STUMP, 2)
    with pytest.raises(InputError, match="the block model"):
        read_trees(io.BytesIO(damage((tmp_path / "a.npz").read_bytes())), 2)
