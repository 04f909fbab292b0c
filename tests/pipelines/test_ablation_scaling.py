"""The fit of the loss, against laws that the points were made by."""

import numpy as np
import pytest

from pipelines.ablation_scaling import Point, scaling


def point(tokens: int, parameters: int, noise: float = 0.0, seed: int = 0) -> Point:
    """By bits = 40 tokens^-0.2 parameters^-0.1."""
    exact = 40 * tokens**-0.2 * parameters**-0.1
    return Point(tokens, parameters, exact * np.exp(noise * np.random.default_rng([tokens, seed]).normal(size=3)))


def test_exponents_of_a_power_law_come_back():
    found = scaling([point(d, n) for d in (10**5, 10**6, 10**7) for n in (10**6, 10**7)])
    assert found is not None
    assert found["exponents"]["tokens"]["value"] == pytest.approx(0.2)
    assert found["exponents"]["parameters"]["value"] == pytest.approx(0.1)
    ahead = found["at_10_times_the_tokens"]
    assert ahead["value"] == pytest.approx(40 * (10**8) ** -0.2 * (10**7) ** -0.1)
    assert ahead["low"] == pytest.approx(ahead["high"])


def test_luck_of_seeds_makes_intervals_that_mostly_hold_the_truth():
    budgets = (10**5, 3 * 10**5, 10**6, 3 * 10**6)
    found = [scaling([point(d, 10**6, 0.01, seed) for d in budgets]) for seed in range(40)]
    exponents = [one["exponents"]["tokens"] for one in found if one]
    assert 32 <= sum(one["low"] < 0.2 < one["high"] for one in exponents) <= 40
    assert all(one["low"] < one["value"] < one["high"] for one in exponents)
    assert not any("parameters" in one["exponents"] for one in found if one)


def test_too_few_budgets_are_not_fitted():
    assert scaling([point(10**5, 10**6)]) is None
    assert scaling([point(10**5, 10**6), point(10**6, 10**6)]) is None
