"""Merges, beside those of Hugging Face's trainer."""

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from bpe_oracle import SENTENCES, hugging_face, learn, shared_texts
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from udfs.bpe_files import tokenizer_json
from udfs.bpe_scan import count_words
from udfs.bpe_train import train
from udfs.bpe_vocabulary import byte_tokens, token_bytes
from udfs.errors import UsageError
from udfs.strings import Strings, strings

RUNS = st.tuples(st.sampled_from("abc"), st.integers(1, 9)).map(lambda run: run[0] * run[1])
TIES = st.lists(st.text("ab", max_size=12) | st.lists(RUNS, max_size=6).map("".join), min_size=1, max_size=12)
"""Texts of one word each, full of pairs that occur equally often and of runs of one letter."""


def learn_counts(counts: Mapping[str, int], vocab_size: int, min_count: int = 0) -> NDArray[np.int32]:
    words = strings(pa.array(list(counts), pa.string()))
    return train(words, np.array(list(counts.values()), np.int64), vocab_size, min_count)


def spelt(merges: NDArray[np.int32]) -> list[bytes]:
    """The tokens made, in order."""
    return token_bytes(merges)[256:]


def model(texts: list[str], vocab_size: int, min_count: int = 0) -> dict[str, object]:
    """What Hugging Face learns, as it saves it."""
    return json.loads(hugging_face(texts, vocab_size, min_count).to_str())["model"]


@settings(max_examples=150)
@given(TIES, st.sampled_from([257, 260, 300, 1000]))
def test_ties_and_runs_are_merged_as_hugging_face_merges_them(texts: list[str], vocab_size: int) -> None:
    assert tokenizer_json(learn(texts, vocab_size), [])["model"] == model(texts, vocab_size)


@settings(max_examples=50)
@given(TIES, st.integers(0, 5))
def test_rare_pairs_are_left_out_as_hugging_face_leaves_them_out(texts: list[str], min_count: int) -> None:
    counted = count_words(strings(pa.array(texts)), 100)
    merges = train(counted.words, counted.counts, 300, min_count)
    assert tokenizer_json(merges, [])["model"] == model(texts, 300, min_count)


def test_merges_and_vocabulary_of_many_scripts_are_those_of_hugging_face() -> None:
    texts = [sentence for i, sentence in enumerate(SENTENCES) for _ in range(i + 1)]
    assert tokenizer_json(learn(texts, 900), [])["model"] == model(texts, 900)


def test_merges_and_vocabulary_of_real_texts_are_those_of_hugging_face(shared_data: Path) -> None:
    texts = shared_texts(shared_data, 120_000)
    assert tokenizer_json(learn(texts, 6000), [])["model"] == model(texts, 6000)


def test_a_pair_is_counted_at_every_position_and_merged_from_the_left() -> None:
    assert spelt(learn_counts({"aaa": 2, "bc": 3}, 258)) == [b"aa", b"bc"]
    assert spelt(learn_counts({"aaaaa": 1}, 300)) == [b"aa", b"aaa", b"aaaaa"]


def test_of_pairs_that_occur_equally_often_that_of_the_smallest_ids_is_first() -> None:
    assert spelt(learn_counts({"zz": 1, " a": 1, "az": 1, "ab": 1}, 300)) == [b"ab", b"az", b"zz", b" a"]
    assert byte_tokens()[list(b"!a ")].tolist() == [0, 64, 220]


def test_counts_beyond_32_bits_are_counts() -> None:
    counts = {"ab": 5_000_000_000, "cd": 10_000_000_000, "xcd": 1}
    assert spelt(learn_counts(counts, 300)) == [b"cd", b"ab", b"xcd"]
    assert spelt(learn_counts(counts, 300, 5_000_000_001)) == [b"cd"]


def test_merges_depend_on_ratios_of_counts_and_not_on_the_order_of_words() -> None:
    counted = count_words(strings(pa.array(SENTENCES)), 100)
    merges = train(counted.words, counted.counts, 700)
    assert (train(counted.words, counted.counts << 40, 700) == merges).all()
    data, offsets = counted.words
    words = np.array([data[a:b].tobytes() for a, b in pairwise(offsets)], object)
    order = np.random.default_rng(0).permutation(len(words))
    shuffled = strings(pa.array(words[order], pa.binary()))
    assert (train(shuffled, counted.counts[order], 700) == merges).all()


@given(TIES)
def test_no_two_tokens_are_the_same_string_and_each_is_made_of_earlier_ones(texts: list[str]) -> None:
    merges = learn(texts, 2000)
    assert (merges.max(axis=1, initial=0) < np.arange(256, 256 + len(merges))).all()
    assert len(set(token_bytes(merges))) == 256 + len(merges)


def test_learning_ends_when_every_word_is_one_token() -> None:
    assert spelt(learn_counts({"ab": 1, "": 1, "c": 9}, 1000)) == [b"ab"]
    assert learn_counts({}, 1000).shape == (0, 2)
    assert learn_counts({"ab": 1}, 256).shape == (0, 2)


def test_words_that_are_a_slice_of_a_column_are_learnt_from_alone() -> None:
    words = strings(pa.array(["zzzz", "ab", "yyyy"])[1:2])
    assert spelt(train(words, np.array([1]), 300)) == [b"ab"]


def test_what_cannot_be_learnt_is_refused() -> None:
    with pytest.raises(UsageError, match="vocabulary of 255 tokens"):
        learn_counts({"ab": 1}, 255)
    with pytest.raises(UsageError, match="2,147,483,650 bytes of distinct words"):
        train(Strings(np.empty(0, np.uint8), np.array([0, 2**31])), np.array([1]), 300)
    with pytest.raises(ValueError, match="each 1 or more"):
        learn_counts({"ab": 0}, 300)
    with pytest.raises(ValueError, match="2 words need as many counts"):
        train(strings(pa.array(["a", "b"])), np.array([1]), 300)
