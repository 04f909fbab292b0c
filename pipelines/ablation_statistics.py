"""What models say of the arms: bits per byte, paired differences and their intervals. numpy only, seeded.

A difference is that of two arms on the same held-out documents and the same seeds. Its interval is a bootstrap over
both at once: in each of RESAMPLES draws the seeds and, within each source, the documents are drawn anew with
replacement, the same ones for both arms. One seed fewer is drawn than there are, which makes up for the narrowness of
the bootstrap of few (Hesterberg, What teachers should know about the bootstrap, 2015, section 4.1.1).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.run import Json

Floats = NDArray[np.float64]
RESAMPLES = 4000
LEVEL = 0.95


@dataclass(frozen=True)
class Losses:
    """Of one arm on one held-out source: `nats` (seeds, documents); `n_bytes` (documents) and `languages` of them."""

    nats: Floats
    n_bytes: Floats
    languages: list[str]

    def of(self, language: str) -> "Losses":
        here = np.array([one == language for one in self.languages])
        return Losses(self.nats[:, here], self.n_bytes[here], [language] * int(here.sum()))


Scored = dict[str, Losses]
"""Held-out source -> losses."""


def losses_of(scores: Sequence[Json]) -> Scored:
    """From the score files of an arm, one a seed."""
    found = {}
    for source, rows in scores[0]["sources"].items():
        nats = np.array([[row["nats"] for row in score["sources"][source]] for score in scores])
        n_bytes = np.array([row["n_bytes"] for row in rows])
        found[source] = Losses(nats, n_bytes, [row["language"] for row in rows])
    return found


def groups(scored: Scored) -> dict[str, list[tuple[str, str | None]]]:
    """Name -> (source, language or None for all) of what is measured together: everything, each source, and each
    language where there are several."""
    languages = sorted({language for losses in scored.values() for language in losses.languages})
    found: dict[str, list[tuple[str, str | None]]] = {"all": [(source, None) for source in scored]}
    found |= {source: [(source, None)] for source in scored if len(scored) > 1}
    for language in languages if len(languages) > 1 else ():
        places: list[tuple[str, str | None]] = [(s, language) for s in scored if language in scored[s].languages]
        found[f"language {language}"] = places
    return found


def chosen(scored: Scored, places: Sequence[tuple[str, str | None]]) -> list[Losses]:
    return [scored[source].of(language) if language else scored[source] for source, language in places]


def bits_per_byte(strata: Sequence[Losses]) -> Floats:
    """Of each seed; the mean over sources, each of which counts alike."""
    of_source = [losses.nats.sum(axis=1) / losses.n_bytes.sum() for losses in strata]
    return np.mean(of_source, axis=0) / math.log(2)


@dataclass(frozen=True)
class Difference:
    """Bits per byte of an arm less those of its reference, with its interval. Below zero the arm is better."""

    value: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        if self.low <= 0 <= self.high:
            return "no difference shown"
        return "worse" if self.value > 0 else "better"


def difference(arm: Sequence[Losses], reference: Sequence[Losses], seed: int = 0) -> Difference:
    """The paired difference and its interval at LEVEL."""
    draw = np.random.default_rng(seed)
    n_seeds = len(arm[0].nats)
    seeds = resampled(draw, n_seeds, max(1, n_seeds - 1))
    sums = np.zeros(RESAMPLES)
    for one, other in zip(arm, reference, strict=True):
        n = len(one.n_bytes)
        per_document = (one.nats - other.nats) / math.log(2)
        for rows in np.array_split(np.arange(RESAMPLES), 20):
            documents = draw.multinomial(n, np.full(n, 1 / n), len(rows))
            drawn = np.einsum("bs,sd,bd->b", seeds[rows], per_document, documents, optimize=True)
            sums[rows] += drawn / (documents @ one.n_bytes)
    low, high = np.quantile(sums / len(arm), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Difference(float(np.mean(bits_per_byte(arm) - bits_per_byte(reference))), float(low), float(high))


def resampled(draw: np.random.Generator, n: int, n_drawn: int) -> Floats:
    """Weights (RESAMPLES, n) that sum to 1: how often each of n was drawn, of `n_drawn`."""
    return draw.multinomial(n_drawn, np.full(n, 1 / n), RESAMPLES) / n_drawn
