"""Pages about one corpus: gristmill's report beside GX Data Docs, ydata-profiling and Data-Juicer's analyzer.

python benchmarks/report_pages.py RUN FOLDER: RUN is a finished run; the documents of its table `documents`, with five
of its signals, are the corpus of all. Each tool runs in a process of its own, the peers in environments of their own,
which uv makes before the clock starts. Times are CPU seconds, children included; Chromium opens the pages offline.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
from playwright.sync_api import sync_playwright
from process_tree import Tree

HERE = Path(__file__).resolve().parent
TREE = Tree()
AXE = HERE.parent / "tests" / "browser" / "node_modules" / "axe-core" / "axe.min.js"
PEERS = {
    "great_expectations": (
        ["great-expectations==1.24.1", "pandas<3"],
        "**/local_site/**/*",
        "**/validations/**/*.html",
    ),
    "ydata": (["ydata-profiling==4.18.4", "setuptools<81"], "index.html", "index.html"),
    "data_juicer": (["py-data-juicer==1.6.1", "aiohttp", "matplotlib", "seaborn", "scipy"], "*/analysis/*", ""),
}
"""Tool -> its packages, the files that it makes for people, and the page among them."""


def measured(name: str, command: list[str], **environment: str) -> float:
    """CPU seconds of a command and all below it; negative where it failed."""
    before = TREE.cpu_seconds()
    ended = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True)
    if ended.returncode:
        print(f"{name} failed: {ended.stderr[-2000:]}", file=sys.stderr)
        return -1.0
    return TREE.cpu_seconds() - before


def opened(page: Path) -> str:
    """What Chromium, without a network, says of a page: nodes, requests to elsewhere, axe-core's rules that fail."""
    with sync_playwright() as driver:
        program = shutil.which("chromium")
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"] * (os.geteuid() == 0))
        context = browser.new_context(bypass_csp=True)
        sheet, outside, errors = context.new_page(), [], []
        sheet.on("request", lambda sent: sent.url.startswith(("file:", "data:", "blob:")) or outside.append(sent.url))
        sheet.on("pageerror", lambda error: errors.append(str(error)))
        context.route(lambda url: url.startswith("http"), lambda route: route.abort())
        sheet.goto(page.resolve().as_uri())
        ready = sheet.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
        n_nodes = sheet.evaluate("document.querySelectorAll('*').length")
        sheet.evaluate(AXE.read_text())
        found = sheet.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
        serious = sum(one["impact"] in ("serious", "critical") for one in found)
        browser.close()
    return (
        f"{n_nodes:,} nodes, {len(outside)} requests outside, {len(errors)} script errors, "
        f"{len(found)} rules of axe fail ({serious} serious or critical), parsed in {ready / 1000:.1f} s"
    )


def weight(files: list[Path]) -> str:
    return f"{sum(file.stat().st_size for file in files) / 1e6:.2f} MB in {len(files)} files"


def tell(name: str, seconds: float, made: list[Path], page: Path | None) -> None:
    print(f"{name:<24} {seconds:6.1f} s of CPU, {weight(made)}", flush=True)
    print(f"{'':<24} {opened(page) if page else 'no page'}", flush=True)


def main(run: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    corpus, texts = folder / "corpus.parquet", folder / "corpus.jsonl"
    signals = f"select id, language, language_score, n_words, n_chars from '{run}/signals/part-*.parquet'"
    joined = f"""select text, url, source, language, n_words, n_chars, language_score
        from '{run}/documents/part-*.parquet' join ({signals}) using (id) order by id"""
    duckdb.sql(f"copy ({joined}) to '{corpus}'")
    duckdb.sql(f"copy (select text, url from '{corpus}') to '{texts}' (format json)")
    for name in PEERS:
        peer(name, corpus, folder / name)
    ours(texts, folder / "gristmill")


def peer(name: str, corpus: Path, folder: Path) -> None:
    packages, files, page = PEERS[name]
    folder.mkdir(exist_ok=True)
    run = ["uv", "run", "--quiet", "--no-project", "--python", "3.11"]
    run += [word for package in packages for word in ("--with", package)]
    subprocess.run([*run, "python", "-c", ""], check=True)
    command = [*run, "python", str(HERE / "report_pages_peers.py"), name, str(corpus), str(folder)]
    seconds = measured(name, command, GX_ANALYTICS_ENABLED="false", MPLBACKEND="agg")
    made = [file for file in sorted(folder.glob(files)) if file.is_file()]
    tell(name, seconds, made, next(folder.glob(page)) if page else None)


def ours(texts: Path, folder: Path) -> None:
    """All stages, and then the report alone, of a run that is finished."""
    page = folder / "report/index.html"
    command = [sys.executable, "-m", "jobs", "clean", str(texts), "-o", str(folder), "--recipe", "fineweb"]
    tell("gristmill, all stages", measured("gristmill", command), [page], page)
    (folder / "runs/report.json").unlink()
    tell("gristmill, report alone", measured("gristmill", command), [page], page)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
