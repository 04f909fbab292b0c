"""How the block model is made: labels of blocks, and trees as LightGBM has them. Skipped without LightGBM."""

import numpy as np
import pytest

from udfs.blocks_scores import masks, raw_scores

lightgbm = pytest.importorskip("lightgbm", reason="lightgbm trains the model; it is no dependency")
from scripts import train_blocks  # noqa: E402 - it imports lightgbm


def test_exported_trees_score_as_lightgbm_does() -> None:
    rng = np.random.default_rng(0)
    rows = rng.random((400, 6)).astype(np.float32)
    wanted = (rows[:, 0] + rows[:, 1] * rows[:, 2] + rng.normal(0, 0.1, 400) > 0.8).astype(int)
    booster = lightgbm.train(train_blocks.PARAMETERS, lightgbm.Dataset(rows, wanted), 20)
    trees = train_blocks.export(booster)
    assert len(trees.value) > 100
    assert raw_scores(masks(trees), rows) == pytest.approx(booster.predict(rows, raw_score=True), abs=1e-12)


def test_thresholds_are_rounded_down() -> None:
    values = np.array([0.1, -0.1, 1 / 3, 0.5, 1e30, -1e-30])
    rounded = train_blocks.round_down(values)
    assert (rounded <= values).all()
    assert (np.nextafter(rounded, np.float32(np.inf)) > values).all()


def test_blocks_are_labelled_by_runs_of_tokens_they_share_with_the_gold() -> None:
    texts = ["Home News", "The quick brown fox jumps.", "And sleeps, they say.", "", "the"]
    shares = train_blocks.shares_found(texts, "the quick brown fox jumps and sleeps")
    assert shares.tolist() == [0, 1, 0.5, 0, 0]
