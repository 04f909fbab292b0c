"""Bins: bounds are edges, there are enough of them, and no value is put on the wrong side of a bound."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.filter import FilterSettings
from pipelines.histograms import (
    MIN_BINS,
    PLAIN,
    Variant,
    axis_of,
    definition,
    outside,
    setting_keys,
    variants_of,
    with_unbounded,
)
from udfs import signals
from udfs.verdicts import Check, Interval

NUMBERS = st.floats(-1e9, 1e9).map(lambda x: round(x, 3))


def bound(low: float | None, high: float | None) -> list[Variant]:
    return [Variant(Interval(low, high))]


@given(st.lists(NUMBERS), st.none() | NUMBERS, st.none() | NUMBERS)
def test_the_bins_between_the_bounds_hold_what_the_bounds_keep(values, low, high):
    sample = np.array(values, float)
    axis = axis_of(bound(low, high), sample)
    series = {
        "source": None,
        "variant": 0,
        "kept": np.bincount(axis.bins(sample), minlength=len(axis.edges) + 1).tolist(),
    }
    series |= {"removed": [0] * len(series["kept"]), "missing": 0}
    variant = {"min": low, "max": high, "refused": False}
    signal = {"edges": list(axis.edges), "closed": axis.closed, "variants": [variant], "series": [series]}
    assert outside(signal) == int((~Interval(low, high).holds(sample)).sum())


@pytest.mark.parametrize(
    "values", [np.linspace(0, 1, 1000), np.geomspace(1, 1e6, 1000), np.arange(5.0), np.zeros(3), []]
)
def test_there_are_bins_enough_and_edges_rise(values):
    sample = np.asarray(values, float)
    edges = axis_of(bound(None, None), sample).edges
    assert np.all(np.diff(edges) > 0)
    assert len(edges) >= min(MIN_BINS, len(np.unique(sample)))
    if len(sample):
        assert edges[0] <= sample.min()
        assert edges[-1] > sample.max()


def test_skewed_values_have_an_axis_of_powers_of_ten():
    edges = axis_of(bound(None, None), np.geomspace(1, 1e6, 100)).edges
    assert {1.0, 10.0, 100.0, 1e6} <= set(edges)


def test_every_bounded_signal_comes_first_and_every_number_once():
    checks = FilterSettings(languages={"en": 0.5}, bounds={"gopher": {"stop_words": None}}).checks(0.1)
    names = [check.column for check in with_unbounded(checks)]
    assert names[:4] == ["n_words", "language_score", "gopher.stop_words", "quality_score"]
    every = [*PLAIN, *(f"{family}.{name}" for family in signals.FAMILIES for name in signals.names(family))]
    assert sorted(names) == sorted(every)


def test_languages_of_one_bound_are_one_variant():
    own = {
        "de": Interval(max=12.0),
        "fi": Interval(max=15.0),
        "sv": Interval(max=12.0),
        "en": Interval(max=10.0),
        "zh": None,
    }
    found = variants_of(Check("x", "x", Interval(max=10.0), own))
    assert [(variant.interval.max, variant.languages) for variant in found] == [
        (10.0, ()), (12.0, ("de", "sv")), (15.0, ("fi",)), (None, ("zh",)),
    ]  # fmt: skip


def test_the_settings_that_hold_a_bound():
    words = Check("gopher.word_count", "gopher.word_count", Interval(min=50))
    assert setting_keys(words, Variant(Interval(min=50)), "min") == ["filter.bounds.gopher.word_count.min"]
    german = Variant(Interval(min=40), ("de",))
    assert setting_keys(words, german, "max") == ["filter.per_language.de.gopher.word_count.max"]
    language = Check("language", "language_score", Interval(min=math.inf))
    assert setting_keys(language, Variant(Interval(min=math.inf)), "min") == []
    assert setting_keys(language, Variant(Interval(min=0.5), ("en", "de")), "min") == [
        "filter.languages.en", "filter.languages.de",
    ]  # fmt: skip
    assert setting_keys(Check("empty", "n_words", Interval(min=1)), Variant(Interval(min=1)), "min") == []


@pytest.mark.parametrize("name", [f"{family}.{name}" for family in signals.FAMILIES for name in signals.names(family)])
def test_every_signal_has_a_definition(name):
    assert definition(name).endswith((".", ")"))
