"""filter: decide from numbers. Every document's signals against the bounds of the settings; no text is read.

Reads the columns of `signals` that have a bound, part by part, and writes a ledger row per removed document. Nothing is
shuffled, so other bounds can be tried in seconds.
"""

import functools
import math
from collections.abc import Sequence
from functools import partial

from pydantic import Field, field_validator, model_validator

from conf.load import KeyMistakeError, did_you_mean, merge
from conf.model import Model
from pipelines.ledger import parts_left, write_ledger
from pipelines.measure import MeasureSettings
from pipelines.run import Run
from pipelines.stage import Job
from udfs import signals
from udfs.errors import InputError
from udfs.filtering import filter_part
from udfs.language import GROUPS
from udfs.verdicts import Check, Interval, ParetoCheck

Bounds = dict[str, dict[str, "Bound | None"]]


class Bound(Model):
    """A document is kept when min <= value <= max."""

    min: float | None = None
    """Smallest value kept; null is off, 0 is a number."""
    max: float | None = None
    """Largest value kept; null is off, 0 is a number."""

    @model_validator(mode="after")
    def _some_value_meets_it(self) -> "Bound":
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"no value is at least {self.min:g} and at most {self.max:g}; exchange min and max")
        return self

    def interval(self) -> Interval | None:
        return None if self.min is None and self.max is None else Interval(self.min, self.max)


class Pareto(Model):
    """A document is kept when its quality score is above 1 - X, X from the Lomax distribution (Brown et al. 2020,
    arXiv 2005.14165, appendix A). X is drawn from a hash of the document's id."""

    alpha: float = Field(default=9, gt=0)
    """Shape of the distribution: the larger, the fewer documents of low scores are kept."""
    seed: int = Field(default=0, ge=-(2**63), lt=2**63)


class FilterSettings(Model):
    languages: dict[str, float] | None = None
    """Languages to keep, each with its smallest score ({en: 0.65}); `hr+sr+bs+sh` stands for a group that the model
    confuses, with the smallest sum of their scores, `*` for every other language; null keeps all."""
    bounds: Bounds = {}
    """family -> signal -> {min, max}, tried in this order; the first one not met is the reason. null turns one off."""
    per_language: dict[str, Bounds] = {}
    """language -> bounds that replace those above for its documents, signal by signal."""
    pareto: Pareto | None = None
    """Keep documents by GPT-3's rule: the better the quality score, the likelier; null is off."""

    @field_validator("languages")
    @classmethod
    def _groups_are_the_models(cls, languages: dict[str, float] | None) -> dict[str, float] | None:
        known = ["+".join(group) for group in GROUPS]
        for name in languages or {}:
            if "+" in name and name not in known:
                raise ValueError(f"there is no language group {name!r}{did_you_mean(name, known)}")
        return languages

    @field_validator("bounds")
    @classmethod
    def _bounds_name_signals(cls, bounds: Bounds) -> Bounds:
        check_signal_names(bounds)
        return bounds

    @field_validator("per_language")
    @classmethod
    def _overlays_name_signals(cls, overlays: dict[str, Bounds]) -> dict[str, Bounds]:
        for language, bounds in overlays.items():
            check_signal_names(bounds, language)
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
            found += language_checks(self.languages)
        everything = functools.reduce(merge, self.per_language.values(), self.bounds)
        for signal in [f"{family}.{name}" for family, named in everything.items() for name in named]:
            own = {language: self.intervals(language).get(signal) for language in self.per_language}
            found.append(Check(signal, signal, self.intervals().get(signal), own))
        if min_score is not None:
            found.append(Check("quality", "quality_score", Interval(min=min_score)))
        if self.pareto is not None:
            found.append(ParetoCheck("pareto", alpha=self.pareto.alpha, seed=self.pareto.seed))
        return found


def language_checks(languages: dict[str, float]) -> list[Check]:
    """A bound on the score of each language named, and one on the score of each group for its other members."""
    named = {name: Interval(min=score) for name, score in languages.items() if "+" not in name}
    grouped = {
        member: Interval(min=score)
        for group, score in languages.items()
        for member in group.split("+")
        if "+" in group and member not in languages
    }
    other = Interval(min=languages.get("*", math.inf))
    checks = [Check("language", "language_score", other, {**named, **dict.fromkeys(grouped)})]
    return checks + [Check("language_group", "language_group_score", None, grouped)] * bool(grouped)


def check_signal_names(bounds: Bounds, *above: str) -> None:
    """Raise KeyMistakeError for a family or a signal that does not exist, with the nearest that does; `above` are the
    keys that the bounds stand under."""
    for family, named in bounds.items():
        if family not in signals.FAMILIES:
            message = f"there is no signal family {family!r}{did_you_mean(family, signals.FAMILIES)}"
            raise KeyMistakeError((*above, family), message)
        for name in named:
            if name not in signals.names(family):
                message = f"there is no signal {family}.{name}{did_you_mean(name, signals.names(family))}"
                raise KeyMistakeError((*above, family, name), message)


def filter_documents(job: Job, filter: FilterSettings, quality_min_score: float | None) -> None:
    """signals -> ledger/filter."""
    checks = filter.checks(quality_min_score)
    check_measured(job.run, checks)
    write_ledger(job, partial(filter_part, checks=checks), parts_left(job))


def check_measured(run: Run, checks: Sequence[Check]) -> None:
    """Raise InputError for a bound on a family that the run's signals lack: it would remove every document."""
    committed = run.committed("measure")
    settings = committed.identity["settings"]["measure"] if committed else {}
    measured = MeasureSettings(families=settings.get("families", {})).measured_families()
    for family in [check.column.partition(".")[0] for check in checks if "." in check.column]:
        if family not in measured:
            reason = f"{run.path('signals')}: the signals of the family {family} were not measured"
            raise InputError(reason, f"set measure.families.{family}: true and run `gristmill measure` again")
