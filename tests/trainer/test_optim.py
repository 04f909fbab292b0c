"""What decays, how the learning rate goes, and which steps are left out."""
# ruff: noqa: E402 - what needs torch is imported after the check for it

import math

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'gristmill[trainer]'")

from trainer.model import Llama
from trainer.optim import Guard, learning_rate, make_optimizers
from trainer.settings import ModelShape, Optimizer, Phase, Skip

SHAPE = ModelShape(n_layers=1, width=8, n_heads=2, n_kv_heads=1, ff_width=8, tied=True, rope_theta=100.0)


def rates(settings: Optimizer, *phases: Phase) -> list[float]:
    return [learning_rate(step, settings, list(phases)) for step in range(sum(phase.steps for phase in phases))]


def test_only_matrices_decay() -> None:
    [adamw] = make_optimizers(Llama(SHAPE, 10), Optimizer(weight_decay=0.3))
    decayed, kept = adamw.param_groups
    assert (decayed["weight_decay"], {p.ndim for p in decayed["params"]}) == (0.3, {2})
    assert (kept["weight_decay"], {p.ndim for p in kept["params"]}) == (0.0, {1})
    assert len(decayed["params"]) + len(kept["params"]) == len(list(Llama(SHAPE, 10).parameters()))


def test_muon_takes_the_matrices_of_the_layers() -> None:
    model = Llama(SHAPE, 10)
    adamw, muon = make_optimizers(model, Optimizer(kind="muon"))
    assert isinstance(muon, torch.optim.Muon)
    layers = {id(p) for p in model.layers.parameters() if p.ndim == 2}
    assert {id(p) for group in muon.param_groups for p in group["params"]} == layers
    others = {id(p) for group in adamw.param_groups for p in group["params"]}
    assert others == {id(p) for p in model.parameters()} - layers


def test_the_rate_warms_up_and_falls_to_the_end_of_the_phase() -> None:
    found = rates(Optimizer(lr=1.0, warmup_steps=4), Phase(steps=13))
    assert found[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert found[8] == pytest.approx(0.55)
    assert found[-1] == pytest.approx(0.1)
    assert found[4:] == sorted(found[4:], reverse=True)


def test_a_run_shorter_than_its_warm_up_only_warms_up() -> None:
    assert rates(Optimizer(lr=1.0, warmup_steps=4), Phase(steps=2)) == [0.25, 0.5]


@pytest.mark.parametrize(("decay", "middle"), [("linear", 0.5), ("sqrt", 1 - math.sqrt(0.5)), ("cosine", 0.5)])
def test_a_stable_phase_and_a_decay_are_wsd(decay: str, middle: float) -> None:
    stable = Phase(steps=10, decay="none")
    found = rates(
        Optimizer(lr=2.0, warmup_steps=2), stable, Phase.model_validate({"steps": 5, "decay": decay, "end": 0})
    )
    assert found[2:10] == [2.0] * 8
    assert found[10:] == sorted(found[10:], reverse=True)
    assert found[12] == pytest.approx(2 * middle)
    assert found[-1] == pytest.approx(0, abs=1e-9)


def test_a_phase_goes_on_where_the_one_before_ended() -> None:
    found = rates(Optimizer(lr=1.0, warmup_steps=0), Phase(steps=4, end=0.5), Phase(steps=3, decay="none"))
    assert found[3:] == pytest.approx([0.5] * 4)


def test_what_is_not_finite_is_refused() -> None:
    guard = Guard(Skip())
    assert [guard.refuses(*pair) for pair in ((math.nan, 1.0), (1.0, math.inf))] == ["not finite"] * 2
    assert guard.in_a_row == 2
    assert guard.refuses(1.0, 1.0) is None
    assert guard.in_a_row == 0


def test_a_spike_is_refused_once_there_is_a_past_and_does_not_become_part_of_it() -> None:
    guard = Guard(Skip(window=8))
    for i in range(4):
        assert guard.refuses(2.0 + 0.01 * (i % 2), 1.0) is None
    assert guard.refuses(9.0, 1.0) == "spike of the loss"
    assert guard.refuses(2.0, 9.0) == "spike of the norm"
    assert guard.refuses(9.0, 1.0) == "spike of the loss"
    assert guard.refuses(1.0, 0.5) is None


def test_a_guard_goes_on_where_another_stopped() -> None:
    first, second = Guard(Skip(window=8)), Guard(Skip(window=8))
    for i in range(20):
        first.refuses(2.0 + 0.01 * (i % 3), 1.0)
    second.load(first.state)
    assert second.state == first.state
