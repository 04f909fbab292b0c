"""filter: decide from numbers. Every document's signals against the bounds of the settings; no text is read.

Reads the columns of `signals` that have a bound, part by part, and writes a ledger row per removed document. Nothing is
shuffled, so other bounds can be tried in seconds.
"""

import functools
import math
from functools import partial

from pydantic import field_validator

from conf.load import did_you_mean, merge
from conf.model import Model
from pipelines.ledger import parts_left, write_ledger
from pipelines.stage import Job
from udfs import signals
from udfs.filtering import filter_part
from udfs.verdicts import Check, Interval

Bounds = dict[str, dict[str, "Bound | None"]]


class Bound(Model):
    """A document is kept when min <= value <= max."""

    min: float | None = None
    """Smallest value kept; null is off, 0 is a number."""
    max: float | None = None
    """Largest value kept; null is off, 0 is a number."""

    def interval(self) -> Interval | None:
        return None if self.min is None and self.max is None else Interval(self.min, self.max)


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

    def intervals(self, language: str | None = None) -> dict[str, Interval | None]:
        """`family.signal` -> what is allowed for documents of a language, in the order in which bounds are tried."""
        merged = merge(self.bounds, self.per_language.get(language or "", {}))
        return {
            f"{family}.{name}": bound.interval() if bound else None
            for family, named in merged.items()
            for name, bound in named.items()
        }

    def checks(self, min_score: float | None) -> list[Check]:
        """Every test, in order: a word at all, the language, the bounds, the quality score."""
        found = [Check("empty", "n_words", Interval(min=1))]
        if self.languages is not None:
            listed = {name: Interval(min=score) for name, score in self.languages.items()}
            found.append(Check("language", "language_score", Interval(min=self.languages.get("*", math.inf)), listed))
        everything = functools.reduce(merge, self.per_language.values(), self.bounds)
        for signal in [f"{family}.{name}" for family, named in everything.items() for name in named]:
            own = {language: self.intervals(language).get(signal) for language in self.per_language}
            found.append(Check(signal, signal, self.intervals().get(signal), own))
        if min_score is not None:
            found.append(Check("quality", "quality_score", Interval(min=min_score)))
        return found


def check_signal_names(bounds: Bounds) -> None:
    """Raise ValueError for a family or a signal that does not exist, with the nearest that does."""
    for family, named in bounds.items():
        if family not in signals.FAMILIES:
            raise ValueError(f"there is no signal family {family!r}{did_you_mean(family, signals.FAMILIES)}")
        for name in named:
            if name not in signals.names(family):
                raise ValueError(f"there is no signal {family}.{name}{did_you_mean(name, signals.names(family))}")


def filter_documents(job: Job, filter: FilterSettings, quality_min_score: float | None) -> None:
    """signals -> ledger/stage=filter."""
    write_ledger(job, partial(filter_part, checks=filter.checks(quality_min_score)), parts_left(job))
