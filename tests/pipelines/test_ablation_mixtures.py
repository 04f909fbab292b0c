"""The regression over mixtures, against laws that the arms were made by."""

import numpy as np
import pytest

from pipelines.ablation_mixtures import Mixture, best_mixture, drawn_mixtures

SOURCES = ["books", "crawl", "code"]
LAW = {"news": [1.2, 1.0, 1.6], "manuals": [1.5, 1.1, 0.8]}
NATURAL = {"books": 0.1, "crawl": 0.8, "code": 0.1}


def mixture(shares: dict[str, float], noise: float = 0.0, seed: int = 0) -> Mixture:
    draw = np.random.default_rng(seed)
    values = np.array(list(shares.values()))
    return Mixture(shares, {name: float(np.exp(values @ law + noise * draw.normal())) for name, law in LAW.items()})


def arms(n: int, noise: float = 0.0, seed: int = 0) -> list[Mixture]:
    return [mixture(shares, noise, 1000 * seed + i) for i, shares in enumerate(drawn_mixtures(SOURCES, n))]


def truth() -> tuple[list[float], float]:
    """(the best shares, bits per byte there), by a grid."""
    grid = [(a, b, 1 - a - b) for a in np.linspace(0, 1, 201) for b in np.linspace(0, 1 - a, 201)]
    bits = np.exp(np.array(grid) @ np.array(list(LAW.values())).T).mean(axis=1)
    return list(grid[int(np.argmin(bits))]), float(bits.min())


def test_the_best_mixture_of_a_law_is_found_and_foretold():
    shares, bits = truth()
    found = best_mixture(arms(12), mixture(NATURAL))
    assert found is not None
    by_source = dict(zip(SOURCES, shares, strict=True))
    assert all(found["shares"][source]["value"] == pytest.approx(by_source[source], abs=0.01) for source in SOURCES)
    assert found["bits_per_byte"]["value"] == pytest.approx(bits, abs=0.005)
    own = np.mean(list(mixture(NATURAL).bits_per_byte.values()))
    assert found["difference"]["value"] == pytest.approx(bits - own, abs=0.005)
    assert found["error"] < 1e-9


def test_luck_makes_intervals_that_mostly_hold_the_truth():
    bits = truth()[1]
    found = [best_mixture(arms(12, 0.02, seed), mixture(NATURAL)) for seed in range(10)]
    held = [one["bits_per_byte"]["low"] < bits < one["bits_per_byte"]["high"] for one in found if one]
    assert len(held) == 10
    assert sum(held) >= 7
    assert all(one["error"] > 0 for one in found if one)


def test_without_enough_mixtures_nothing_is_said():
    assert best_mixture(arms(4), mixture(NATURAL)) is None
    assert best_mixture([mixture(NATURAL)] * 9, mixture(NATURAL)) is None
    one = Mixture({"crawl": 1.0}, {"news": 1.0})
    assert best_mixture([one] * 9, one) is None


def test_more_mixtures_begin_with_those_of_fewer():
    assert drawn_mixtures(SOURCES, 9)[:4] == drawn_mixtures(SOURCES, 4)
    assert all(sum(shares.values()) == pytest.approx(1, abs=2e-4) for shares in drawn_mixtures(SOURCES, 9))
