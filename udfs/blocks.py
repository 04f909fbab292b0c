"""The main text of a web page by gristmill's own extractor: blocks of text, each judged by a small model.

One pass over the bytes makes blocks (udfs/blocks_scan.py), about 230 numbers describe each (udfs/blocks_features.py),
boosted trees tell how likely it is main text (udfs/blocks_scores.py), and what is likely enough is laid out as text
(udfs/blocks_text.py). There is no tree of objects, no state from page to page and no time limit: the result depends on
the page's bytes and the model file alone. docs/blocks-model.md tells how the model was trained and what it is worth.

Comments of readers are left out, links and formatting are not kept. Charsets are the caller's business.
"""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from udfs.blocks_features import N_FEATURES, WORDS, features
from udfs.blocks_scan import make_kinds, scan
from udfs.blocks_scores import Masks, masks, probabilities
from udfs.blocks_text import render
from udfs.blocks_trees import Trees, read_trees
from udfs.page_head import title_span
from udfs.unicode_classes import character_classes

MODEL_FILE = "blocks_model.npz"
MAX_BYTES = 10_000_000
RECALL_WEIGHT = 0.7
"""Beta squared of the F measure whose expectation decides which blocks are kept: below 1, what is kept should rather be
right than complete."""

NoText = Literal["no_text", "too_large"]


@dataclass(frozen=True)
class BlockText:
    """The text, or the reason why there is none."""

    text: str | None
    reason: NoText | None = None
    truncated: bool = False
    """Whether the page has more tags or blocks than are read."""
    confidence: float = 0.0
    """The F1 that the model expects of the text, from 0 to 1."""


def shipped_trees() -> Trees:
    """The trees of the model file."""
    with (resources.files("udfs") / MODEL_FILE).open("rb") as stream:
        return read_trees(stream, N_FEATURES)


@cache
def _model() -> Masks:
    return masks(shipped_trees())


@cache
def _kinds() -> NDArray[np.uint8]:
    return make_kinds(character_classes())


def extract_blocks(html: str | bytes) -> BlockText:
    """The main text of a page, given as text or as UTF-8. Never raises because of what the page contains.

    Pages over MAX_BYTES are refused as `too_large`.
    """
    data = html.encode("utf-8", "replace") if isinstance(html, str) else html
    if len(data) > MAX_BYTES:
        return BlockText(None, "too_large")
    array = np.frombuffer(data, np.uint8)
    page = scan(array, _kinds())
    truncated = page.stop < len(data)
    if not page.element.size:
        return BlockText(None, "no_text", truncated)
    of_blocks = features(page, array, title_span(data, page.tags))
    likely, n_words = probabilities(_model(), of_blocks), of_blocks[:, WORDS].astype(np.float64)
    chosen = choose(likely, n_words)
    text = render(data, page, np.flatnonzero(chosen))
    if not text:
        return BlockText(None, "no_text", truncated)
    return BlockText(text, None, truncated, confidence(likely, n_words, chosen))


def choose(likely: NDArray[np.float64], n_words: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The likeliest blocks, as many as have the highest expected F measure over words; one at least.

    A sure page is thus cut at a probability of about a half, a doubtful one lower (Lewis, SIGIR 1995; Ye et al.,
    ICML 2012). Sums are running ones, whose order does not depend on the machine.
    """
    order = np.argsort(-likely, kind="stable")
    right, kept = np.cumsum((likely * n_words)[order]), np.cumsum(n_words[order])
    best = np.argmax(right / np.maximum(kept + RECALL_WEIGHT * right[-1], 1.0))
    chosen = np.zeros(likely.size, bool)
    chosen[order[: best + 1]] = True
    return chosen


def confidence(likely: NDArray[np.float64], n_words: NDArray[np.float64], chosen: NDArray[np.bool_]) -> float:
    """Expected F1 of the chosen blocks over words, rounded to four places: 2 right / (kept + right in all)."""
    right = np.cumsum(likely * n_words)[-1]
    total = np.cumsum(n_words * chosen)[-1] + right
    return round(float(2.0 * np.cumsum(likely * n_words * chosen)[-1] / total), 4) if total else 0.0
