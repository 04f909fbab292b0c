"""The quality model's kernel against the same model in plain Python."""

import math

import fasttext
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.errors import InputError
from udfs.quality import QualityModel, load_model, lower_case, model_files, murmur3

N_FEATURES = 64
COEFFICIENTS = np.sin(np.arange(N_FEATURES) * 7.3)
MODEL = QualityModel(COEFFICIENTS, -0.25)
U32 = 0xFFFFFFFF
WORDS = st.sampled_from(["the", "The", "mill", "ΣΑΣ", "İx", "naïve", "中文", "", "a" * 70])
TEXTS = st.lists(
    st.one_of(st.text(), st.lists(WORDS).map(" ".join), st.text(" \t\n\x0b\x0c\r\x1c\x85\xa0ab")), min_size=1
)


def rotate(word: int, by: int) -> int:
    return (word << by | word >> (32 - by)) & U32


def plain_murmur3(data: bytes, seed: int = 42) -> int:
    """MurmurHash3 x86-32 as Appleby's reference has it."""
    h = seed
    for i in range(0, len(data), 4):
        word = rotate(int.from_bytes(data[i : i + 4], "little") * 0xCC9E2D51 & U32, 15) * 0x1B873593 & U32
        h ^= word
        if len(data) - i >= 4:
            h = (rotate(h, 13) * 5 + 0xE6546B64) & U32
    h ^= len(data)
    h = (h ^ h >> 16) * 0x85EBCA6B & U32
    h = (h ^ h >> 13) * 0xC2B2AE35 & U32
    return h ^ h >> 16


def plain_score(text: str) -> float:
    """Java's split at ASCII white space drops empty tokens at the end; of an empty text it makes one."""
    tokens = [""]
    for char in text.lower():
        if char in " \t\n\x0b\x0c\r":
            tokens.append("")
        else:
            tokens[-1] += char
    while len(tokens) > 1 and not tokens[-1]:
        tokens.pop()
    tokens = [] if text and tokens == [""] else tokens
    signed = [np.int32(np.uint32(plain_murmur3(token.encode()))) for token in tokens]
    margin = sum(COEFFICIENTS[int(one) % N_FEATURES] for one in signed)
    return 1 / (1 + math.exp(-(margin - 0.25)))


@given(st.binary(max_size=20))
def test_hashes_are_those_of_the_reference(data):
    assert murmur3(np.frombuffer(data, np.uint8), 0, len(data), 42) == plain_murmur3(data)


def test_hashes_are_those_of_known_vectors():
    """From the tables of Appleby's SMHasher, seed 0."""
    assert [plain_murmur3(data, 0) for data in (b"", b"test", b"Hello, world!")] == [0, 0xBA6BD213, 0xC0363E43]


@given(TEXTS)
def test_scores_are_those_of_plain_python(texts):
    assert MODEL.scores(pa.array(texts)) == pytest.approx([plain_score(text) for text in texts], abs=1e-12)


@given(st.text())
def test_lower_case_is_that_of_unicode(text):
    """Java's Locale.ROOT and Python follow the same tables of special casing."""
    assert lower_case(pa.array([text])).to_pylist() == [text.lower()]


def test_a_model_is_read_as_it_was_written(tmp_path):
    (tmp_path / "weights.npy").write_bytes(MODEL.to_bytes())
    (tmp_path / "model.json").write_text('{"kind": "logistic", "words": "cjk"}')
    loaded = load_model(str(tmp_path))
    assert isinstance(loaded, QualityModel)
    assert (loaded.coefficients.tolist(), loaded.intercept, loaded.words) == (COEFFICIENTS.tolist(), -0.25, "cjk")


def test_with_cjk_each_character_of_an_unspaced_script_is_a_word():
    model = QualityModel(COEFFICIENTS, -0.25, "cjk")
    assert model.scores(pa.array(["中文 the", "中 文the"])).tolist() == pytest.approx([plain_score("中 文 the")] * 2)


def test_a_fasttext_model_scores_by_its_good_label(tmp_path):
    rows = [
        f"__label__{label} {text}"
        for label, text in (("hq", "a fine essay"), ("cc", "buy cheap now"))
        for _ in range(50)
    ]
    (tmp_path / "train.txt").write_text("\n".join(rows))
    options = {"dim": 4, "bucket": 10, "thread": 12, "verbose": 0, "epoch": 50}
    trained = fasttext.train_supervised(str(tmp_path / "train.txt"), **options)
    trained.save_model(str(tmp_path / "model.bin"))
    model = load_model(str(tmp_path / "model.bin"))
    good, bad, nothing = model.scores(pa.array(["a fine\nessay", "buy cheap now", ""])).tolist()
    assert good > 0.9 > 0.1 > bad
    labels, values = trained.predict("a fine essay", k=-1)
    assert good == pytest.approx(dict(zip(labels, values, strict=True))["__label__hq"], abs=1e-6)
    assert 0 <= nothing <= 1
    assert model.scores(pa.array([], pa.string())).tolist() == []


def test_a_fasttext_model_without_a_good_label_is_refused(tmp_path):
    (tmp_path / "train.txt").write_text("__label__en text\n__label__fr texte\n" * 20)
    trained = fasttext.train_supervised(str(tmp_path / "train.txt"), dim=4, bucket=10, thread=12, verbose=0)
    trained.save_model(str(tmp_path / "language.ftz"))
    with pytest.raises(InputError, match="none of its labels") as error:
        load_model(str(tmp_path / "language.ftz"))
    assert "hq, good" in error.value.hint


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(InputError, match=r"model\.json: no such file"):
        load_model(str(tmp_path / "nowhere"))


@pytest.mark.parametrize("card", ['{"words": "cjk"}', "[]", "{"])
def test_a_model_of_another_form_is_refused(tmp_path, card):
    (tmp_path / "model.json").write_text(card)
    for read in (load_model, model_files):
        with pytest.raises(InputError, match=r"model\.json: not the description") as error:
            read(str(tmp_path))
        assert "train the model again" in error.value.hint


def test_no_texts_have_no_scores():
    assert MODEL.scores(pa.array([], pa.string())).tolist() == []
