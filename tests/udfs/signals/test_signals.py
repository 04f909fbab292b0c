"""All signals at once: names, docstrings, and equality with plain Python on random texts."""

import gzip
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import plain_recipes
import plain_signals
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from udfs import signals
from udfs.edits import Edits, edit
from udfs.signals.batch import Batch, WordLists
from udfs.text import Texts

BAD_WORDS = ("damn", "性")
STOP_WORDS = ("the", "of", "か", "世界", "국")
FAMILIES = [family for family in signals.FAMILIES if family not in ("pii", "perplexity")]
"""Those with a twin in plain Python here; the others have tests of their own: test_pii.py, test_perplexity.py."""
LISTS = WordLists(BAD_WORDS, {"en": STOP_WORDS}, "界世")
EDITS = st.builds(
    Edits,
    citations=st.booleans(),
    max_word_length=st.sampled_from([1000, 5, 0, None]),
    terminal_punctuation=st.booleans(),
    min_words_per_line=st.sampled_from([5, 3, 0, None]),
    javascript=st.booleans(),
    policy=st.booleans(),
    bad_words=st.sampled_from([(), BAD_WORDS]),
    urls=st.booleans(),
    max_uppercase=st.sampled_from([None, 0.5]),
    numbers=st.booleans(),
    counters=st.booleans(),
    phrases=st.booleans(),
)


def measured(texts: list[str], edits: Edits | None, word_rule: str) -> list[dict[str, dict[str, float]]]:
    """document -> family -> signal -> value."""
    raw = Texts(pa.array(texts, pa.string()), word_rule)
    languages = pa.array(["en" if i % 2 == 0 else "und" for i in range(len(texts))], pa.string())
    values = signals.measure(Batch(raw, edit(raw, edits), languages, LISTS), FAMILIES)
    return [
        {family: {name: found[i] for name, found in values[family].items()} for family in values}
        for i in range(len(texts))
    ]


def flat(families: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {f"{family}.{name}": value for family, named in families.items() for name, value in named.items()}


def assert_close(found: Sequence[Any], wanted: Sequence[Any]) -> None:
    """Equal but for the last bits of sums of logarithms."""
    for families, twins in zip(found, wanted, strict=True):
        assert flat(families) == pytest.approx(flat(twins), rel=1e-11, abs=1e-11)


def expected_of(texts: list[str], edits: Edits, word_rule: str) -> list[dict[str, Mapping[str, float]]]:
    """As `measured`, where documents are taken for English and for undetermined in turn."""
    return [expected(text, edits, word_rule, "und" if i % 2 else "en") for i, text in enumerate(texts)]


def expected(text: str, edits: Edits, word_rule: str, language: str = "en") -> dict[str, Mapping[str, float]]:
    edited, c4 = plain_signals.c4(text, edits, word_rule)
    judged = plain_signals.judged_text(text, edits)
    spoken = STOP_WORDS if language == "en" else ()
    return {
        **plain_recipes.families(text, judged, edited, word_rule, BAD_WORDS, spoken, LISTS.traditional),
        "gopher": plain_signals.gopher(text, word_rule),
        "repetition": plain_signals.repetition(text, word_rule),
        "c4": c4,
        "fineweb": plain_signals.fineweb(edited, word_rule),
    }


@settings(max_examples=200, deadline=None)
@given(st.lists(plain_signals.TEXTS, max_size=4), EDITS, st.sampled_from(["cjk", "whitespace"]))
@example(["damn性a"], Edits(), "cjk")
def test_every_signal_equals_its_definition_in_plain_python(texts: list[str], edits: Edits, word_rule: str) -> None:
    assert_close(measured(texts, edits, word_rule), expected_of(texts, edits, word_rule))


@pytest.mark.parametrize(
    ("file", "field"), [("shards/c4-en.jsonl.gz", "text"), ("posttrain/alpaca_zh_demo.jsonl.gz", "output")]
)
def test_every_signal_equals_its_definition_on_real_texts(shared_data: Path, file: str, field: str) -> None:
    with gzip.open(shared_data / file, "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)[field] for line in lines]
    assert_close(measured(texts, Edits(), "cjk"), expected_of(texts, Edits(), "cjk"))


@pytest.mark.parametrize("text", ["", " \n\t\n", "\n", "。", "word", "#", "😀", "\u200b"])
def test_texts_of_almost_nothing_have_finite_signals(text: str) -> None:
    [families] = measured([text], Edits(), "cjk")
    assert all(np.isfinite(value) for family in families.values() for value in family.values())


def test_an_empty_batch_has_signals_of_length_zero() -> None:
    raw = Texts(pa.array([], pa.string()))
    families = signals.measure(Batch(raw, edit(raw, Edits(bad_words=BAD_WORDS)), lists=LISTS), signals.FAMILIES)
    assert all(
        len(values) == 0 and values.dtype == np.float64 for family in families.values() for values in family.values()
    )


@settings(max_examples=50, deadline=None)
@given(st.lists(plain_signals.TEXTS, min_size=3, max_size=6))
def test_slices_and_chunks_measure_as_the_documents_alone(texts: list[str]) -> None:
    column = pa.chunked_array([pa.array(["before", *texts[:1]]), pa.array(texts[1:])])
    raw = Texts(column.slice(1))
    languages = pa.array(["en", "und"] * len(texts), pa.string())
    together = signals.measure(Batch(raw, edit(raw, Edits()), languages[: len(texts)], LISTS), FAMILIES)
    alone = measured(texts, Edits(), "cjk")
    for i in range(len(texts)):
        assert {family: {name: v[i] for name, v in values.items()} for family, values in together.items()} == alone[i]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=30), min_size=1, max_size=4))
def test_invalid_bytes_are_measured_without_a_look_at_their_neighbours(blobs: list[bytes]) -> None:
    def measure(column: pa.Array) -> dict[str, np.ndarray]:
        raw = Texts(column)
        return {
            "chars": raw.words.n_chars,
            "hashes": raw.words.hashes,
            "lines": raw.lines.n_chars,
            "sentences": raw.n_sentences,
        }

    together = measure(pa.array([*blobs, b"\x80" * 8], pa.binary()).slice(0, len(blobs)))
    alone = [measure(pa.array([blob], pa.binary())) for blob in blobs]
    for name, values in together.items():
        assert values.tolist() == [value for found in alone for value in found[name].tolist()]


@pytest.mark.parametrize("family", signals.FAMILIES)
def test_every_signal_has_a_docstring_with_a_source_and_a_plain_twin(family: str) -> None:
    module = import_module(f"udfs.signals.{family}")
    if family in FAMILIES:
        assert set(signals.names(family)) == set(expected("", Edits(), "cjk")[family])
    assert re.search(r"arXiv|JMLR", module.__doc__ or "")
    sources = (
        "A1|c4_utils|C4|FineWeb|DCLM|RedPajama|CCNet|ChineseWebText|MAP-NEO|HPLT|Unicode|GB 11643|ISO/IEC 7812|E.164"
    )
    for name in signals.names(family):
        assert re.search(sources, inspect.getdoc(getattr(module, name)) or ""), name


def test_names_are_found_without_loading_kernels() -> None:
    code = "import sys; from udfs import signals; signals.names('gopher'); sys.exit('numba' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_edits_the_text_stays_as_it_is() -> None:
    raw = Texts(pa.array([" a [1]\n\n b "]))
    edited = edit(raw, None)
    assert edited.texts.arrow.to_pylist() == [" a [1]\n\n b "]
    assert signals.measure(Batch(raw, edited))["c4"]["dropped_for_few_words"].tolist() == [0.0]
