"""Ids, beside those that Hugging Face gives for the same merges, and the way back."""

import random
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from bpe_oracle import SENTENCES, TEXTS, column, learn, shared_texts
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tokenizers import Tokenizer

from udfs.bpe_encode import Encoder
from udfs.bpe_files import tokenizer_files
from udfs.errors import InputError
from udfs.strings import Strings, strings

CONTROL = {"bos": "<|begin|>", "eos": "<|endoftext|>", "pad": "[PAD]"}
LETTERS = "etaoinshrdlucmfwypvbgkjqxz"


@cache
def merges() -> NDArray[np.int32]:
    return learn([*SENTENCES * 2, "a" * 40, " " * 70, "\n" * 20, "endoftext begin PAD"], 1200)


@cache
def encoder() -> Encoder:
    return Encoder(merges())


def hugging_face(merges: NDArray[np.int32], name: str = "tokenizer.plain.json") -> Tokenizer:
    return Tokenizer.from_str(tokenizer_files(merges, CONTROL)[name].decode())


def ids_of(encoder: Encoder, texts: list[str]) -> list[list[int]]:
    ids, offsets = encoder.encode(column(texts))
    assert (ids.dtype, offsets.dtype) == (np.int32, np.int64)
    return [ids[a:b].tolist() for a, b in pairwise(offsets)]


def expected(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    return [encoding.ids for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]


@settings(max_examples=300)
@given(
    st.lists(TEXTS, max_size=4).map(lambda texts: [*texts, *texts, SENTENCES[0]])
)  # the last bytes are never looked up
@example(SENTENCES)
def test_ids_are_those_of_hugging_face_and_decode_to_the_text(texts: list[str]) -> None:
    assert ids_of(encoder(), texts) == expected(hugging_face_plain(), texts)
    ids, _ = encoder().encode(column(texts))
    assert encoder().decode(ids) == "".join(texts).encode()


@cache
def hugging_face_plain() -> Tokenizer:
    return hugging_face(merges())


@settings(max_examples=100)
@given(st.lists(st.text("ab", max_size=30), min_size=1, max_size=8), st.lists(st.text("ab", max_size=120), max_size=4))
def test_any_merges_are_applied_as_hugging_face_applies_them_to_short_and_long_words(
    corpus: list[str], texts: list[str]
) -> None:
    learnt = learn(corpus, 300)
    assert ids_of(Encoder(learnt, 8), texts) == expected(hugging_face(learnt), texts)


@pytest.mark.parametrize("n_chars", [100_000, pytest.param(None, marks=pytest.mark.slow)])
def test_ids_of_real_texts_are_those_of_hugging_face(shared_data: Path, n_chars: int | None) -> None:
    learnt = learn(shared_texts(shared_data, 300_000), 8000)
    tokenizer, encoder = hugging_face(learnt), Encoder(learnt)
    for text in shared_texts(shared_data, n_chars):
        lines = text.splitlines(keepends=True)
        texts = ["".join(lines[i : i + 100]) for i in range(0, len(lines), 100)]
        assert ids_of(encoder, texts) == expected(tokenizer, texts)
        assert encoder.decode(encoder.encode(column(texts)).ids) == text.encode()


@pytest.mark.parametrize("cache_slots", [1, 2, 64])
def test_what_is_remembered_does_not_change_ids(cache_slots: int) -> None:
    rng = random.Random(0)
    texts = [" ".join(rng.choices(" ".join(SENTENCES).split(" "), k=200)) for _ in range(20)]
    small = Encoder(merges(), cache_slots)
    assert ids_of(small, texts) == ids_of(Encoder(merges()), texts) == ids_of(small, texts)


@pytest.mark.parametrize(
    "text",
    [
        *CONTROL.values(),
        *(" <|endoftext|>", "a<|endoftext|>b", "<|endoftext|><|endoftext|>", "<|ENDOFTEXT|>", "<| endoftext |>"),
        *("<|endof", "text|>", "[PAD]\n", "\n[PAD]", "<|begin|>\r\n", "[PAD][PAD]", "&lt;|endoftext|&gt;"),
    ],
)
def test_the_spelling_of_a_control_token_is_text(text: str) -> None:
    [ids] = ids_of(encoder(), [text])
    assert max(ids) < 256 + len(merges())
    assert [ids] == expected(hugging_face_plain(), [text])
    assert encoder().decode(np.array(ids)) == text.encode()


def test_readers_of_tokenizer_json_take_the_spelling_for_the_token() -> None:
    """Which is why text is never encoded with that file."""
    with_control = hugging_face(merges(), "tokenizer.json")
    assert expected(with_control, ["<|endoftext|>"]) == [[256 + len(merges()) + 1]]


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "".join(random.Random(0).choices(LETTERS, k=1_000_000)),
        "".join(random.Random(1).choices("水车在河边转动磨坊主麦子", k=300_000)),
        " " * 1_000_000,
        " " * 999_999 + "x",
        "\n" * 300_000,
        "!" * 300_000,
    ],
    ids=["one letter", "letters", "han", "spaces", "spaces and a letter", "line ends", "exclamation marks"],
)
def test_a_word_of_a_million_bytes_is_encoded_as_by_hugging_face(text: str) -> None:
    assert ids_of(encoder(), [text]) == expected(hugging_face_plain(), [text])


@given(st.lists(st.binary(max_size=80), max_size=5))
def test_bytes_that_are_no_utf8_come_back_too(rows: list[bytes]) -> None:
    ids, offsets = encoder().encode(strings(pa.array(rows, pa.binary())))
    assert [encoder().decode(ids[a:b]) for a, b in pairwise(offsets)] == rows


def test_a_slice_of_a_column_is_encoded_without_what_stands_beside_it() -> None:
    rows = pa.array(["left out", None, "the mill", "", "out"])[1:4]
    ids, offsets = encoder().encode(strings(rows))
    assert [encoder().decode(ids[a:b]) for a, b in pairwise(offsets)] == [b"", b"the mill", b""]


def test_without_merges_every_byte_is_a_token() -> None:
    bare = Encoder(np.empty((0, 2), np.int32))
    assert ids_of(bare, ["!a ", ""]) == [[0, 64, 220], []]
    assert ids_of(bare, []) == []
    assert bare.decode(np.array([0, 64, 220])) == b"!a "


@pytest.mark.parametrize("wrong", [-1, 256 + 3])
def test_an_id_that_no_text_has_is_refused(wrong: int) -> None:
    with pytest.raises(ValueError, match="those of text are 0 to 258"):
        Encoder(learn(["abcd"], 300)).decode(np.array([0, wrong]))


def test_a_text_of_two_gigabytes_is_refused() -> None:
    with pytest.raises(InputError, match="a text of 2,147,483,648 bytes"):
        encoder().encode(Strings(np.empty(0, np.uint8), np.array([0, 2**31])))


def test_a_cache_is_a_power_of_two() -> None:
    with pytest.raises(ValueError, match="power of two"):
        Encoder(merges(), 12)
