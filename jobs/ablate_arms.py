"""The arms of an ablation: variants of a run's settings, by name or by the settings that they change.

What was measured stays as it is, so an arm may change what decides (bounds, de-duplication, edits, the mixture) and
nothing above that. All arms have one tokenizer, and none has held-out text.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter

from conf.load import changed_settings, did_you_mean
from conf.model import identity_of
from jobs.settings import Settings
from jobs.stages import STAGES
from pipelines.ablation import MEASURED, signal_quantile
from pipelines.ablation_mixtures import SPARE, as_change, drawn_mixtures
from pipelines.decontaminate import EvaluationSpec
from pipelines.run import Run
from udfs.errors import UsageError

NO_FILTER = ("filter={}", "quality.min_score=null")
NAMED: dict[str, tuple[str, ...]] = {
    "clean": (),
    "raw": (*NO_FILTER, "dedup.engine=none", "measure.edits=null", "refine={pii: false}", "decontaminate.sets=[]"),
    "no-filter": NO_FILTER,
    "no-languages": ("filter.languages=null",),
    "no-quality": ("quality.min_score=null", "filter.pareto=null"),
    "no-dedup": ("dedup.engine=none",),
    "no-near": ("dedup.engine=exact",),
    "no-edits": ("measure.edits=null",),
    "no-pii": ("refine.pii=false",),
    "no-decontamination": ("decontaminate.sets=[]",),
    "random": ("pack.mixture.epochs=0.5",),
}
"""Name -> what it changes. `random` removes half of the documents by a hash of their ids: a filter known to be
useless, that ought to be called so."""
MINUS_ONE = ("no-languages", "no-quality", "no-dedup", "no-edits")
WORST_SHARE = 0.1
MOST_MIXTURES = 1000
NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._=+-]+")


@dataclass(frozen=True)
class Arm:
    """A variant: what it changes, and the settings of its stages."""

    name: str
    changes: tuple[str, ...]
    settings: Settings

    def of_stage(self, stage: str, base: Settings) -> Settings:
        """The settings that a stage of it gets: edits made otherwise than they were measured are made by refine."""
        return self.settings if stage == "refine" else self.settings.model_copy(update={"measure": base.measure})


def arms_of(settings: Settings, run: Run, passages: str, kind: str) -> list[Arm]:
    """Every arm of the settings, by name. `passages`: the file of held-out text; `kind`: of the run's tokenizer. Raises
    UsageError for an arm that is not known, or that changes what is measured."""
    named: dict[str, tuple[str, ...]] = {}
    for spec in settings.ablate.arms:
        for name, changes in spec.items() if isinstance(spec, dict) else expand(spec, settings, run):
            if named.setdefault(name, tuple(changes)) != tuple(changes):
                raise UsageError(f"ablate.arms: two arms are called {name!r}", "give one another name: {NAME: [...]}")
    if settings.ablate.reference not in named:
        reason = f"ablate.reference: there is no arm {settings.ablate.reference!r}"
        raise UsageError(reason, f"arms are {', '.join(named)}")
    return [arm_of(name, changes, settings, run, passages, kind) for name, changes in named.items()]


def expand(spec: str, settings: Settings, run: Run) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(name, changes) of each arm that a word of `ablate.arms` stands for."""
    if "=" in spec:
        for change in sweep(spec):
            yield NOT_IN_NAMES.sub("-", change).strip("-"), (change,)
    elif spec.startswith("worst:"):
        yield spec.replace(":", "-"), worst(spec.partition(":")[2], settings, run)
    elif spec.startswith("mixtures:"):
        for number, shares in enumerate(random_mixtures(spec, run), 1):
            yield f"mixture-{number}", (as_change(shares),)
    elif spec == "minus-one":
        for name in minus_one(settings):
            yield name, named_changes(name, settings)
    else:
        yield spec, named_changes(spec, settings)


def sweep(change: str) -> list[str]:
    """A change for each number in KEY=[1, 2], the change itself where it is no list of numbers.

    >>> sweep("dedup.threshold=[0.7, 0.8]")
    ['dedup.threshold=0.7', 'dedup.threshold=0.8']
    """
    key, _, value = change.partition("=")
    try:
        found = json.loads(value)
    except ValueError:
        return [change]
    is_sweep = isinstance(found, list) and all(isinstance(one, int | float) for one in found)
    return [f"{key}={one}" for one in found] if is_sweep else [change]


def families_of(settings: Settings) -> list[str]:
    """The signal families that have a bound."""
    return list(
        dict.fromkeys([*settings.filter.bounds, *(f for own in settings.filter.per_language.values() for f in own)])
    )


def minus_one(settings: Settings) -> list[str]:
    """The arms that take one decision of the run away, of those that it makes."""
    is_made: dict[str, Callable[[], bool]] = {
        "no-languages": lambda: settings.filter.languages is not None,
        "no-quality": lambda: settings.quality.min_score is not None or settings.filter.pareto is not None,
        "no-dedup": lambda: settings.dedup.engine != "none",
        "no-edits": lambda: settings.measure.edits is not None,
    }
    return [f"no-{family}" for family in families_of(settings)] + [name for name in MINUS_ONE if is_made[name]()]


def named_changes(name: str, settings: Settings) -> tuple[str, ...]:
    if name in NAMED:
        return NAMED[name]
    families = families_of(settings)
    family = name.removeprefix("no-")
    if name == family or family not in families:
        known = [
            *NAMED,
            *(f"no-{family}" for family in families),
            "minus-one",
            "worst:SIGNAL",
            "mixtures:N",
            "KEY=VALUE",
        ]
        raise UsageError(
            f"ablate.arms: there is no arm {name!r}{did_you_mean(name, known)}", f"there are {', '.join(known)}"
        )
    languages = [language for language, bounds in settings.filter.per_language.items() if family in bounds]
    own = tuple(f"filter.per_language.{language}.{family}={{}}" for language in languages)
    return (f"filter.bounds.{family}={{}}", *own)


def worst(signal: str, settings: Settings, run: Run) -> tuple[str, ...]:
    """Keep only the worst tenth of the documents by a signal: a filter known to be harmful, that ought to be called so.
    The worst are those farthest on the side that the run's bound cuts off; the lowest, where it has none."""
    family, _, name = signal.partition(".")
    bound = settings.filter.intervals().get(signal)
    is_high = bound is not None and bound.max is not None and bound.min is None
    limit = signal_quantile(run, signal, 1 - WORST_SHARE if is_high else WORST_SHARE)
    side = "min" if is_high else "max"
    return (f"filter={{bounds: {{{family}: {{{name}: {{{side}: {limit!r}}}}}}}}}", "quality.min_score=null")


def random_mixtures(spec: str, run: Run) -> list[dict[str, float]]:
    """Shares of the run's sources for each arm of `mixtures:N`."""
    number = spec.partition(":")[2]
    if not (number.isdecimal() and 0 < int(number) <= MOST_MIXTURES):
        raise UsageError(f"ablate.arms: {spec!r} names no number of mixtures", f"write mixtures:1 to {MOST_MIXTURES}")
    trained = run.committed("train_tokenizer")
    sources = sorted({row["source"] for row in trained.counts["measured"] if row["tokens"]}) if trained else []
    if len(sources) < 2:
        raise UsageError(f"ablate.arms: {spec}, but only {len(sources)} source has text", "leave it out")
    if int(number) < len(sources) + SPARE:
        reason = f"ablate.arms: {spec} are too few to learn from of {len(sources)} sources"
        raise UsageError(reason, f"take mixtures:{len(sources) + SPARE} at least, better four times as many as sources")
    return drawn_mixtures(sources, int(number))


def arm_of(name: str, changes: tuple[str, ...], settings: Settings, run: Run, passages: str, kind: str) -> Arm:
    changed = changed_settings(settings.model_dump(mode="json"), changes, Settings)
    check_unmeasured(name, changed, settings)
    held_out = EvaluationSpec(name="held_out", path=passages, fields=("text",))
    sets = (*changed.decontaminate.sets, held_out)
    tokenizer = settings.tokenizer.model_copy(update={"path": run.path("tokenizer"), "kind": kind, "compare": {}})
    update = {
        "decontaminate": changed.decontaminate.model_copy(update={"sets": sets}),
        "tokenizer": tokenizer,
        "pack": changed.pack.model_copy(update={"val_share": 0.0}),
    }
    return Arm(name, changes, changed.model_copy(update=update))


def check_unmeasured(name: str, changed: Settings, settings: Settings) -> None:
    """Raise UsageError where an arm changes settings of stages that it does not run."""
    edits = {"edits": settings.measure.edits}
    changed = changed.model_copy(update={"measure": changed.measure.model_copy(update=edits)})
    for stage in (*MEASURED, "train_tokenizer"):
        for need in STAGES[stage].needs:
            if identity_of(attrgetter(need)(changed)) != identity_of(attrgetter(need)(settings)):
                reason = f"ablate.arms: {name} changes {need}, which `{stage}` has settled for all arms"
                raise UsageError(reason, "make a run of its own with that setting, and an ablation of each")
