"""A mixture of experts against its definition, token by token."""
# ruff: noqa: E402 - what needs torch is imported after the check for it

import json
from collections.abc import Callable
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'gristmill[trainer]'")

from trainer import loop
from trainer.model import FeedForward
from trainer.moe import MixtureOfExperts
from trainer.settings import Experts, ModelShape, Settings

MakeSettings = Callable[..., Settings]
SHAPE = ModelShape(n_layers=1, width=16, n_heads=2, n_kv_heads=1, ff_width=24, tied=True, rope_theta=100.0)


@pytest.fixture
def layer() -> MixtureOfExperts:
    torch.manual_seed(3)
    return MixtureOfExperts(SHAPE, Experts(n_experts=4, top_k=2, balance=0.5), FeedForward)


def test_each_token_is_served_by_its_best_experts_by_their_shares(layer: MixtureOfExperts) -> None:
    x = torch.randn(2, 5, 16)
    found = layer(x)
    for token, out in zip(x.flatten(0, 1), found.flatten(0, 1), strict=True):
        scores = layer.gate(token)
        best = scores.argsort(descending=True)[:2]
        shares = scores[best].softmax(0)
        expected = sum(share * layer.experts[int(number)](token) for number, share in zip(best, shares, strict=True))
        torch.testing.assert_close(out, expected)


def test_balance_is_least_where_experts_are_equally_busy(layer: MixtureOfExperts) -> None:
    layer(torch.randn(400, 16))
    assert 0.5 * 0.99 < layer.balance.item() < 0.5 * 1.5
    with torch.no_grad():
        layer.gate.weight[1:] = 0
        layer.gate.weight[0] = 10
    layer(torch.rand(400, 16))
    assert layer.balance.item() > 0.5 * 1.9  # the first expert has half of all places, with probability 1


def test_every_parameter_has_a_gradient_though_an_expert_has_no_token(layer: MixtureOfExperts) -> None:
    layer(torch.randn(1, 16)).sum().backward()
    assert all(p.grad is not None for p in layer.experts.parameters())


def test_a_model_of_experts_trains(make_settings: MakeSettings) -> None:
    settings = make_settings("model.experts={n_experts: 4}", "phases=[{steps: 60}]", "held_out.every=100")
    assert loop.train(settings, lambda _: None) == 0
    lines = [json.loads(line) for line in (Path(settings.output) / "log.jsonl").read_text().splitlines()]
    losses = [line["loss"] for line in lines if line["event"] == "update"]
    assert losses[-1] < losses[0] - 0.5
