"""Words, lines, paragraphs and sentences of documents."""

import sys
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs.errors import UsageError
from udfs.spans import Spans
from udfs.text import Texts, hash_words
from udfs.unicode_classes import LETTER, PUNCTUATION


def texts_of(*documents: str | None, word_rule: str = "cjk") -> Texts:
    return Texts(pa.array(documents, pa.string()), word_rule)


def pieces(spans: Spans) -> list[list[Any]]:
    """The pieces of each document."""
    found = spans.arrow.to_pylist()
    return [found[start:end] for start, end in zip(spans.first, spans.first[1:], strict=False)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \n\u3000", []),
        ("Hello, wide\xa0world", ["Hello,", "wide", "world"]),
        ("你好，世界。OK", ["你", "好", "，", "世", "界", "。OK"]),
        ("カーか\u3099ABC々", ["カ", "ー", "か\u3099", "ABC", "々"]),
        ("ห้องน้ำ", ["ห้", "อ", "ง", "น้", "ำ"]),
        ("مرحبا بالعالم", ["مرحبا", "بالعالم"]),
        ("한국 사람", ["한국", "사람"]),
        ("e\u0301te\u0301 👍🏽 😀", ["e\u0301te\u0301", "👍🏽", "😀"]),
    ],
)
def test_words_of_cjk_are_letters_of_unspaced_scripts_and_what_stands_between(text: str, words: list[str]) -> None:
    assert pieces(texts_of(text).words) == [words]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(), max_size=4))
def test_words_of_whitespace_are_those_of_str_split(documents: list[str]) -> None:
    assert pieces(texts_of(*documents, word_rule="whitespace").words) == [text.split() for text in documents]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8") | st.sampled_from("\n\r \t\u3000a")), max_size=4))
def test_folded_texts_have_a_newline_between_words(documents: list[str]) -> None:
    data, offsets = texts_of(*documents).folded
    expected = ["\n".join(text.split()) for text in documents]
    assert [data[i:j].tobytes().decode() for i, j in pairwise(offsets)] == expected


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8") | st.sampled_from("\n\r \t\u3000a")), max_size=4))
def test_lines_are_trimmed_and_not_blank(documents: list[str]) -> None:
    expected = [[line.strip() for line in text.split("\n") if line.strip()] for text in documents]
    assert pieces(texts_of(*documents).lines) == expected


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(), max_size=4), st.sampled_from(["cjk", "whitespace"]))
def test_words_hold_every_character_that_is_no_white_space(documents: list[str], word_rule: str) -> None:
    texts = texts_of(*documents, word_rule=word_rule)
    assert ["".join(words) for words in pieces(texts.words)] == ["".join(text.split()) for text in documents]
    assert texts.words.n_chars.tolist() == [len(word) for words in pieces(texts.words) for word in words]
    assert texts.n_chars.tolist() == [len(text) for text in documents]


def test_a_word_rule_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="no word rule 'thai'; there are cjk, jieba, whitespace"):
        texts_of("", word_rule="thai")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("我们喜欢自然语言处理。", ["我们", "喜欢", "自然语言", "处理", "。"]),
        ("iPhone手机，v2 中国\n人民", ["iPhone", "手机", "，v2", "中国", "人民"]),
        ("他来到了网易杭研大厦", ["他", "来到", "了", "网易", "杭研", "大厦"]),  # 杭研 is in no dictionary
        ("カード 한국 \u3400中国", ["カード", "한국", "\u3400", "中国"]),
    ],
)
def test_words_of_jieba_are_chinese_words_and_what_stands_between(text: str, words: list[str]) -> None:
    pytest.importorskip("rjieba", reason="rjieba is not installed: pip install 'gristmill[jieba]'")
    assert pieces(texts_of("你好", text, word_rule="jieba").words) == [["你好"], words]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8") | st.sampled_from("中国人民大学生 a，\n")), max_size=4))
def test_words_of_jieba_hold_every_character_that_is_no_white_space(documents: list[str]) -> None:
    pytest.importorskip("rjieba", reason="rjieba is not installed: pip install 'gristmill[jieba]'")
    texts = texts_of(*documents, word_rule="jieba")
    assert ["".join(words) for words in pieces(texts.words)] == ["".join(text.split()) for text in documents]
    by_space = texts_of(*documents, word_rule="whitespace").words
    assert np.isin(by_space.start, texts.words.start).all(), "a word never goes over white space"
    assert texts.words_of_lines.tolist()[-1] == len(texts.words.start)


def test_without_jieba_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rjieba", None)
    with pytest.raises(UsageError) as error:
        _ = texts_of("你好", word_rule="jieba").words
    assert "gristmill[jieba]" in error.value.hint


def test_paragraphs_are_parted_by_blank_lines() -> None:
    texts = texts_of("\n\n one\ntwo\r\n \r\nthree\n\n\n", "", "four")
    assert pieces(texts.paragraphs) == [["one\ntwo", "three"], [], ["four"]]


@pytest.mark.parametrize(
    ("text", "n_sentences"),
    [
        *(("", 0), ("...", 0), ("😀", 0), ("One", 1), ("One. Two", 2), ("One.\nTwo.", 2), ("A heading\n\nA text.", 2)),
        *(
            ("Pi is 3.14, see example.com.", 1),
            ('He said "go." Then he went!', 2),
            ("Well... yes", 2),
            ("Dr. Smith", 2),
        ),
        *(("你好。你好！", 2), ("「你好。」他说。", 2), ("هل؟ نعم.", 2), ("क्या। हाँ।", 2)),
    ],
)
def test_sentences_end_at_marks_of_all_scripts_and_at_newlines(text: str, n_sentences: int) -> None:
    assert texts_of(text).n_sentences.tolist() == [n_sentences]


def test_sums_and_means_are_per_document() -> None:
    words = texts_of("a bb . ccc", None, "! ?").words
    assert words.sum(words.n_chars).tolist() == [7, 0, 2]
    assert words.sum(words.has_some(LETTER)).tolist() == [3, 0, 0]
    assert words.mean(words.has_only(PUNCTUATION)).tolist() == [0.25, 0, 1]


def test_words_of_lines_point_at_the_words_of_each_line() -> None:
    texts = texts_of("a b\n\nc", "", "世界")
    assert texts.words_of_lines.tolist() == [0, 2, 3, 5]


def test_repeats_are_found_from_the_left_and_do_not_overlap() -> None:
    words = texts_of("a b c a b c a b c", "a b c", "x x x x x").words
    assert [found.tolist() for found in words.repeats(3)] == [[2, 0, 1], [6, 0, 3]]
    assert [found.tolist() for found in words.repeats(2)] == [[3, 0, 2], [6, 0, 4]]
    assert [found.tolist() for found in words.repeats(20)] == [[0, 0, 0], [0, 0, 0]]


def test_of_runs_that_occur_as_often_the_first_is_the_top_run() -> None:
    words = texts_of("aa b c aa b c", "", "one", "long run run long run").words
    assert [found.tolist() for found in words.top_run(2)] == [[2, 0, 0, 2], [3, 0, 0, 7]]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abc"), max_size=30), max_size=4), st.integers(1, 6))
def test_top_runs_equal_a_count_of_tuples(documents: list[list[str]], n: int) -> None:
    count, _ = texts_of(*map(" ".join, documents)).words.top_run(n)
    for words, found in zip(documents, count, strict=True):
        runs = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
        assert found == max(map(runs.count, runs), default=0)


def test_hashes_of_words_are_those_of_the_words_alone() -> None:
    assert (texts_of("the 世界", "and").words.hashes == hash_words(["the", "世", "界", "and"])).all()


def test_counts_do_not_overlap_and_are_literal() -> None:
    assert texts_of("......", "a.b", "#\n#").count("...").tolist() == [2, 0, 0]
    assert texts_of("......", "a.b", "#\n#").count("\n").tolist() == [0, 0, 1]


def test_large_strings_slices_and_nulls_are_read_alike() -> None:
    column = pa.array(["skipped", None, "a b", "c"], pa.large_string()).slice(1, 2)
    texts = Texts(column)
    assert pieces(texts.words) == [[], ["a", "b"]]
    assert texts.arrow == pa.array(["", "a b"])
