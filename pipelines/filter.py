"""filter: decide from numbers. Bounds from the settings become Spark column expressions over `signals`; no text is read.

Reads 8 bytes a signal and document, writes one ledger row per removed document; no shuffle but that of the ledger.
A value that is null or NaN meets no bound, so nothing slips through unmeasured.
"""

import functools
from dataclasses import dataclass

from pydantic import field_validator
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from conf.load import did_you_mean, merge
from conf.model import Model
from pipelines.ledger import write_ledger
from pipelines.stage import Job
from udfs import signals

Bounds = dict[str, dict[str, "Bound | None"]]


class Bound(Model):
    """A document is kept when min <= value <= max."""

    min: float | None = None
    """Smallest value kept; null is off, 0 is a number."""
    max: float | None = None
    """Largest value kept; null is off, 0 is a number."""

    def __str__(self) -> str:
        parts = [f">= {self.min:g}" if self.min is not None else "", f"<= {self.max:g}" if self.max is not None else ""]
        return " and ".join(part for part in parts if part)

    def holds(self, value: float | None) -> bool:
        if value is None or value != value:
            return False
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)


class FilterSettings(Model):
    languages: dict[str, float] | None = None
    """Languages to keep, each with its smallest score ({en: 0.65}); `*` stands for every other one; null keeps all."""
    bounds: Bounds = {}
    """family -> signal -> {min, max}, tried in this order; the first one not met is the reason. null turns one off."""
    per_language: dict[str, Bounds] = {}
    """language -> bounds that replace those above for its documents, signal by signal."""

    @field_validator("bounds")
    @classmethod
    def _bounds_name_signals(cls, bounds: Bounds) -> Bounds:
        check_signal_names(bounds)
        return bounds

    @field_validator("per_language")
    @classmethod
    def _overlays_name_signals(cls, overlays: dict[str, Bounds]) -> dict[str, Bounds]:
        for bounds in overlays.values():
            check_signal_names(bounds)
        return overlays

    def bounds_for(self, language: str | None) -> dict[str, Bound]:
        """`family.signal` -> the bound in force for documents of a language; signals without one are absent."""
        merged = merge(self.bounds, self.per_language.get(language or "", {}))
        return {
            f"{family}.{name}": bound
            for family, named in merged.items()
            for name, bound in named.items()
            if bound is not None and str(bound)
        }

    def signal_order(self) -> list[str]:
        """Every signal that some bound names, in the order in which they are tried."""
        everything = functools.reduce(merge, self.per_language.values(), self.bounds)
        return [f"{family}.{name}" for family, named in everything.items() for name in named]


def check_signal_names(bounds: Bounds) -> None:
    """Raise ValueError for a family or a signal that does not exist, with the nearest that does."""
    for family, named in bounds.items():
        if family not in signals.FAMILIES:
            raise ValueError(f"there is no signal family {family!r}{did_you_mean(family, signals.FAMILIES)}")
        for name in named:
            if name not in signals.names(family):
                raise ValueError(f"there is no signal {family}.{name}{did_you_mean(name, signals.names(family))}")


@dataclass(frozen=True)
class Check:
    """One test of a document, as Spark columns."""

    reason: str
    value: Column
    holds: Column
    bound: Column


def checks(settings: FilterSettings, min_score: float | None) -> list[Check]:
    """All tests in the order they are tried: a word at all, language, bounds, quality."""
    n_words = F.col("n_words").cast("double")
    found = [Check("empty", n_words, F.col("n_words") >= 1, F.lit(">= 1"))]
    if settings.languages is not None:
        found.append(_language_check(settings.languages))
    found += [_bound_check(settings, signal) for signal in settings.signal_order()]
    if min_score is not None:
        score = F.col("quality_score")
        found.append(Check("quality", score, _holds(score, Bound(min=min_score)), F.lit(f">= {min_score:g}")))
    return found


def _language_check(languages: dict[str, float]) -> Check:
    needed = F.lit(languages.get("*")).cast("double")
    for language, score in languages.items():
        needed = F.when(F.col("language") == language, F.lit(score)).otherwise(needed)
    wanted = ", ".join(f"{language} >= {score:g}" for language, score in languages.items())
    return Check("language", F.col("language_score"), F.col("language_score") >= needed, F.lit(wanted))


def _bound_check(settings: FilterSettings, signal: str) -> Check:
    """The test of one signal, with the bound that is in force for the document's language."""
    value = F.col(signal)
    base = settings.bounds_for(None).get(signal, Bound())
    holds, text = _holds(value, base), F.lit(str(base))
    for language in settings.per_language:
        own = settings.bounds_for(language).get(signal, Bound())
        holds = F.when(F.col("language") == language, _holds(value, own)).otherwise(holds)
        text = F.when(F.col("language") == language, F.lit(str(own))).otherwise(text)
    return Check(signal, value, holds, text)


def _holds(value: Column, bound: Bound) -> Column:
    if not str(bound):
        return F.lit(True)
    holds = value.isNotNull() & ~F.isnan(value)
    if bound.min is not None:
        holds &= value >= bound.min
    if bound.max is not None:
        holds &= value <= bound.max
    return holds


def with_verdict(measured: DataFrame, tests: list[Check]) -> DataFrame:
    """`measured` with `broken` (reasons of all tests not met) and reason, signal, value, bound of the first of them."""
    failed = [(test, ~F.coalesce(test.holds, F.lit(False))) for test in tests]
    broken = F.array_compact(F.array(*[F.when(fails, F.lit(test.reason)) for test, fails in failed]))
    first = F.coalesce(
        *[
            F.when(fails, F.struct(F.lit(test.reason).alias("reason"), test.value.alias("value"), test.bound.alias("bound")))
            for test, fails in failed
        ]
    )
    return measured.withColumns({"broken": broken, "first": first}).withColumns(
        {"reason": F.col("first.reason"), "signal": F.col("first.reason"), "value": F.col("first.value"), "bound": F.col("first.bound")}
    )


def filter_documents(job: Job, filter: FilterSettings, quality_min_score: float | None) -> None:
    """signals -> ledger/stage=filter."""
    verdicts = with_verdict(job.read("signals"), checks(filter, quality_min_score))
    write_ledger(job, verdicts.where("reason is not null"))
