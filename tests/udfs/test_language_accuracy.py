"""How often languages are found, on gold texts: floors a little under what lid.176.ftz reached when they were set."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import zstandard

from udfs.language import LanguagePlan, default_model, identify

PLAN = LanguagePlan(default_model())
MAJOR = (
    "ar bg bn ca cs da de el en es et eu fa fi gl gu he hi hr hu hy id is it ja ka kk kn ko lt lv mk ml mr my nb ne nl "
    "nn pa pl pt ro ru si sk sl sr sv ta te th tr uk ur vi zh"
)
RENAMED = {"nb": "no"}


def rows(data: Path, name: str) -> list[dict[str, Any]]:
    with (data / "text" / name).open("rb") as stream:
        return [json.loads(line) for line in io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(stream))]


def windows(data: Path, n_chars: int) -> list[tuple[str, str]]:
    """(language, text) of up to ten pieces of each declaration in a major language."""
    found = []
    for row in rows(data, "udhr-first-half.jsonl.zst"):
        language = row["bcp47"].partition("-")[0]
        if language in MAJOR.split() and row["bcp47"] != "vi-Hani":
            text = row["text"]
            starts = range(0, max(1, len(text) - n_chars), max(n_chars, len(text) // 10))
            found += [(RENAMED.get(language, language), text[start : start + n_chars]) for start in starts]
    return found


def rate(gold: list[str], texts: list[str], plan: LanguagePlan, column: str = "language") -> float:
    found = identify(pa.array(texts), plan)[column].to_pylist()
    return float(np.mean([language in name.split("+") for language, name in zip(gold, found, strict=True)]))


@pytest.mark.parametrize(
    ("n_chars", "floor", "group_floor"), [(50, 0.93, 0.97), (200, 0.98, 0.995), (1000, 0.985, 0.995)]
)
def test_major_languages_are_found(shared_data: Path, n_chars: int, floor: float, group_floor: float) -> None:
    gold, texts = map(list, zip(*windows(shared_data, n_chars), strict=True))
    assert len(texts) > 400
    assert rate(gold, texts, PLAN) >= floor
    assert rate(gold, texts, PLAN, "language_group") >= group_floor
    assert rate(gold, texts, replace(PLAN, han_spacing=True)) >= floor


def test_capitals_cost_nothing_when_they_are_folded_and_a_third_when_not(shared_data: Path) -> None:
    gold, texts = map(list, zip(*windows(shared_data, 200), strict=True))
    capitals = [text.upper() for text in texts]
    assert rate(gold, capitals, PLAN) >= 0.98
    assert rate(gold, capitals, replace(PLAN, fold_capitals=False)) < 0.65


def test_han_spacing_finds_the_chinese_of_poems(shared_data: Path) -> None:
    """The first half are ci of the Song in simplified characters, the second Tang poems in traditional ones."""
    texts = [row["text"] for row in rows(shared_data, "zh-poetry.jsonl.zst")]
    spaced = replace(PLAN, han_spacing=True)
    for poems, plain_ceiling, floor in ((texts[:6000], 0.80, 0.98), (texts[6000:], 0.74, 0.999)):
        gold = ["zh"] * len(poems)
        assert rate(gold, poems, PLAN) < plain_ceiling, "or the option is no longer needed"
        assert rate(gold, poems, spaced) >= floor
