"""Pre-tokens and their counts, as Hugging Face's split has them."""

import runpy
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from bpe_oracle import SPLIT, TEXTS, column, shared_texts
from hypothesis import example, given, settings
from hypothesis import strategies as st

from udfs.bpe_scan import WordCounts, count_words
from udfs.strings import strings
from udfs.unicode_tokens import LETTER, NEWLINE, NUMBER, OTHER, SPACE, token_classes

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "make_token_classes.py"
NO_LIMIT = 1 << 30


def as_dict(counted: WordCounts) -> dict[bytes, int]:
    data, offsets = counted.words
    words = [data[a:b].tobytes() for a, b in pairwise(offsets)]
    return dict(zip(words, counted.counts.tolist(), strict=True))


def expected(texts: list[str]) -> dict[bytes, int]:
    return Counter(word.encode() for text in texts for word, _ in SPLIT.pre_tokenize_str(text))


def test_every_character_has_the_class_that_tokenizers_gives_it() -> None:
    assert (runpy.run_path(str(SCRIPT))["make_classes"]() == token_classes()).all()


@pytest.mark.parametrize(
    ("characters", "kind"),
    [
        ("aZª水ʰǅ\U0001e4d0", LETTER),
        ("1²Ⅷ٣", NUMBER),
        (" \t\x85\xa0\u2028", SPACE),
        ("\r\n", NEWLINE),
        ("_\0ु\x1c🌾", OTHER),
    ],
)
def test_characters_have_their_classes(characters: str, kind: int) -> None:
    assert {int(token_classes()[ord(character)]) for character in characters} == {kind}


@settings(max_examples=400)
@given(st.lists(TEXTS, max_size=3))
@example(["I'll say they'RE 'ſo 'we'd"])
@example(["a  b\n \n  c   ", " \t\r\n\r  !", "   ", " '\n\n"])
@example(["12345 ٣٤٥²6", "don't1'2's"])
def test_words_their_order_and_counts_are_those_of_hugging_face(texts: list[str]) -> None:
    assert list(as_dict(count_words(column(texts), NO_LIMIT)).items()) == list(expected(texts).items())


def test_words_of_real_texts_are_those_of_hugging_face(shared_data: Path) -> None:
    texts = shared_texts(shared_data, 100_000)
    assert as_dict(count_words(column(texts), NO_LIMIT)) == expected(texts)


@given(st.lists(st.binary(max_size=30) | st.sampled_from([b"\xf0\x9f\x8c", b"\xc5", b"'\xc5", b" \xe6"]), max_size=5))
def test_bytes_that_are_no_utf8_are_all_counted(rows: list[bytes]) -> None:
    counted = as_dict(count_words(strings(pa.array(rows, pa.binary())), NO_LIMIT))
    joined = b"".join(rows)
    assert sum(len(word) * n for word, n in counted.items()) == len(joined)
    assert all(word in joined for word in counted)


def test_a_slice_of_a_column_is_counted_without_what_stands_beside_it() -> None:
    rows = pa.array(["left out", None, "in in", "", "out"])[1:4]
    assert as_dict(count_words(strings(rows), NO_LIMIT)) == {b"in": 1, b" in": 1}


def test_words_longer_than_the_limit_are_left_out_and_their_mass_is_told() -> None:
    counted = count_words(column(["abcd abc 水水 水"]), 4)
    assert as_dict(counted) == {b"abcd": 1, b" abc": 1, " 水".encode(): 1}
    assert (counted.n_left_out, counted.bytes_left_out) == (1, 7)


def test_a_hundred_thousand_different_words_are_told_apart() -> None:
    words = ["".join(chr(97 + i // 26**k % 26) for k in range(4)) for i in range(100_000)]
    counted = count_words(column(["\n".join(words), "\n".join(words[::2])]), NO_LIMIT)
    found = as_dict(counted)
    assert len(found) == 100_001
    assert found.pop(b"\n") == 99_999 + 49_999
    assert list(found.values()) == [2, 1] * 50_000
    assert (counted.words.data.flags.writeable, counted.words.offsets.dtype, counted.counts.dtype) == (
        False,
        np.dtype(np.int64),
        np.dtype(np.int64),
    )


@pytest.mark.parametrize("run", ["a", " ", "\n", " \n", "'s", "!", "7", "水", "\u3000"])
def test_a_million_times_the_same_is_read_in_linear_time(run: str) -> None:
    text = run * 1_000_000 + "x"
    counted = count_words(column([text]), NO_LIMIT)
    assert int(np.diff(counted.words.offsets) @ counted.counts) == len(text.encode())


def test_no_text_has_no_words() -> None:
    assert as_dict(count_words(column([]), NO_LIMIT)) == {}
    assert as_dict(count_words(column(["", ""]), NO_LIMIT)) == {}
