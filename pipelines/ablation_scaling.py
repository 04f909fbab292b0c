"""How the loss of an arm falls with tokens and parameters: a power law fitted to its budgets, with its uncertainty.

ln(bits per byte) = a - b ln(tokens) - c ln(parameters), by least squares; where one of these does not vary, its term is
left out. No floor is fitted: the few budgets of an ablation cannot tell one. Intervals come from seeds drawn anew for
each budget, one fewer than there are (see pipelines.ablation_statistics).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.ablation_statistics import LEVEL, RESAMPLES, Floats, resampled
from pipelines.run import Json

AHEAD = 10
"""Times the most tokens is what the fit is asked about."""


@dataclass(frozen=True)
class Point:
    """A budget, and the bits per byte of each seed."""

    tokens: int
    parameters: int
    bits_per_byte: Floats


def scaling(points: Sequence[Point], seed: int = 0) -> Json | None:
    """The exponents, and the bits per byte foretold for AHEAD times the tokens, each {value, low, high}; None where
    there are fewer points than numbers to fit and one more."""
    sizes = {name: np.log([getattr(point, name) for point in points]) for name in ("tokens", "parameters")}
    varied = [name for name, logs in sizes.items() if np.ptp(logs) > 0]
    if not varied or len(points) < len(varied) + 2:
        return None
    design = np.stack([np.ones(len(points)), *(-sizes[name] for name in varied)], axis=1)
    draw = np.random.default_rng(seed)
    drawn = [resampled(draw, n, max(1, n - 1)) @ p.bits_per_byte for p in points for n in [len(p.bits_per_byte)]]
    measured = np.stack([[p.bits_per_byte.mean() for p in points], *np.stack(drawn, axis=1)])
    fitted = np.linalg.lstsq(design, np.log(measured).T, rcond=None)[0]
    largest = design[np.argmax([point.tokens * point.parameters for point in points])].copy()
    if "tokens" in varied:
        largest[1 + varied.index("tokens")] -= np.log(AHEAD)
    exponents = {name: interval(fitted[1 + i]) for i, name in enumerate(varied)}
    return {
        "points": len(points),
        "exponents": exponents,
        f"at_{AHEAD}_times_the_tokens": interval(np.exp(largest @ fitted)),
    }


def interval(values: Floats) -> Json:
    """Of RESAMPLES values behind the one that was measured."""
    low, high = np.quantile(values[1 : RESAMPLES + 1], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"value": float(values[0]), "low": float(low), "high": float(high)}
