"""A real Chromium for the pages. Whatever a test does: an error on the console or a request to anywhere fails it."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tiny_corpus import Command, TinyRun

playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright; scripts/test --browser installs it")
HERE = Path(__file__).parent
Open = Callable[..., Any]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no Chromium; scripts/test --browser installs it")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=sandbox)
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium: Any) -> Iterator[Open]:
    """Opens a file in a context of its own; keywords are those of Playwright's new_context."""
    complaints: list[str] = []
    contexts = []

    def opened(file: Path, fragment: str = "", **options: Any) -> Any:
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: said.type in ("error", "warning") and complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        page.on("request", lambda sent: sent.url.partition("#")[0] == file.as_uri() or complaints.append(sent.url))
        page.goto(file.as_uri() + fragment)
        if options.get("java_script_enabled", True):
            page.wait_for_function("document.querySelector('.effect')?.textContent !== ''")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    file = HERE / "node_modules" / "axe-core" / "axe.min.js"
    if not file.exists():
        pytest.skip("no axe-core; scripts/test --browser installs it")
    return file.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def report_page(tiny_run: TinyRun) -> Path:
    return tiny_run.root / "report" / "index.html"


@pytest.fixture(scope="session")
def diff_page(tiny_run: TinyRun, gristmill: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    page = tmp_path_factory.mktemp("diff") / "diff.html"
    assert gristmill("diff", tiny_run.root, tiny_run.root, "--output", page).code == 0
    return page
