"""Which mixture of the sources is best? A regression over arms with mixtures drawn at random.

For each held-out source ln(bits per byte) is fitted as a sum over sources of a number times its share, as in the data
mixing laws (Ye et al. 2024, arXiv:2403.16952, equation 6 without its floor, which a few arms cannot tell). The mean of
the held-out sources is then convex in the shares, and the best mixture is where it is least. How often a small source
would have to be repeated for that is not looked at.

Intervals are of a bootstrap of the fit's residuals, enlarged for what the fit has used up; so they hold both the luck
of seeds and what the law misses.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.ablation_scaling import interval
from pipelines.ablation_statistics import RESAMPLES, Floats
from pipelines.run import Json

STEPS = 500
SPARE = 2
"""So many mixtures more than sources are needed at least."""


@dataclass(frozen=True)
class Mixture:
    """Of one arm: the share of each source in its tokens, and the bits per byte of each held-out source."""

    shares: dict[str, float]
    bits_per_byte: dict[str, float]


def drawn_mixtures(sources: Sequence[str], n: int) -> list[dict[str, float]]:
    """Shares of the sources, n times, each mixture as likely as any other; the first of more are those of fewer."""
    shares = np.random.default_rng(0).dirichlet(np.ones(len(sources)), n).round(4)
    return [dict(zip(sources, row.tolist(), strict=True)) for row in shares]


def best_mixture(mixtures: Sequence[Mixture], reference: Mixture, seed: int = 0) -> Json | None:
    """What the fit says: the best `shares`, the `bits_per_byte` foretold of them and their `difference` to those
    foretold of the reference, each {value, low, high}; `error`, the root mean square by which the fit misses an arm
    that it has not seen. None where there are too few mixtures."""
    sources = sorted({source for mixture in mixtures for source in mixture.shares})
    design = np.array([[mixture.shares.get(source, 0.0) for source in sources] for mixture in mixtures])
    if len(sources) < 2 or len(mixtures) < len(sources) + SPARE or np.linalg.matrix_rank(design) < len(sources):
        return None
    logs = np.log([list(mixture.bits_per_byte.values()) for mixture in mixtures])
    draw = np.random.default_rng(seed)
    fit = fits(design, logs, draw)
    best, own = least(fit), np.array([reference.shares.get(source, 0.0) for source in sources])
    bits = foretold(best, fit)
    return {
        "mixtures": len(mixtures),
        "shares": {source: interval(best[:, i]) for i, source in enumerate(sources)},
        "bits_per_byte": interval(bits),
        "difference": interval(bits - foretold(own[None], fit)),
        "error": unseen_error(design, logs),
    }


def fits(design: Floats, logs: Floats, draw: np.random.Generator) -> Floats:
    """(1 + RESAMPLES, sources, held-out sources): the numbers fitted, then those of fits to residuals drawn anew."""
    solve = np.linalg.pinv(design)
    fitted = solve @ logs
    n, k = design.shape
    residuals = (logs - design @ fitted) * np.sqrt(n / (n - k))
    drawn = residuals[draw.integers(0, n, (RESAMPLES, n))]
    return np.concatenate([fitted[None], solve @ (design @ fitted + drawn)])


def foretold(shares: Floats, fit: Floats) -> Floats:
    """Bits per byte, the mean over held-out sources, of shares (fits, sources) by each fit."""
    return np.exp(np.einsum("fs,fsh->fh", shares, fit)).mean(axis=1)


def least(fit: Floats) -> Floats:
    """(fits, sources): the shares of which each fit foretells the least, by the method of Frank and Wolfe: each step
    goes towards the source that lowers it fastest, which the shares never leave."""
    n_fits, n_sources, _ = fit.shape
    shares = np.full((n_fits, n_sources), 1 / n_sources)
    for step in range(STEPS):
        slopes = np.einsum("fsh,fh->fs", fit, np.exp(np.einsum("fs,fsh->fh", shares, fit)))
        towards = np.eye(n_sources)[slopes.argmin(axis=1)]
        shares += 2 / (step + 2) * (towards - shares)
    return shares


def unseen_error(design: Floats, logs: Floats) -> float:
    """In bits per byte: of each arm, foretold by a fit to the others (the residual over 1 - leverage)."""
    hat = design @ np.linalg.pinv(design)
    missed = (logs - hat @ logs) / (1 - np.diag(hat))[:, None]
    return float(np.sqrt(np.mean((np.exp(logs) - np.exp(logs - missed)).mean(axis=1) ** 2)))


def as_change(shares: dict[str, float]) -> str:
    """The setting that makes the mixture."""
    return f"pack.mixture.weights={json.dumps(shares, ensure_ascii=False)}"
