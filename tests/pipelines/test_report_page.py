"""Shapes and numbers of the page."""

import doctest
from itertools import pairwise

import pytest

from pipelines import figures_duplicates, report, report_markdown
from pipelines.report_page import charts, formats
from udfs import secrets

MODULES = [report, report_markdown, charts, formats, figures_duplicates, secrets]


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__)
def test_the_examples_in_the_docstrings_hold(module):
    results = doctest.testmod(module)
    assert results.attempted > 0
    assert results.failed == 0


def signal(edges, closed="left", whole=False, **bounds):
    variant = {"languages": [], "refused": False, "min": None, "max": None, **bounds}
    variant["keys"] = {side: [f"filter.bounds.x.{side}"] for side in ("min", "max")}
    counts = list(range(1, len(edges) + 2))
    series = {"source": "web", "variant": 0, "kept": counts, "removed": counts, "missing": 2}
    return {"name": "x", "edges": edges, "closed": closed, "whole": whole, "variants": [variant], "series": [series]}


def test_a_slider_of_an_upper_bound_alone_stands_on_the_edges_themselves():
    (side,) = charts.tuning(signal([0.1, 0.2], "right", max=0.2), 0)["sides"]
    assert (side["side"], side["bounds"]) == ("max", [None, 0.1, 0.2, None])


def test_sliders_of_whole_numbers_show_whole_numbers():
    tuning = charts.tuning(signal([2.0, 5.0, 100.00000000000001], whole=True, min=2.0, max=100.0), 0)
    assert [side["bounds"] for side in tuning["sides"]] == [
        [None, 2.0, 5.0, 100.00000000000001],
        [None, 1, 4, 100, None],
    ]
    assert tuning["inForce"] == (1, 3)


def test_what_a_slider_removes_is_what_its_bound_removes():
    """Values 0.5 to 3.5 in bins of 1: at every place, the bins on the right are the values above the bound there."""
    tried = signal([1.0, 2.0, 3.0], min=1.0, max=2.5)
    tried["edges"] = [1.0, 2.0, 2.5000000000000004, 3.0]
    values = [0.5, 1.0, 1.5, 2.0, 2.5, 2.75, 3.0]
    bins = [sum(value >= edge for edge in tried["edges"]) for value in values]
    for side, keeps in (("min", lambda v, bound: v >= bound), ("max", lambda v, bound: v <= bound)):
        for place, bound in enumerate(charts.bounds_at(tried, side)):
            if bound is not None:
                on_the_left = [keeps(v, bound) == (side == "max") for v in values]
                assert on_the_left == [number < place for number in bins]


def test_a_signal_that_nothing_bounds_has_both_sliders_and_a_refused_language_none():
    assert [side["side"] for side in charts.tuning(signal([1.0]), 0)["sides"]] == ["min", "max"]
    refused = signal([1.0], refused=True)
    refused["variants"][0]["keys"] = {"min": [], "max": []}
    assert charts.tuning(refused, 0)["sides"] == []


def test_an_empty_histogram_can_be_drawn():
    chart = charts.mirrored([0, 0], [0, 0])
    assert (chart["kept"], chart["grid"]) == ("M0 75V75h2V75Z", [(2.0, "1"), (148.0, "1")])


def test_labels_of_counts_do_not_stand_on_each_other():
    chart = charts.mirrored([1, 10**12], [0, 0])
    heights = sorted(y for y, _ in chart["grid"])
    assert min(b - a for a, b in pairwise(heights)) >= charts.LABEL_HEIGHT


def test_ticks_are_the_roundest_numbers_and_do_not_crowd():
    edges = [i / 100 for i in range(100)]
    found = charts.ticks([(i + 1) / 101 for i in range(100)], edges)
    assert [label for _, label in found] == ["0.1", "0.3", "0.5", "0.7", "0.9"]


def test_ticks_of_a_logarithmic_axis_are_powers_of_ten_first():
    edges = [10 ** (i / 20) for i in range(121)]
    labels = [label for _, label in charts.ticks([i / 121 for i in range(121)], edges)]
    assert {"10", "100", "1,000", "10,000", "100,000"} <= set(labels)
    assert len(labels) < 10


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [
        (1, 3, "33.3 %"),
        (1, 10**6, "<0.1 %"),
        (10**6 - 1, 10**6, ">99.9 %"),
        (0, 5, "0 %"),
        (5, 5, "100.0 %"),
        (1, 0, ""),
    ],
)
def test_shares_are_never_rounded_to_nothing_or_all(part, whole, said):
    assert formats.percent(part, whole) == said
