"""What the arms' scores come to in the result."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from jobs.ablate_result import ArmResult, mixture, warnings
from pipelines.ablation import AblateSettings
from pipelines.ablation_mixtures import as_change, drawn_mixtures
from pipelines.ablation_statistics import Losses, Scored

LAW = {"books": 0.2, "web": 0.5}
"""Of the logarithm of the bits per byte."""


def arm(name: str, shares: dict[str, float], *changes: str) -> ArmResult:
    """Of 10,000 tokens, each source in two shards."""
    train = {s: [SimpleNamespace(n_tokens=round(5000 * share))] * 2 for s, share in shares.items()}
    return ArmResult(name, changes, cast(Any, SimpleNamespace(splits={"train": train})), [])


def scored(shares: dict[str, float]) -> Scored:
    bits = np.exp(sum(LAW[source] * share for source, share in shares.items()))
    nats = np.full((3, 4), bits * np.log(2) * 100)
    return {"news": Losses(nats, np.full(4, 100.0), ["en"] * 4)}


def test_the_mixture_is_found_by_arms_that_differ_in_nothing_else():
    mixtures = {f"mixture-{n}": shares for n, shares in enumerate(drawn_mixtures(list(LAW), 5), 1)}
    clean = arm("clean", {"books": 0.5, "web": 0.5})
    arms = [clean, *(arm(name, shares, as_change(shares)) for name, shares in mixtures.items())]
    scores = {"clean": scored({"books": 0.5, "web": 0.5}), **{name: scored(one) for name, one in mixtures.items()}}
    raw = arm("raw", {"books": 0.1, "web": 0.9}, "filter={}")
    found = mixture([*arms, raw], clean, {**scores, "raw": scored({"books": 9.0})})
    assert found is not None
    assert found["mixtures"] == 6
    assert found["shares"]["books"]["value"] == pytest.approx(1, abs=0.01)
    assert found["difference"]["value"] == pytest.approx(np.exp(0.2) - np.exp(0.35), abs=1e-3)
    assert mixture([clean, raw], clean, {**scores, "raw": scores["clean"]}) is None


@pytest.mark.parametrize(("sequences", "is_said"), [(8, True), (2, False)])
def test_a_training_of_few_steps_is_told_of(sequences: int, is_said: bool):
    """200,000 tokens are 97 updates of 8 sequences of 256, or 390 of 2."""
    ablate = AblateSettings(tokens=[500_000, 200_000], sequences=sequences)
    assert [warning.startswith("97 steps") for warning in warnings(ablate, [], [])] == [True] * is_said
