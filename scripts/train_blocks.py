"""Train udfs/blocks_model.npz, the model of the block extractor, and say how good it is on pages of unseen sites.

    python scripts/train_blocks.py --data DATA [--pages NAME=FOLDER ...] [--dry]

DATA holds the gold sets (benchmarks/gold_pages.py); each FOLDER holds the HTML pages of one documentation. Gold pages
are labelled by their gold; crawled pages and documentation, and the blocks on which a gold set is silent, by
trafilatura. The set daniel is never trained on. Five models, each without a fifth of the registered domains, give the
first figures printed. The model written is trained on all of them; its figures are for pages of daniel from domains
that no other set has. The same pages, packages and seed give the same file.

Needs lightgbm, which is no dependency of gristmill.
"""

import argparse
import difflib
import hashlib
import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import trafilatura
from numpy.typing import NDArray

from benchmarks.gold_pages import (
    ARTICLES,
    DANIEL,
    GOLD_SETS,
    SNIPPETS,
    STARTS,
    GoldPage,
    make_pydoc,
    read_crawls,
    read_folder,
    read_gold,
    read_hplt,
    score,
    token_f1,
    tokens,
)
from udfs import blocks
from udfs.blocks_features import N_FEATURES, WORDS, features
from udfs.blocks_scan import Page, make_kinds, scan
from udfs.blocks_scores import Masks, masks, probabilities
from udfs.blocks_text import plain, raw_texts, render
from udfs.blocks_trees import Trees, digest, write_trees
from udfs.page_head import title_span
from udfs.unicode_classes import character_classes

N_FOLDS = 5
N_ROUNDS = 220
MIN_RUN = 2
"""Tokens in a row that a page shares with its gold count as found; single ones do not."""
SURE_WEIGHT, SILENT_WEIGHT, UNLABELLED_WEIGHT = 3.0, 0.3, 0.5
"""Of a block that a snippet decides; of one on which the gold is silent; of a page without gold."""
PARAMETERS = {
    "objective": "binary",
    "learning_rate": 0.045,
    "num_leaves": 20,
    "max_depth": 7,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.35,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5,
    "max_bin": 127,
    "seed": 1,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}
KINDS = make_kinds(character_classes())


@dataclass(frozen=True)
class Sample:
    """A page with what the model sees of it and should say about it."""

    source: GoldPage
    page: Page
    data: bytes
    features: NDArray[np.float32]
    wanted: NDArray[np.bool_]
    weight: NDArray[np.float64]
    verdict: str
    """What trafilatura gives for the page."""


def make_sample(source: GoldPage) -> Sample:
    """The page, scanned and labelled."""
    data = source.html.encode("utf-8", "replace")
    array = np.frombuffer(data, np.uint8)
    page = scan(array, KINDS)
    texts = [plain(raw) for raw in raw_texts(data, page, np.arange(page.element.size))]
    verdict = trafilatura.extract(source.html, include_comments=False, deduplicate=False) or ""
    wanted, weight = label(source, texts, verdict)
    return Sample(source, page, data, features(page, array, title_span(data, page.tags)), wanted, weight, verdict)


def label(source: GoldPage, texts: list[str], verdict: str) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Of each block whether it is main text, and the weight of that; the weights of a gold page add up to about 1."""
    weight = np.sqrt([len(tokens(text)) + 1.0 for text in texts])
    weight /= max(1.0, weight.sum())
    if source.set in (ARTICLES, DANIEL):
        return shares_found(texts, source.gold["text"]) >= 0.5, weight
    wanted = shares_found(texts, verdict) >= 0.5
    if source.set == SNIPPETS:
        kept, unwanted = (holds_any(texts, source.gold[name]) for name in ("with", "without"))
        is_sure = kept | unwanted
        return np.where(is_sure, ~unwanted, wanted), weight * np.where(is_sure, SURE_WEIGHT, SILENT_WEIGHT)
    if source.set == STARTS:
        in_gold = shares_found(texts, source.gold["expected"].get("cleaned_text") or "") >= 0.6
        return in_gold | wanted, weight * np.where(in_gold, SURE_WEIGHT, SILENT_WEIGHT)
    return wanted, weight * UNLABELLED_WEIGHT


def holds_any(texts: list[str], snippets: list[str]) -> NDArray[np.bool_]:
    joined = [" ".join(snippet.split()) for snippet in snippets if snippet.strip()]
    return np.array([any(snippet in text for snippet in joined) for text in texts], bool)


def shares_found(texts: list[str], gold: str) -> NDArray[np.float64]:
    """Of each text the share of its tokens that stand in the gold, in an alignment of all of them with it."""
    of_texts = [tokens(text) for text in texts]
    every = [token for some in of_texts for token in some]
    found = np.zeros(len(every) + 1)
    matcher = difflib.SequenceMatcher(None, every, tokens(gold), autojunk=False)
    for start, _, size in matcher.get_matching_blocks():
        if size >= MIN_RUN:
            found[start : start + size] = 1.0
    ends = np.cumsum([len(some) for some in of_texts])
    return np.array(
        [found[end - len(some) : end].mean() if some else 0.0 for some, end in zip(of_texts, ends, strict=True)]
    )


def train(samples: Iterable[Sample]) -> lightgbm.Booster:
    some = list(samples)
    data = lightgbm.Dataset(
        np.concatenate([sample.features for sample in some]),
        np.concatenate([sample.wanted for sample in some]).astype(np.int8),
        weight=100.0 * np.concatenate([sample.weight for sample in some]),
    )
    return lightgbm.train(PARAMETERS, data, N_ROUNDS)


def export(booster: lightgbm.Booster) -> Trees:
    """The trees of a model as the flat arrays that the kernel reads."""
    roots: list[int] = []
    depths: list[int] = []
    nodes: list[tuple[int, float, list[int], float]] = []

    def add(node: dict[str, Any]) -> int:
        """Steps from the node, which is added with all below it, to its deepest leaf."""
        number = len(nodes)
        if "leaf_value" in node:
            nodes.append((0, 0.0, [number, number], node["leaf_value"]))
            return 0
        children: list[int] = []
        nodes.append((node["split_feature"], node["threshold"], children, 0.0))
        depth = 0
        for side in ("left_child", "right_child"):
            children.append(len(nodes))
            depth = max(depth, 1 + add(node[side]))
        return depth

    for tree in booster.dump_model()["tree_info"]:
        roots.append(len(nodes))
        depths.append(add(tree["tree_structure"]))
    feature, threshold, children, value = zip(*nodes, strict=True)
    return Trees(
        np.array(roots, np.uint16),
        np.array(depths, np.uint16),
        np.array(feature, np.uint16),
        round_down(np.array(threshold)),
        np.array(children, np.uint16),
        np.array(value),
    )


def round_down(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """The greatest float32 not above each value: the same float32 are above it as are above the value."""
    nearest = values.astype(np.float32)
    return np.where(nearest > values, np.nextafter(nearest, np.float32(-np.inf)), nearest)


def fold(sample: Sample) -> int:
    """The fold of a page, the same for all pages of a registered domain."""
    return hashlib.sha256(sample.source.group.encode()).digest()[0] % N_FOLDS


def extract(model: Masks, sample: Sample) -> str:
    if not sample.page.element.size:
        return ""
    chosen = blocks.choose(probabilities(model, sample.features), sample.features[:, WORDS].astype(np.float64))
    return render(sample.data, sample.page, np.flatnonzero(chosen))


def cross_validate(samples: list[Sample]) -> list[str]:
    """The text of each page by a model that saw no page of its domain, and none of daniel."""
    models = [
        export(train(sample for sample in samples if fold(sample) != held_out and sample.source.set != DANIEL))
        for held_out in range(N_FOLDS)
    ]
    return [extract(models[fold(sample)], sample) for sample in samples]


def figures(samples: list[Sample], texts: list[str]) -> dict[str, float]:
    """The gold sets' measures; for the other pages the mean token F1 with what trafilatura gives, by set and group."""
    found = score([sample.source for sample in samples], texts)
    agreement: dict[str, list[float]] = {}
    for sample, text in zip(samples, texts, strict=True):
        if sample.source.set not in GOLD_SETS:
            value = token_f1(text, sample.verdict)
            agreement.setdefault(sample.source.set, []).append(value)
            if sample.source.set == "documentation":
                agreement.setdefault(f"documentation {sample.source.group}", []).append(value)
    found |= {name: sum(values) / len(values) for name, values in sorted(agreement.items())}
    return {name: round(value, 4) for name, value in found.items()}


def read_pages(data: Path, folders: list[str]) -> list[GoldPage]:
    pages = [page for name in GOLD_SETS for page in read_gold(data, name)]
    pages += read_hplt(data) + read_crawls(data) + make_pydoc()
    for name, _, folder in (entry.partition("=") for entry in folders):
        pages += read_folder(name, Path(folder))
    return pages


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the block extractor's model.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pages", action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--dry", action="store_true", help="print the figures and write no model")
    arguments = parser.parse_args()
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    samples = [make_sample(page) for page in read_pages(arguments.data, arguments.pages)]
    print("cross-validated", json.dumps(figures(samples, cross_validate(samples)), indent=1, ensure_ascii=False))
    known = [sample for sample in samples if sample.source.set != DANIEL]
    trees = export(train(known))
    domains = {sample.source.group for sample in known}
    unseen = [sample for sample in samples if sample.source.group not in domains]
    found = figures(unseen, [extract(masks(trees), sample) for sample in unseen])
    print(f"whole model on {len(unseen)} pages of other domains", json.dumps(found, indent=1, ensure_ascii=False))
    if not arguments.dry:
        write_trees(Path(blocks.__file__).with_name(blocks.MODEL_FILE), trees, N_FEATURES)
        print("digest", digest(trees))


if __name__ == "__main__":
    main()
