"""The report in Chromium: what is drawn, what moves, what the keyboard reaches and what axe-core says of it."""

import json
import re
from collections import Counter
from itertools import count, cycle, pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser_report import N_BINS, SCREENS, sampled_report, wide_report
from payloads import PAYLOADS, filled
from tiny_corpus import TinyRun

from pipelines.report_page import MAX_BYTES, render

PHONE = {"viewport": {"width": 375, "height": 812}, "device_scale_factor": 2, "is_mobile": True}
HISTORY = {"name": "run", "stages": []}
BOUND = "gopher.word_count"


@pytest.fixture(scope="session")
def report(tiny_run: TinyRun) -> dict[str, Any]:
    return json.loads((tiny_run.root / "report/report.json").read_text())


@pytest.fixture(scope="session")
def wide_page(report: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The largest page that figures can make, or larger: 200 sources, 135 signals, every list as long as it gets."""
    file = tmp_path_factory.mktemp("wide") / "index.html"
    file.write_bytes(render(wide_report(report), HISTORY))
    return file


def open_all(page: Any) -> None:
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")


def test_every_chart_is_drawn(opened, report_page: Path, report: dict[str, Any]):
    page = opened(report_page)
    open_all(page)
    boxes = page.eval_on_selector_all(
        "svg.drawing path.kept, svg.mini path.kept",
        "(all) => all.map((one) => [one.getBoundingClientRect(), one.getAttribute('d')])",
    )
    assert len(boxes) > 2 * len(report["signals"]["rows"])
    for box, path in boxes:
        assert box["width"] > 20
        assert re.fullmatch(r"M0 [\d.]+(V[\d.]+h\d+)+V[\d.]+Z", path)
    labels = page.eval_on_selector_all("svg.drawing", "(all) => all.map((one) => one.getAttribute('aria-label'))")
    assert all(re.search(r"\d", label) for label in labels)


def removed_below(report: dict[str, Any], name: str, place: int) -> int:
    signal = next(row for row in report["signals"]["rows"] if row["name"] == name)
    return sum(sum(side[:place]) for series in signal["series"] for side in (series["kept"], series["removed"]))


def test_a_slider_changes_the_counts_and_writes_the_option(opened, report_page: Path, report: dict[str, Any]):
    page = opened(report_page, f"#signal-{BOUND}")
    panel = page.locator(f"[id='signal-{BOUND}']")
    slider = panel.locator("input[data-side=min]")
    before = panel.locator(".effect").text_content()
    slider.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    place = int(slider.input_value())
    assert panel.locator(".effect").text_content() != before
    assert f"Yours alone removes {removed_below(report, BOUND, place):,} of" in panel.locator(".effect").text_content()
    assert page.locator("#changes pre").text_content().startswith(f"--set 'filter.bounds.{BOUND}.min=")
    assert re.match(r"Together they would keep [\d.]+ to [\d.]+ %", page.locator(".foretold").text_content())
    page.locator("#reset").click()
    assert panel.locator(".effect").text_content() == before
    assert page.locator("#changes").is_hidden()


def test_bounds_as_they_are_foretell_what_was_kept(opened, report_page: Path, report: dict[str, Any]):
    """A slider that was moved and is back again; every document of so small a run is in the sample."""
    page = opened(report_page, f"#signal-{BOUND}")
    found = page.evaluate("""() => {
      const slider = document.querySelector('[id="signal-gopher.word_count"] input');
      for (const by of [1, -1]) {
        slider.value = Number(slider.value) + by;
        slider.dispatchEvent(new Event("input"));
      }
      return document.querySelector(".foretold").textContent;
    }""")
    share = f"{100 * report['funnel']['fates'][-1]['records'] / report['funnel']['documents']:.2f}"
    assert found == f"Together they would keep {share} to {share} % of the documents; now it is {share} %."


def test_the_range_of_a_sample_holds_the_share_of_all(opened, report: dict[str, Any], tmp_path: Path):
    """40 pairs of bounds on 50,000 documents of which 2,000 are the sample; 95 of 100 ranges are to hold the share."""
    codes = np.random.default_rng(7).binomial(N_BINS - 1, [[0.4], [0.6]], (2, 50_000))
    file = tmp_path / "sampled.html"
    file.write_bytes(render(sampled_report(report, codes, 2_000), HISTORY))
    page = opened(file)
    held = []
    for first, second in product(range(20, 40, 5), range(36, 56, 2)):
        said = page.evaluate(MOVE_TWO, [first, second])
        least, most = map(float, re.findall(r"(\d+\.\d+)(?= to | % of)", said))
        share = 100 * float(((codes[0] >= first) & (codes[1] >= second)).mean())
        held.append(least <= share <= most)
        assert most - least < 5
    assert sum(held) >= 36


MOVE_TWO = """(places) => {
  ["a.first", "a.second"].forEach((key, i) => {
    const slider = document.querySelector(`fieldset[data-key="${key}"] input[data-side=min]`);
    slider.value = places[i];
    slider.dispatchEvent(new Event("input"));
  });
  return document.querySelector(".foretold").textContent;
}"""


def test_search_hides_what_does_not_match_and_headings_sort(opened, report_page: Path):
    page = opened(report_page)
    rows = page.locator("#reason-table tbody tr")
    n_rows = rows.count()
    page.locator("input[data-table=reason-table]").fill("C4.")
    shown = [text for text in rows.all_text_contents() if "c4." in text]
    assert 0 < len(shown) < n_rows
    assert page.locator("#reason-table tbody tr:visible").count() == len(shown)
    page.locator("input[data-table=reason-table]").fill("")
    heading = page.locator("#reason-table thead button", has_text="deciding")
    for direction, order in (("descending", -1), ("ascending", 1)):
        heading.click()
        assert page.locator("#reason-table thead th[aria-sort]").get_attribute("aria-sort") == direction
        values = [order * float(v) for v in page.eval_on_selector_all("#reason-table tbody td:nth-of-type(3)", VALUES)]
        assert all(a <= b for a, b in pairwise(values))


VALUES = "(all) => all.map((one) => one.dataset.v)"
REACHABLE = """() => [...document.querySelectorAll("a[href], button, input, summary, [tabindex='0']")]
  .filter((one) => one.checkVisibility({ visibilityProperty: true })).length"""
MARK = "() => { const one = document.activeElement; one.dataset.reached = '1'; return one === document.body; }"


def test_the_keyboard_reaches_everything(opened, report_page: Path):
    page = opened(report_page, f"#signal-{BOUND}")
    expected = page.evaluate(REACHABLE)
    page.evaluate("document.body.focus(); scrollTo(0, 0); getSelection().removeAllRanges()")
    page.evaluate("history.replaceState(null, '', location.pathname)")
    for _ in range(expected + 60):
        page.keyboard.press("Tab")
        page.evaluate(MARK)
    missed = page.evaluate("""() => [...document.querySelectorAll("a[href], button, input, summary, [tabindex='0']")]
      .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.dataset.reached)
      .map((one) => one.outerHTML.slice(0, 80))""")
    assert missed == []


def test_keys_open_a_signal_and_sort_a_table(opened, report_page: Path):
    page = opened(report_page)
    page.locator(f"[id='signal-{BOUND}'] summary").focus()
    page.keyboard.press("Enter")
    assert page.locator(f"[id='signal-{BOUND}']").get_attribute("open") is not None
    page.locator("#source-table thead button").first.focus()
    page.keyboard.press("Space")
    assert page.locator("#source-table thead th").first.get_attribute("aria-sort") == "ascending"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("which", ["report_page", "diff_page"])
def test_axe_finds_nothing_serious(opened, axe: str, request, which: str, scheme: str):
    page = opened(request.getfixturevalue(which), color_scheme=scheme)
    open_all(page)
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    assert [f"{one['impact']}: {one['id']}: {one['nodes'][0]['html'][:200]}" for one in found] == []


@pytest.mark.parametrize("name", ["light", "dark", "phone", "print"])
def test_pictures_are_left_and_nothing_stands_outside_the_window(opened, report_page: Path, name: str):
    options = PHONE if name == "phone" else {"viewport": {"width": 1280, "height": 900}}
    page = opened(report_page, **options, color_scheme="dark" if name == "dark" else "light")
    page.locator(f"[id='signal-{BOUND}'] summary").click()
    if name == "print":
        page.emulate_media(media="print")
        page.pdf(path=SCREENS / "print.pdf")
        assert page.locator("nav").is_hidden()
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=SCREENS / f"{name}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_payloads_do_nothing_in_a_browser(opened, report: dict[str, Any], tmp_path: Path):
    """Hostile texts in every place that a crawl or a user can write to: as many elements as with plain words."""
    counted, payloads, numbers = [], cycle(PAYLOADS), count()
    fills = {"plain": lambda: f"{next(numbers)}", "hostile": lambda: f"{next(payloads)}{next(numbers)}"}
    for name, fill in fills.items():
        file = tmp_path / f"{name}.html"
        file.write_bytes(render(filled(report, fill), HISTORY))
        page = opened(file)
        counted.append(Counter(page.eval_on_selector_all("*", "(all) => all.map((one) => one.localName)")))
        assert page.evaluate("document.title").endswith(": quality report")
    assert counted[0] == counted[1]
    assert next(numbers) > 2 * 100


def test_without_javascript_every_figure_is_there(opened, report_page: Path, report: dict[str, Any]):
    page = opened(report_page, java_script_enabled=False)
    text = page.locator("body").text_content()
    assert f"{report['funnel']['records']:,}" in text
    assert page.locator("#reason-table tbody tr").count() == len(report["reasons"]["rows"])
    assert page.locator(".scripted:visible").count() == 0


def test_a_page_of_200_sources_and_135_signals_stays_small_and_works(opened, wide_page: Path):
    assert wide_page.stat().st_size < MAX_BYTES
    page = opened(wide_page)
    assert page.locator("#source-table tbody tr").count() == 200
    assert page.locator("details.signal").count() >= 100
    page.screenshot(path=SCREENS / "wide.png")
