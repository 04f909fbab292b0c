"""Histograms of every signal over all documents: which bins, and the counts in them.

The bins are chosen from a bounded sample of documents; the counts are of all of them. A bound in force is always an
edge, so what a bound removes is a sum of bins, exactly. Reads 8 bytes a signal and document, shuffles partial counts
only.
"""

import ast
import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from pipelines.filter import Bound, FilterSettings, checks
from pipelines.run import Json
from udfs import signals
from udfs.histograms import COUNTS, Axis, Floats, HistogramPlan, count_bins

MIN_BINS = 64
SKEWED = 16.0
"""A logarithmic axis where the largest value is more than this many times the geometric mean."""
PLAIN = {
    "n_chars": "Characters of the text after edits.",
    "n_words": "Words of the text after edits.",
    "language_score": "The language model's score of the label it gives, 0 to 1.",
    "quality_score": "Probability of being good text by the quality model.",
}


@dataclass(frozen=True)
class Variant:
    """A bound, the languages it is in force for (None: all that no other variant names), and the settings that hold it."""

    bound: Bound = Bound()
    languages: tuple[str, ...] | None = None
    min_keys: tuple[str, ...] = ()
    max_keys: tuple[str, ...] = ()
    refused: bool = False
    """True where documents are removed whatever their value: languages that are not wanted."""


@dataclass(frozen=True)
class Signal:
    """A number of every document: a column of `signals`, its bounds, and the reason in the ledger where it has one."""

    name: str
    variants: tuple[Variant, ...] = field(default=(Variant(),))
    reason: str | None = None

    @property
    def closed(self) -> str:
        """Upper bounds alone want bins that hold their upper edge: then a bound can be set at any edge, exactly."""
        bounds = [variant.bound for variant in self.variants]
        has_min, has_max = any(b.min is not None for b in bounds), any(b.max is not None for b in bounds)
        return "right" if has_max and not has_min else "left"


def signals_of(settings: FilterSettings, min_score: float | None) -> list[Signal]:
    """Every number that `measure` took of a document, with the bounds in force."""
    quality = Variant(Bound(min=min_score), min_keys=("quality.min_score",))
    return [
        Signal("n_chars"),
        Signal("n_words", (Variant(Bound(min=1)),), "empty"),
        Signal("language_score", _language_variants(settings), None if settings.languages is None else "language"),
        Signal("quality_score", (quality,), None if min_score is None else "quality"),
        *[_bounded(settings, family, name) for family in signals.FAMILIES for name in signals.names(family)],
    ]


def _bounded(settings: FilterSettings, family: str, name: str) -> Signal:
    """A signal with the bound for most languages first, then one variant for each other bound."""
    signal = f"{family}.{name}"
    by_bound: dict[Bound, list[str]] = {}
    for language, bounds in settings.per_language.items():
        if name in bounds.get(family, {}):
            by_bound.setdefault(settings.bounds_for(language).get(signal, Bound()), []).append(language)
    base = _variant(settings.bounds_for(None).get(signal, Bound()), None, [f"filter.bounds.{signal}"])
    own = [
        _variant(bound, tuple(languages), [f"filter.per_language.{language}.{signal}" for language in languages])
        for bound, languages in by_bound.items()
    ]
    is_bounded = any(str(variant.bound) for variant in [base, *own])
    return Signal(signal, (base, *own), signal if is_bounded else None)


def _variant(bound: Bound, languages: tuple[str, ...] | None, places: list[str]) -> Variant:
    return Variant(bound, languages, tuple(f"{p}.min" for p in places), tuple(f"{p}.max" for p in places))


def _language_variants(settings: FilterSettings) -> tuple[Variant, ...]:
    """The score that each language needs; those not named are refused unless `*` names them."""
    if settings.languages is None:
        return (Variant(),)
    by_score: dict[float, list[str]] = {}
    for language, score in settings.languages.items():
        if language != "*":
            by_score.setdefault(score, []).append(language)
    rest = settings.languages.get("*")
    others = Variant(refused=True) if rest is None else Variant(Bound(min=rest), min_keys=("filter.languages.*",))
    named = [
        Variant(Bound(min=score), tuple(languages), tuple(f"filter.languages.{language}" for language in languages))
        for score, languages in by_score.items()
    ]
    return (others, *named)


def axis_of(signal: Signal, sample: Floats) -> tuple[Axis, str]:
    """The bins of a signal, and whether its axis is "linear" or "log": 64 bins or more from the smallest to the largest
    value of the sample and of its bounds, or a bin for each whole number where there are fewer."""
    mins = [v.bound.min for v in signal.variants if v.bound.min is not None]
    maxs = [v.bound.max for v in signal.variants if v.bound.max is not None]
    found = np.concatenate([sample[~np.isnan(sample)], mins, maxs])
    found = found if len(found) else np.array([0.0, 1.0])
    whole = bool((found == np.floor(found)).all())
    scale = "log" if _is_skewed(found) else "linear"
    grid = (log_edges if scale == "log" else linear_edges)(found, whole)
    if signal.closed == "right":
        return Axis(tuple(sorted({*grid, *maxs})), "right"), scale
    above = {math.nextafter(bound, math.inf) for bound in maxs}
    return Axis(tuple(sorted(set(grid) - set(maxs) | set(mins) | above)), "left"), scale


def _is_skewed(values: Floats) -> bool:
    """Shares stay on a linear axis, where their bounds are read most easily."""
    positive = values[values > 0]
    return len(positive) > 0 and values.min() >= 0 and values.max() > max(1.0, SKEWED * np.exp(np.log(positive).mean()))


def linear_edges(values: Floats, whole: bool) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten, from below the smallest value to above the largest."""
    low, high = float(values.min()), float(values.max())
    width = (high - low or 1.0) / MIN_BINS
    power = 10.0 ** math.floor(math.log10(width))
    step = max(m * power for m in (1, 2, 5) if m * power <= width)
    step = max(step, 1.0) if whole else step
    digits = max(0, -math.floor(math.log10(step)))
    return [round(i * step, digits) for i in range(math.floor(low / step), math.floor(high / step) + 2)]


def log_edges(values: Floats, whole: bool) -> list[float]:
    """Powers of ten and numbers evenly between them in the logarithm, rounded to three digits or to whole numbers."""
    low, high = float(values[values > 0].min()), float(values.max())
    decades = math.log10(high / low)
    per_decade = next(n for n in (10, 20, 40, 80, 160) if n * decades >= MIN_BINS or n == 160)
    first, last = math.floor(math.log10(low) * per_decade), math.floor(math.log10(high) * per_decade) + 1
    edges = [float(f"{10 ** (i / per_decade):.3g}") for i in range(first, last + 1)]
    return sorted({float(round(edge)) for edge in edges} - {0.0}) if whole else edges


def count_all(
    frame: DataFrame, chosen: list[Signal], axes: list[Axis], sources: list[str], kept: Column
) -> list[list[Json]]:
    """Per signal its series: {source, variant, kept: [documents per bin], removed: [...], missing}.

    `frame` is `signals`; `sources` have series of their own, None stands for all others together.
    """
    named = tuple(tuple(variant.languages or () for variant in signal.variants) for signal in chosen)
    plan = HistogramPlan(tuple(sources), tuple(axes), named)

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from count_bins(batches, plan)

    values = [F.col(signal.name).cast("double").alias(f"v{i}") for i, signal in enumerate(chosen)]
    rows = frame.select("source", "language", kept.alias("kept"), *values)
    counted = rows.mapInArrow(work, from_arrow_schema(COUNTS))
    totals = counted.groupBy("signal", "group", "variant", "kept", "bin").agg(F.sum("n").alias("n")).toArrow()
    return assemble(totals, plan)


def assemble(totals: pa.Table, plan: HistogramPlan) -> list[list[Json]]:
    counts = [np.zeros(plan.shape(i), np.int64) for i in range(len(plan.axes))]
    columns = [totals[name].to_numpy(zero_copy_only=False) for name in COUNTS.names]
    for i, counted in enumerate(counts):
        group, variant, kept, place, n = (column[columns[0] == i] for column in columns[1:])
        counted[group, variant, kept.astype(np.int64), place] = n
    return [_series(counted, [*plan.sources, None]) for counted in counts]


def _series(counts: np.ndarray, sources: list[str | None]) -> list[Json]:
    """The series that hold a document; the bin of missing values, the last, stands apart."""
    return [
        {
            "source": source,
            "variant": variant,
            "kept": counts[group, variant, 1, :-1].tolist(),
            "removed": counts[group, variant, 0, :-1].tolist(),
            "missing": int(counts[group, variant, :, -1].sum()),
        }
        for group, source in enumerate(sources)
        for variant in range(counts.shape[1])
        if counts[group, variant].any()
    ]


def passes(settings: FilterSettings, min_score: float | None) -> Column:
    """True for documents that meet every bound, as `filter` decides it."""
    holds = [F.coalesce(test.holds, F.lit(False)) for test in checks(settings, min_score)]
    return functools.reduce(Column.__and__, holds)


@functools.cache
def definition(name: str) -> str:
    """What a signal is, in a sentence: the first paragraph of its function's docstring."""
    family, _, function = name.partition(".")
    if not function:
        return PLAIN[name]
    source = resources.files(signals.__name__).joinpath(f"{family}.py").read_text(encoding="utf-8")
    docs = {
        node.name: ast.get_docstring(node) or "" for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)
    }
    return " ".join(docs[function].partition("\n\n")[0].split())
