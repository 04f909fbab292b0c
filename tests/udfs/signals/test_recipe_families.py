"""Values worked out by hand for the signals of DCLM, RedPajama-v2, CCNet, ChineseWebText, MAP-NEO, HPLT, FineWeb-2."""

from collections.abc import Callable

import pyarrow as pa
import pytest

from udfs.edits import Edits, edit
from udfs.signals import ccnet, chinesewebtext, coverage, dclm, fineweb2, hplt, map_neo, redpajama2, script
from udfs.signals.batch import Batch, WordLists
from udfs.spans import Floats
from udfs.text import Texts

PHRASE = "a b c d e f a b c d e x"
LINES = "one\n\ntwo\none\n"
LISTS = WordLists(("damn", "go away", "性"), {"en": ("the", "of"), "zh": ("的", "我们")}, "們國")
DCLM_LINES = Edits(False, None, False, 2, False, False, urls=True, max_uppercase=0.5, counters=True, phrases=True)
CHANT = "天地玄黄宇宙洪荒日月盈昃辰宿列张"


def texts_of(text: str) -> Texts:
    return Texts(pa.array([text]), "whitespace")


def batch_of(text: str, language: str = "en") -> Batch:
    raw = texts_of(text)
    return Batch(raw, edit(raw, None), pa.array([language]), LISTS)


@pytest.mark.parametrize(
    ("signal", "text", "value"),
    [
        *((coverage.duplicate_lines, LINES, 2 / 3), (coverage.duplicate_lines, "1\n2\n3\n4\n5\n6\n1", 2 / 7)),
        *((coverage.duplicate_lines, "one", 0), (coverage.duplicate_line_characters, LINES, 6 / 9)),
        (coverage.duplicate_paragraphs, "one\ntwo\n\none\ntwo\n \none", 2 / 3),
        *((coverage.top_2_gram, PHRASE, 4 / 12), (coverage.top_2_gram, "one two three", 0)),
        *((coverage.top_2_gram, "a b . a b cc dd cc dd", 8 / 12), (coverage.top_2_gram, "", 0)),
        *((coverage.duplicate_5_grams, PHRASE, 10 / 12), (coverage.duplicate_6_grams, PHRASE, 0)),
        (coverage.duplicate_5_grams, "a b c d e f " * 2, 1),
        *((ccnet.characters, "你好\n", 3), (ccnet.duplicate_lines, "Item 1!\nitem 2!\nitem， 3!\nother", 2 / 4)),
        *((hplt.words_per_line, "a b\n\nc", 3 / 2), (hplt.characters_per_line, "你好\n\n世", 3 / 2)),
        *((script.han, "天 a1", 1 / 2), (script.latin, "天 a1", 1 / 2), (script.kana, "カ゛かa", 2 / 3)),
        *((script.thai, "กา", 1), (script.arabic, "هل؟", 1), (script.hangul, "한국 ab", 1 / 2), (script.greek, "1", 0)),
        *((map_neo.characters, "Ａ b…", 5), (map_neo.bracket_characters, "【广告】天地", 4 / 6)),
        *((map_neo.hash_ratio, "## a #", 2 / 4), (map_neo.ellipsis_ratio, "天…地。。。。", 2 / 9)),
        *((map_neo.mean_word_length, "天，ａ—b cde!", (3 + 3) / 2), (map_neo.mean_word_length, "。", 0)),
        *((map_neo.digits, "１2天，", 2 / 3), (map_neo.read_more_lines, "点击展开\n天…\n地。", 2 / 3)),
        *((map_neo.bullet_lines, "• 天\n地", 1 / 2), (map_neo.punctuation, "天，地。", 2)),
        *((map_neo.distinct_characters, "天天 地", 2 / 3), (map_neo.character_entropy, "天地天地", 0.6931471805599453)),
        *(
            (map_neo.top_2_gram, "天地天地天地", 2 * 2 / 6),
            (map_neo.duplicate_5_grams, "天地玄黄宇" * 2 + "日", 5 / 11),
        ),
    ],
)
def test_signals_of_texts_have_the_values_worked_out_by_hand(
    signal: Callable[[Texts], Floats], text: str, value: float
) -> None:
    assert signal(texts_of(text)).tolist() == pytest.approx([value], rel=1e-12)


@pytest.mark.parametrize(
    ("signal", "text", "value"),
    [
        *((redpajama2.sentences, "One. Two? ... 3!", 3), (redpajama2.word_count, "Don't - stop!", 2)),
        *((redpajama2.mean_word_length, "Don't - stop!", 8 / 2), (redpajama2.unique_words, "A a, b", 2 / 3)),
        *((redpajama2.symbol_ratio, "# a... b…", 3 / 3), (redpajama2.no_alphabetic_words, "é a 1", 2 / 3)),
        *(
            (redpajama2.unigram_entropy, "a A b B", 0.6931471805599453),
            (redpajama2.all_caps_words, "NATO U2 Ab 7", 1 / 2),
        ),
        *((redpajama2.stop_words, "The cat of", 2 / 3), (redpajama2.top_2_gram, "A b, a b c", 4 / 5)),
        *((redpajama2.duplicate_5_grams, PHRASE.upper(), 10 / 12), (redpajama2.top_2_gram, "a b c", 0)),
        *((redpajama2.terminal_punctuation_lines, "a.\nb”\nc;", 2 / 3), (redpajama2.bullet_lines, "– a\nb", 1 / 2)),
        *(
            (redpajama2.words_per_line, "a b\n--\nc", 3 / 2),
            (redpajama2.javascript_words, "JavaScript, javascripts", 1),
        ),
        *((redpajama2.uppercase_characters, "AB cd", 2 / 5), (redpajama2.numerical_characters, "a-1 2\n3", 3 / 5)),
        *((redpajama2.lorem_ipsum, "Lorem Ipsum", 1 / 11), (redpajama2.curly_brackets, "{a}", 2 / 3)),
        *((redpajama2.bad_words, "Go away, damn! Damned.", 2), (redpajama2.ellipsis_lines, "a…\nb", 1 / 2)),
        *((chinesewebtext.characters, "天地\n", 3), (chinesewebtext.characters_per_line, "天地\n", 3 / 2)),
        *((chinesewebtext.han_characters, "天a\n", 1 / 3), (chinesewebtext.traditional_characters, "我們們", 2)),
        *(
            (chinesewebtext.bad_words_per_line, "性 性 damn\nx", 2 / 2),
            (chinesewebtext.duplicate_13_grams, "天" * 13, 0),
        ),
        *((chinesewebtext.duplicate_13_grams, CHANT * 2, 6 / 19), (chinesewebtext.duplicate_13_grams, "", 0)),
        (fineweb2.stop_words, "the The off of-", 1),
    ],
)
def test_signals_of_batches_have_the_values_worked_out_by_hand(
    signal: Callable[[Batch], Floats], text: str, value: float
) -> None:
    assert signal(batch_of(text)).tolist() == pytest.approx([value], rel=1e-12)


def test_map_neos_words_are_those_that_jieba_finds_without_punctuation() -> None:
    pytest.importorskip("rjieba", reason="rjieba is not installed: pip install 'gristmill[jieba]'")
    texts = Texts(pa.array(["我们，喜欢《自然语言处理》 a-b。"]), "jieba")
    assert map_neo.mean_word_length(texts).tolist() == [(2 + 2 + 4 + 2 + 2) / 5]


def test_stop_words_are_those_of_the_documents_language() -> None:
    assert fineweb2.stop_words(batch_of("the 我们的 of", "zh")).tolist() == [2]
    assert fineweb2.stop_words(batch_of("the 我们的 of", "de")).tolist() == [0]


CORRECTED = """NATO AND EU
12.5K views
alone
Read this Read more...
Items in cart
He met the ENVOY of the and THAT at www.example.com/a, they say."""


def test_dclm_corrects_lines_and_counts_the_words_that_went() -> None:
    edited = edit(texts_of(CORRECTED), DCLM_LINES)
    left = "Read this\nHe met the ENVOY of the and THAT at, they say."
    assert edited.texts.arrow.to_pylist() == [left]
    assert dclm.removed_words(edited).tolist() == [(24 - 13) / 24]
    assert dclm.stop_words(edited).tolist() == [5 + 1]
    assert dclm.symbol_ratio(edited).tolist() == [1 / 24]
    assert dclm.ellipsis_lines(edited).tolist() == [1 / 6]
    assert dclm.bullet_lines(edit(texts_of("● a b\n* c d\ne f"), DCLM_LINES)).tolist() == [2 / 3]
    assert dclm.mean_word_length(edit(texts_of("ab , c"), DCLM_LINES)).tolist() == [4 / 3]
