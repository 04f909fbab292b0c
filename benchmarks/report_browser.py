"""How large the report is and how soon it can be used: of a run, and the largest page there can be.

python benchmarks/report_browser.py RUN...: each page is opened in headless Chromium ten times, after one that does not
count; until its sliders answer, in milliseconds by the browser's clock. The largest page is made of the first run's
figures by tests/browser/browser_report.py: 200 sources, 135 signals, every list at its limit.
"""

import json
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "browser"))
from browser_report import wide_report

from pipelines.report_page import render

TIMES = 10
READY = "document.querySelector('.effect')?.textContent !== ''"


def milliseconds(browser: Browser, file: Path) -> float:
    page = browser.new_page()
    page.goto(file.resolve().as_uri())
    page.wait_for_function(READY, polling=5)
    found = page.evaluate("performance.now()")
    page.close()
    return found


def main(runs: list[Path]) -> None:
    report = json.loads((runs[0] / "report/report.json").read_text())
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        largest = Path(folder) / "largest.html"
        largest.write_bytes(render(wide_report(report), {"name": "largest", "stages": []}))
        sandbox = ["--no-sandbox"] * (os.geteuid() == 0)
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=sandbox)
        for file in (*(run / "report/index.html" for run in runs), largest):
            times = sorted(milliseconds(browser, file) for _ in range(TIMES + 1))[:-1]
            size = file.stat().st_size / 1e6
            print(f"{file}: {size:.2f} MB, {statistics.median(times):,.0f} ms ({times[0]:,.0f} to {times[-1]:,.0f})")
        browser.close()


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
