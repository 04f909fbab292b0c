"""How good is our block extractor, and how fast on one core, beside trafilatura and resiliparse on the same pages?

From the page as a string to its text as a string, without comments. Pages/s are by CPU seconds: every page goes through
all extractors before the next one, three times over, and the fastest of the three rounds counts. The measures are those
of benchmarks/gold_pages.py. The block model has seen every set but daniel (docs/blocks-model.md has its figures on
unseen sites); so daniel is the one to compare, and the others say what it does on sites it knows.

    python benchmarks/extraction.py DATA

DATA holds html/ with the gold sets.
"""

import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path

import trafilatura
from resiliparse.extract.html2text import extract_plain_text

from benchmarks.gold_pages import ARTICLES, DANIEL, GOLD_SETS, SNIPPETS, STARTS, GoldPage, read_gold, score
from udfs.blocks import extract_blocks

ROUNDS = 3
N_WARM_UP = 20

EXTRACTORS: dict[str, Callable[[str], str]] = {
    "trafilatura fast": lambda html: trafilatura.extract(html, fast=True, include_comments=False) or "",
    "trafilatura": lambda html: trafilatura.extract(html, include_comments=False) or "",
    "resiliparse": lambda html: extract_plain_text(html, main_content=True, alt_texts=False),
    "blocks": lambda html: extract_blocks(html).text or "",
}


def run_round(pages: list[GoldPage]) -> dict[str, float]:
    """CPU seconds of each extractor for all pages, in turns."""
    seconds = dict.fromkeys(EXTRACTORS, 0.0)
    for page in pages:
        for name, extract in EXTRACTORS.items():
            start = time.process_time()
            extract(page.html)
            seconds[name] += time.process_time() - start
    return seconds


def main(data: Path) -> None:
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    pages = [page for name in GOLD_SETS for page in read_gold(data, name)]
    run_round(pages[:N_WARM_UP])
    rounds = [run_round(pages) for _ in range(ROUNDS)]
    print(
        f"{len(pages)} pages, {sum(len(page.html.encode()) for page in pages) / len(pages) / 1000:.0f} kB on average\n"
    )
    print(f"{'':18} {'pages/s':>8} {'articles':>9} {'daniel':>7} {'snippets':>9} {'starts':>7}")
    for name, extract in EXTRACTORS.items():
        found = score(pages, [extract(page.html) for page in pages])
        speed = len(pages) / min(seconds[name] for seconds in rounds)
        values = (found[ARTICLES], found[DANIEL], found[SNIPPETS], found[STARTS])
        print(f"{name:18} {speed:8.0f} {values[0]:9.3f} {values[1]:7.3f} {values[2]:9.3f} {values[3]:7.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
