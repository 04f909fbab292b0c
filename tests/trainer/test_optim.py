"""What decays, and how the learning rate goes."""
# ruff: noqa: E402 - what needs torch is imported after the check for it

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'gristmill[trainer]'")

from trainer.model import Llama
from trainer.optim import learning_rate, make_adamw
from trainer.settings import ModelShape, Optimizer


def test_only_matrices_decay() -> None:
    shape = ModelShape(n_layers=1, width=8, n_heads=2, n_kv_heads=1, ff_width=8, tied=True, rope_theta=100.0)
    decayed, kept = make_adamw(Llama(shape, 10), Optimizer(weight_decay=0.3)).param_groups
    assert (decayed["weight_decay"], {p.ndim for p in decayed["params"]}) == (0.3, {2})
    assert (kept["weight_decay"], {p.ndim for p in kept["params"]}) == (0.0, {1})
    assert len(decayed["params"]) + len(kept["params"]) == len(list(Llama(shape, 10).parameters()))


def test_the_rate_warms_up_and_falls_to_its_smallest() -> None:
    settings = Optimizer(lr=1.0, warmup_steps=4, min_lr_ratio=0.1)
    rates = [learning_rate(step, 13, settings) for step in range(13)]
    assert rates[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert rates[8] == pytest.approx(0.55)
    assert rates[-1] == pytest.approx(0.1)
    assert rates[4:] == sorted(rates[4:], reverse=True)


def test_a_run_shorter_than_its_warm_up_only_warms_up() -> None:
    assert [learning_rate(step, 2, Optimizer(lr=1.0, warmup_steps=4)) for step in range(2)] == [0.25, 0.5]
