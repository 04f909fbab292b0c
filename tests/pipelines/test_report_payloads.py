"""A thousand payloads where a crawl or a user can put text: the page has the elements and attributes it has without."""

import json
from collections import Counter
from html.parser import HTMLParser
from itertools import count, cycle
from typing import Any

import pytest
from payloads import PAYLOADS, filled
from tiny_corpus import TinyRun

from pipelines.comparison import compare
from pipelines.figures_run import history
from pipelines.report import tables
from pipelines.report_page import render, render_comparison
from pipelines.run import Run


class Shape(HTMLParser):
    """How often each element, and each attribute of it, stands on a page; and the addresses on it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: Counter[tuple[str, ...]] = Counter()
        self.addresses: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found[tag,] += 1
        for name, value in attrs:
            self.found[tag, name] += 1
            if name in ("href", "src"):
                self.addresses.add((value or "").partition("#")[0])


@pytest.fixture(scope="module")
def report(tiny_run: TinyRun) -> dict[str, Any]:
    return json.loads((tiny_run.root / "report/report.json").read_text())


def test_no_payload_becomes_an_element_or_an_attribute(report: dict[str, Any], tiny_run: TinyRun) -> None:
    past = history(Run(str(tiny_run.root)))
    numbers, payloads = count(), cycle(PAYLOADS)
    expected = Shape(render(filled(report, lambda: f"name {next(numbers)}"), past).decode())
    placed = count()
    while next(placed) < len(PAYLOADS):
        # Numbered, so that no two are alike: some rows are grouped by them.
        page = Shape(render(filled(report, lambda: f"{next(payloads)}{next(placed)}"), past).decode())
        assert page.found == expected.found
        assert page.addresses == expected.addresses
    assert len(set(PAYLOADS)) >= 1000


def test_nor_on_the_page_of_two_runs(report: dict[str, Any]) -> None:
    payloads = cycle(PAYLOADS)
    expected = Shape(render_comparison(("a", "b"), compare(report, report)).decode())
    hostile = filled(report, lambda: next(payloads))
    for payload in PAYLOADS[:: len(PAYLOADS) // 8]:
        page = Shape(render_comparison((payload, payload), compare(hostile, hostile)).decode())
        assert set(page.found) <= set(expected.found)
        assert page.addresses == expected.addresses


def test_no_cell_of_a_table_begins_like_a_formula(report: dict[str, Any]) -> None:
    payloads = cycle(PAYLOADS)
    for table in tables(filled(report, lambda: next(payloads))).values():
        assert "\n=" not in table
        assert ",=" not in table
        assert ",@" not in table
