"""Verdicts from numbers: which bounds a document meets, which it does not, and which of those comes first.

A value that is null or NaN meets no bound, so nothing slips through unmeasured.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from udfs.hashing import keyed_uint64
from udfs.spans import Flags, Floats


@dataclass(frozen=True)
class Interval:
    """min <= value <= max; None is open, 0 is a number; a min of infinity lets nothing through."""

    min: float | None = None
    max: float | None = None

    def holds(self, values: Floats) -> Flags:
        held = ~np.isnan(values)
        if self.min is not None:
            held &= values >= self.min
        if self.max is not None:
            held &= values <= self.max
        return held

    def __str__(self) -> str:
        if self.min == math.inf:
            return "not wanted"
        parts = [f">= {self.min:g}" if self.min is not None else "", f"<= {self.max:g}" if self.max is not None else ""]
        return " and ".join(part for part in parts if part)


@dataclass(frozen=True)
class Check:
    """A bound on one column of `signals` (`gopher.word_count` is a field of the struct `gopher`).

    `by_language` replaces `usual` for documents of a language; None is off.
    """

    reason: str
    column: str
    usual: Interval | None
    by_language: Mapping[str, Interval | None] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of `signals` that are read for the check, but for `language`."""
        return (self.column.partition(".")[0],)

    def interval(self, language: str | None) -> Interval | None:
        return self.by_language.get(language or "", self.usual)

    def values(self, signals: pa.RecordBatch) -> Floats:
        """The column's values as float64, NaN for nulls."""
        name, _, inner = self.column.partition(".")
        column = pc.struct_field(signals.column(name), inner) if inner else signals.column(name)
        return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)

    def holds(self, signals: pa.RecordBatch) -> Flags:
        values = self.values(signals)
        held = np.full(len(values), True) if self.usual is None else self.usual.holds(values)
        for language, interval in self.by_language.items():
            own = np.asarray(pc.equal(signals.column("language"), language).fill_null(False))
            held[own] = True if interval is None else interval.holds(values[own])
        return held


@dataclass(frozen=True)
class ParetoCheck(Check):
    """GPT-3's rule: the quality score and a draw X from the Lomax distribution are more than 1 together.

    X is drawn from a hash of the document's id, so that it is the same in every run.
    """

    column: str = "quality_score"
    usual: Interval | None = Interval(min=1.0)
    alpha: float = 9.0
    seed: int = 0

    @property
    def columns(self) -> tuple[str, ...]:
        return ("quality_score", "id")

    def values(self, signals: pa.RecordBatch) -> Floats:
        """Score + X, as float64."""
        draws = (keyed_uint64(self.seed, identity) for identity in signals.column("id").to_pylist())
        return super().values(signals) + [((draw + 1) / 2**64) ** (-1 / self.alpha) - 1 for draw in draws]


def failures(signals: pa.RecordBatch, checks: Sequence[Check]) -> Flags:
    """Whether the document does not meet the check; bool (checks, documents)."""
    return np.stack([~check.holds(signals) for check in checks])


def judge(signals: pa.RecordBatch, checks: Sequence[Check]) -> pa.Table:
    """A row for every document that does not meet all checks: row, reason, broken, signal, value, bound.

    `reason`, `signal`, `value` and `bound` are those of the first check not met, `broken` names all of them.
    """
    failed = failures(signals, checks)
    removed = np.flatnonzero(failed.any(axis=0))
    failed = failed[:, removed]
    first = failed.argmax(axis=0)
    reasons = pa.array([check.reason for check in checks])
    values = np.stack([check.values(signals)[removed] for check in checks])[first, np.arange(len(removed))]
    languages = signals.column("language").take(pa.array(removed)).to_pylist()
    bounds = [str(checks[i].interval(language)) for i, language in zip(first, languages, strict=True)]
    document, broken = np.nonzero(failed.T)
    offsets = np.searchsorted(document, np.arange(len(removed) + 1)).astype(np.int32)
    return pa.table(
        {
            "index": removed,
            "reason": reasons.take(pa.array(first)),
            "broken": pa.ListArray.from_arrays(offsets, reasons.take(pa.array(broken))),
            "signal": pa.array([checks[i].column for i in first], pa.string()),
            "value": pa.array(values, mask=np.isnan(values)),
            "bound": pa.array(bounds, pa.string()),
        }
    )
