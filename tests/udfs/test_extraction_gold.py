"""How good the extractors are on pages with gold texts: floors a little under what each reached when they were set.

`blocks` never saw a page of daniel. The pages of the other sets it was trained on: there its floors only tell that the
code still does what the model was trained for; the figures on unseen sites are in docs/blocks-model.md.
"""

from pathlib import Path
from typing import get_args

import pytest

from benchmarks.gold_pages import ARTICLES, DANIEL, GOLD_SETS, SNIPPETS, STARTS, GoldPage, read_gold, score
from udfs.blocks import extract_blocks
from udfs.extract_child import load_extractor
from udfs.extraction import Options
from udfs.ingest import Extractor

FLOORS: dict[Extractor, dict[str, float]] = {
    "blocks": {
        DANIEL: 0.87,
        f"{DANIEL} Chinese": 0.897,
        f"{DANIEL} English": 0.943,
        f"{DANIEL} Greek": 0.903,
        f"{DANIEL} Polish": 0.84,
        f"{DANIEL} Russian": 0.767,
        ARTICLES: 0.967,
        SNIPPETS: 0.943,
        STARTS: 0.98,
    },
    "trafilatura": {
        DANIEL: 0.809,
        f"{DANIEL} Chinese": 0.845,
        f"{DANIEL} English": 0.85,
        f"{DANIEL} Greek": 0.753,
        f"{DANIEL} Polish": 0.784,
        f"{DANIEL} Russian": 0.813,
        ARTICLES: 0.945,
        SNIPPETS: 0.909,
        STARTS: 0.88,
    },
    "resiliparse": {
        DANIEL: 0.79,
        f"{DANIEL} Chinese": 0.773,
        f"{DANIEL} English": 0.888,
        f"{DANIEL} Greek": 0.854,
        f"{DANIEL} Polish": 0.751,
        f"{DANIEL} Russian": 0.682,
        ARTICLES: 0.911,
        SNIPPETS: 0.847,
        STARTS: 0.96,
    },
}


@pytest.fixture(scope="module")
def pages(shared_data: Path) -> list[GoldPage]:
    return [page for name in GOLD_SETS for page in read_gold(shared_data, name)]


@pytest.mark.parametrize("extractor", get_args(Extractor))
def test_the_texts_are_near_the_gold(pages: list[GoldPage], extractor: Extractor) -> None:
    assert len(pages) == 562
    html = [page.html.encode("utf-8", "replace") for page in pages]
    if extractor == "blocks":
        texts = [extract_blocks(page).text for page in html]
    else:
        extract = load_extractor(extractor)
        texts = [extract(page, Options()).text for page in html]
    found = score(pages, [text or "" for text in texts])
    assert {name: floor for name, floor in FLOORS[extractor].items() if found[name] < floor} == {}
