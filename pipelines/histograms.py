"""Histograms of every signal over all documents: which bins, and the counts in them.

The bins are chosen from a bounded sample of documents; the counts are of all of them. A bound in force is always an
edge, so what a bound removes is a sum of bins, exactly. Reads 8 bytes a signal and document in Python workers; partial
counts are all that is shuffled.
"""

import ast
import functools
import math
from dataclasses import dataclass
from importlib import resources

import numpy as np
import pyarrow as pa
from pyspark.sql import functions as F

from pipelines.ledger import parts_left
from pipelines.run import Json
from pipelines.stage import Job
from pipelines.tables import SIGNALS
from pipelines.tasks import stream_tasks
from udfs import signals
from udfs.histograms import COUNTS, Axis, Histogram, HistogramPlan, count_part
from udfs.spans import Floats, Ints
from udfs.verdicts import Check, Interval

MIN_BINS = 64
SKEWED = 16.0
"""A logarithmic axis where the largest value is more than this many times the geometric mean."""
MAX_TUNED = 3
"""Variants of a signal's bound that have sliders on the page."""
PLAIN = ("n_chars", "n_words", "language_score", "quality_score")
"""Numbers of a document that are columns of `signals` themselves."""


@dataclass(frozen=True)
class Variant:
    """A bound, and the languages it is in force for (none: all that no other variant names)."""

    interval: Interval
    languages: tuple[str, ...] = ()

    @property
    def is_refused(self) -> bool:
        """True where documents are removed whatever their value: languages that are not wanted."""
        return self.interval.min == math.inf


def with_unbounded(checks: list[Check]) -> list[Check]:
    """`checks`, and behind them every other number that `measure` took of a document, with no bound and no reason."""
    measured = [*PLAIN, *(f"{family}.{name}" for family in signals.FAMILIES for name in signals.names(family))]
    bounded = {check.column for check in checks}
    return [*checks, *(Check("", name, None) for name in measured if name not in bounded)]


def variants_of(check: Check) -> list[Variant]:
    """The bound for most languages, then each other one with its languages."""
    by_interval: dict[Interval, list[str]] = {}
    for language, interval in check.by_language.items():
        by_interval.setdefault(interval or Interval(), []).append(language)
    usual = check.usual or Interval()
    by_interval.pop(usual, None)
    return [Variant(usual), *(Variant(interval, tuple(languages)) for interval, languages in by_interval.items())]


def setting_keys(check: Check, variant: Variant, side: str) -> list[str]:
    """The settings that hold the lower or upper ("min", "max") bound; empty where none does."""
    if "." in check.column:
        places = [f"filter.per_language.{language}" for language in variant.languages] or ["filter.bounds"]
        return [f"{place}.{check.column}.{side}" for place in places]
    if check.column == "language_score" and check.reason and side == "min" and not variant.is_refused:
        return [f"filter.languages.{language}" for language in variant.languages or ("*",)]
    is_score = check.column == "quality_score" and check.reason != "pareto"
    return ["quality.min_score"] if is_score and side == "min" else []


def axis_of(variants: list[Variant], sample: Floats) -> Axis:
    """The bins of a signal: 64 or more from the smallest to the largest value of the sample and of the bounds, or one
    for each whole number where there are fewer.

    Upper bounds alone want bins that hold their upper edge: then a bound can be set at any edge, exactly.
    """
    mins = [v.interval.min for v in variants if v.interval.min is not None and not v.is_refused]
    maxs = [v.interval.max for v in variants if v.interval.max is not None]
    found = np.concatenate([sample[np.isfinite(sample)], mins, maxs])
    found = found if len(found) else np.array([0.0, 1.0])
    grid = set((log_edges if _is_skewed(found) else linear_edges)(found, is_whole(found)))
    if maxs and not mins:
        return Axis(tuple(sorted({*grid, *maxs})), "right")
    above = {math.nextafter(bound, math.inf) for bound in maxs}
    return Axis(tuple(sorted(grid - set(maxs) | set(mins) | above)), "left")


def is_whole(values: Floats) -> bool:
    return bool((values == np.floor(values)).all())


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


def histograms(job: Job, chosen: list[Check], sampled: pa.Table, sources: list[str]) -> Json:
    """Every signal with its definition, bounds, bins and counts; `sources` have series of their own.

    A series is {source (None: all others), variant, kept: documents per bin, removed by the filter: the same, missing}.
    """
    chosen = [check for check in chosen if check.reason or sampled[check.column].null_count < sampled.num_rows]
    variants = [variants_of(check) for check in chosen]
    axes = [axis_of(variants[i], sampled[check.column].to_numpy()) for i, check in enumerate(chosen)]
    languages = [tuple(variant.languages for variant in found) for found in variants]
    plan = HistogramPlan(tuple(sources), tuple(map(Histogram, chosen, axes, languages)))
    rows = [
        {
            "name": check.column,
            "reason": check.reason or None,
            "definition": definition(check.column),
            "whole": is_whole(sampled[check.column].to_numpy()),
            "closed": axis.closed,
            "edges": list(axis.edges),
            "variants": [_variant_json(check, variant) for variant in found],
            "series": series,
        }
        for check, axis, found, series in zip(chosen, axes, variants, count_all(job, plan), strict=True)
    ]
    return {"basis": f"exact; bins chosen from {sampled.num_rows:,} documents", "rows": rows}


def _variant_json(check: Check, variant: Variant) -> Json:
    return {
        "languages": list(variant.languages),
        "refused": variant.is_refused,
        "min": None if variant.is_refused else variant.interval.min,
        "max": variant.interval.max,
        "keys": {side: setting_keys(check, variant, side) for side in ("min", "max")},
    }


def count_all(job: Job, plan: HistogramPlan) -> list[list[Json]]:
    """The series of each histogram of the plan, over all parts of `signals`."""
    parts = parts_left(job, "ledger/filter")
    counted = stream_tasks(job.spark, lambda part: count_part(part, plan), parts, COUNTS)
    totals = counted.groupBy("signal", "group", "variant", "kept", "bin").agg(F.sum("n").alias("n")).toArrow()
    counts = [np.zeros(plan.shape(i), np.int64) for i in range(len(plan.histograms))]
    signal, *place, n = (totals[name].to_numpy() for name in COUNTS.names)
    for i, whole in enumerate(counts):
        group, variant, kept, number = (column[signal == i] for column in place)
        whole[group, variant, kept.astype(np.int64), number] = n[signal == i]
    return [_series(whole, [*plan.sources, None]) for whole in counts]


def _series(counts: Ints, sources: list[str | None]) -> list[Json]:
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


def tuned(signal: Json) -> list[int]:
    """Numbers of the variants whose bounds some setting holds, so that the page can try others."""
    return [number for number, one in enumerate(signal["variants"][:MAX_TUNED]) if any(one["keys"].values())]


def outside(signal: Json, source: str | None = "") -> int:
    """Documents, of one source or ("") all, that the signal's bounds remove; a missing value meets no bound."""
    found = 0
    for series in signal["series"]:
        if source not in ("", series["source"]):
            continue
        variant = signal["variants"][series["variant"]]
        counts = np.add(series["kept"], series["removed"])
        if variant["refused"]:
            found += int(counts.sum()) + series["missing"]
        elif (variant["min"], variant["max"]) != (None, None):
            low, high = places_in_force(signal, variant)
            found += int(counts.sum() - counts[low:high].sum()) + series["missing"]
    return found


def places_in_force(signal: Json, variant: Json) -> tuple[int, int]:
    """Bins from the first number up to, and without, the second are kept by the variant's bounds."""
    edges, low, high = signal["edges"], variant["min"], variant["max"]
    first = 0 if low is None else edges.index(low) + 1
    if high is None:
        return first, len(edges) + 1
    return first, edges.index(high if signal["closed"] == "right" else math.nextafter(high, math.inf)) + 1


@functools.cache
def definition(name: str) -> str:
    """What a signal is, in a sentence: the first paragraph of its function's docstring, or the column's description."""
    family, _, function = name.partition(".")
    if not function:
        return SIGNALS.field(name).metadata[b"description"].decode()
    source = resources.files(signals.__name__).joinpath(f"{family}.py").read_text(encoding="utf-8")
    found = next(n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef) and n.name == function)
    return " ".join((ast.get_docstring(found) or "").partition("\n\n")[0].split())
