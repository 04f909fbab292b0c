"""Shingles, Jaccard and bands on sets whose near-duplicates are known."""

import gzip
import json
import re
import string
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from warcio import ArchiveIterator

from udfs.minhash import band_keys, jaccard_pairs, signatures
from udfs.shingles import shingle_sets
from udfs.strings import strings


class Gold(NamedTuple):
    """Texts, and the known pairs by the texts' numbers with their Jaccard similarity (NaN where it is not given)."""

    texts: list[str]
    left: np.ndarray
    right: np.ndarray
    similarity: np.ndarray


def gold(texts: dict[str, str], pairs: Path) -> Gold:
    rows = [line.split("\t") for line in pairs.read_text().splitlines()]
    number = {name: i for i, name in enumerate(texts)}
    left, right = (np.array([number[row[side]] for row in rows]) for side in (0, 1))
    return Gold(list(texts.values()), left, right, np.array([float(row[2]) if row[2:] else np.nan for row in rows]))


def json_lines(path: Path) -> dict[str, str]:
    with gzip.open(path, "rt") as file:
        return {row["id"]: row["text"] for row in map(json.loads, file)}


@pytest.fixture(scope="module")
def licences(shared_data: Path) -> Gold:
    folder = shared_data / "neardup"
    return gold(json_lines(folder / "spdx-licenses.jsonl.gz"), folder / "spdx-licenses.word5-jaccard.tsv")


@pytest.fixture(scope="module")
def articles(shared_data: Path) -> Gold:
    folder = shared_data / "neardup"
    return gold(json_lines(folder / "mccormick-articles.jsonl.gz"), folder / "mccormick-articles.pairs.tsv")


@pytest.fixture(scope="module")
def pages(shared_data: Path) -> Gold:
    texts = {}
    with (shared_data / "warc" / "rewrapped" / "hplt-zh.warc.wet.gz").open("rb") as file:
        for record in ArchiveIterator(file):
            if record.rec_type == "conversion":
                texts[record.rec_headers["WARC-Record-ID"]] = record.content_stream().read().decode()
    return gold(texts, shared_data / "neardup" / "hplt-zh.char5-jaccard.tsv")


def errors(texts: list[str], known: Gold, unit: str) -> np.ndarray:
    sets = shingle_sets(strings(pa.array(texts)), unit)
    return np.abs(jaccard_pairs(sets, known.left, known.right) - known.similarity)


def are_candidates(known: Gold, unit: str, seed: int = 0) -> np.ndarray:
    keys = band_keys(signatures(strings(pa.array(known.texts)), 112, unit, seed=seed), 14, 8).to_pylist()
    return np.array([not set(keys[a]).isdisjoint(keys[b]) for a, b in zip(known.left, known.right, strict=True)])


def test_licences_have_the_published_jaccard_over_words(licences: Gold) -> None:
    r"""The gold set reads \w+ of the lower-cased text. With what we fold (digits, accents) or split (the underscore,
    Han) spelt in ASCII letters, nothing differs but the rounding to four decimals; our rule for numbers moves 0.004 on
    average, 0.16 at most, mostly up."""
    letters = str.maketrans(string.hexdigits[:16], "abcdefghijklmnop")
    spelt = [
        re.sub(r"(?![a-z])\w", lambda match: "zq" + f"{ord(match[0]):x}zq".translate(letters), text.lower())
        for text in licences.texts
    ]
    assert errors(spelt, licences, "word").max() < 5.1e-5
    assert errors(licences.texts, licences, "word").max() < 0.17
    assert errors(licences.texts, licences, "word").mean() < 0.005


def test_chinese_pages_have_the_published_jaccard_over_characters(pages: Gold) -> None:
    """The gold set does not fold. With the characters moved to a plane where nothing is folded, only rounding is left;
    folding case and width moves 0.0011 at most."""
    foldable = r"[^\s\U00010000-\U0010FFFF]"
    moved = [re.sub(foldable, lambda match: chr(0xF0000 + ord(match[0])), text) for text in pages.texts]
    assert errors(moved, pages, "char").max() < 5.1e-5
    assert errors(pages.texts, pages, "char").max() < 0.0011


def test_all_planted_plagiarism_is_found(articles: Gold) -> None:
    assert are_candidates(articles, "word").all()
    assert are_candidates(articles, "char").all()
    sets = shingle_sets(strings(pa.array(articles.texts)))
    assert jaccard_pairs(sets, articles.left, articles.right).min() > 0.95


@pytest.mark.parametrize(("name", "unit"), [("licences", "word"), ("pages", "char")])
def test_near_duplicates_become_candidates_as_often_as_bands_promise(
    name: str, unit: str, request: pytest.FixtureRequest
) -> None:
    """On average: the pairs of a family of licences meet together or not at all, so their number differs from seed to
    seed by a tenth."""
    known: Gold = request.getfixturevalue(name)
    promised = 1 - (1 - known.similarity**8) ** 14
    found = np.mean([are_candidates(known, unit, seed).sum() for seed in range(100)])
    assert abs(found / promised.sum() - 1) < 0.05
