"""Shingles against a second implementation in plain Python, and on hostile bytes."""

import codecs
import ctypes
import mmap
import re
import runpy
import string
import unicodedata
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs.errors import UsageError
from udfs.folding import BLANK, BREAK, CODE, DIGIT, IN_WORD, KIND_SHIFT, NOTHING, WORD, character_table
from udfs.shingles import BLOCK, TABLES, count_units, shingle_sets
from udfs.strings import Strings, strings
from udfs.unicode_classes import UNICODE_VERSION

ROOT = Path(__file__).resolve().parents[2]
GOLDEN, BASE, MODULUS = 0x9E3779B97F4A7C15, 0xD1342543DE82EF95, 2**64


def each_byte(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return "\ufffd" * (error.end - error.start), error.end


codecs.register_error("each byte", each_byte)
SPELT = {IN_WORD: "{}", DIGIT: "0", WORD: " {} ", BLANK: " ", NOTHING: "", BREAK: " "}


def units_of(text: str, unit: str) -> list[str]:
    """The units of a text, found by spelling it with spaces between them."""
    entries = [int(TABLES[unit]()[ord(char)]) for char in text]
    spelt = "".join(SPELT[entry >> KIND_SHIFT].format(chr(entry & CODE)) for entry in entries)
    return [word for word in re.sub("0+", "0", spelt).split(" ") if word]


def mix64(x: int) -> int:
    x ^= x >> 33
    x = x * 0xFF51AFD7ED558CCD % MODULUS
    x ^= x >> 33
    x = x * 0xC4CEB9FE1A85EC53 % MODULUS
    return x ^ x >> 33


def unit_hash(unit: str, alone: bool = False) -> int:
    """The hash of a word, or of a character that is a unit of its own."""
    if alone:
        return mix64(ord(unit) * GOLDEN % MODULUS)
    h = 0
    for part in re.findall(r"[\x00-\x7f]{1,8}|[^\x00-\x7f]", unit):
        number = int.from_bytes(part.encode(), "little")
        h = mix64(h ^ number) if part.isascii() else (h ^ ord(part)) * GOLDEN % MODULUS
    return h if unit[-1].isascii() else mix64(h)


def shingle_hash(units: list[int]) -> int:
    h = len(units)
    for unit in units:
        h = (h * BASE + unit) % MODULUS
    return mix64(h)


def shingles_of(text: str, unit: str, n: int) -> list[int]:
    hashes = [unit_hash(u, unit == "char") for u in units_of(text, unit)]
    if 0 < len(hashes) < n:
        return [shingle_hash(hashes)]
    return sorted({shingle_hash(hashes[i : i + n]) for i in range(len(hashes) - n + 1)})


def sets_of(texts: list[str] | list[bytes], unit: str = "word", n: int = 5) -> list[list[int]]:
    hashes, offsets = shingle_sets(strings(pa.array(texts)), unit, n)
    return [hashes[offsets[i] : offsets[i + 1]].tolist() for i in range(len(texts))]


ALPHABET = st.one_of(
    st.sampled_from("ab AB 01 ,._-\n\t\u00ad\u0301éÉßİı٣中文々カｶกา한글１！😀\u3000\ufeff\0"),
    st.characters(exclude_categories=["Cs"]),
)
UNITS = st.sampled_from(sorted(TABLES))
TEXTS = st.lists(st.text(ALPHABET, max_size=60), min_size=1, max_size=5)


@settings(deadline=None)
@given(TEXTS, UNITS, st.integers(1, 7))
def test_shingles_are_those_of_the_plain_python_reading(texts: list[str], unit: str, n: int) -> None:
    assert sets_of(texts, unit, n) == [shingles_of(text, unit, n) for text in texts]


APART = [" ", " ", "  ", ", ", ".\n", "-", "'", "\t", "\x1c", "\x7f", "—", "\u3000"]
DROPPED = ["\0", "\u00ad", "\u200d", "\ufeff", "\u0301"]
FOLDED = ["é", "É", "ß", "Ａ", "ｂ", "１", "٣", "中文", "か\u3099", "\u1112\u1161", "한", "😀"]
PIECES = st.one_of(
    st.text(string.ascii_letters, min_size=1, max_size=40),
    st.text(string.digits, min_size=1, max_size=4),
    st.sampled_from(APART),
    st.sampled_from(DROPPED + FOLDED),
    st.text(ALPHABET, max_size=8),
)


@settings(deadline=None, max_examples=300)
@given(st.lists(PIECES, max_size=80).map("".join), UNITS, st.sampled_from([1, 5]))
def test_words_read_in_blocks_are_those_of_the_plain_python_reading(text: str, unit: str, n: int) -> None:
    beside = "another text " * 6
    assert sets_of([text, beside], unit, n)[0] == shingles_of(text, unit, n)
    assert count_units(strings(pa.array([text, beside])), unit)[0] == len(units_of(text, unit))


@pytest.mark.parametrize("unit", TABLES)
def test_every_ascii_character_in_a_word_and_beside_one_is_what_the_table_says(unit: str) -> None:
    texts = [f"ab{c}cd {c} 12{c}34 {c}XY{c} " + "more words " * 7 for c in map(chr, range(0x80))]
    assert sets_of(texts, unit, 5) == [shingles_of(text, unit, 5) for text in texts]


@pytest.mark.parametrize("first", ["A", "ａ", "ä", "ß", "中", "1"])
def test_words_of_any_length_are_read_alike_wherever_they_stand_in_a_block(first: str) -> None:
    letters = first + string.ascii_letters
    texts = ["b " * (k // 2) + " " * (k % 2) + letters[:n] + " c" * 40 for k in range(66) for n in range(1, 41)]
    assert sets_of(texts, "word", 1) == [shingles_of(text, "word", 1) for text in texts]


@pytest.mark.parametrize("unit", TABLES)
@pytest.mark.parametrize("n_after", [0, 1, 7, 8, 63, 64, 71, 72, 100])
def test_a_text_is_read_alike_wherever_it_lies(unit: str, n_after: int) -> None:
    text = "Café Ａbc a12b7, 2024-11 " + "some more words of Latin; " * 4 + "中文 antidisestablishmentarianism9"
    expected = shingles_of(text, unit, 5)
    for n_before in range(66):
        data = np.frombuffer(b"x" * n_before + text.encode() + b"y" * n_after, np.uint8)
        bounds = np.array([n_before, data.size - n_after])
        assert shingle_sets(Strings(data, bounds), unit, 5).hashes.tolist() == expected


@pytest.mark.parametrize(
    "spellings",
    [
        ["cafe abc", "café Ａbc", "CAFE\u0301 a\u00adbc", "c\0afe ａｂｃ"],
        ["internationalisation", "ïnternationalisation", "internatiônalisation", "INTERNATIONALISATIOŃ"],
        ["a0b", "a7b", "a12b", "a1\u00ad2b", "á123b", "A１٣B"],
        ["0", "7", "123", "１", "٣", "1\u00ad2"],
    ],
)
def test_spellings_of_one_word_have_one_hash(spellings: list[str]) -> None:
    sets = sets_of([word + " " + "x " * 40 for word in spellings], "word", 1)
    assert sets == [sets[0]] * len(spellings)


def test_different_words_have_different_hashes() -> None:
    letters = ["a", "b", "ß", "慡", "가", "0"]  # 慡 is U+6161, and "aa" the bytes 61 61
    words = {"".join(word) for n in (1, 2, 3, 4) for word in product(letters, repeat=n)}
    words |= {"x" * n + end for n in range(33) for end in ("", "a", "b", "ß", "ß" * 2, "0")} - {""}
    words |= {"".join(word) for word in product("abcdefgh", ["xxxxxxx"], "abcdefgh", ["yyyyyyy"], "abcdefgh")}
    words = {unit for word in words for unit in units_of(word, "word")}
    assert len(sets_of([" ".join(words)], "word", 1)[0]) == len(words)


def test_nothing_is_read_behind_the_data() -> None:
    """The page behind it may not be read: whoever does ends the interpreter."""
    page = mmap.PAGESIZE
    memory = mmap.mmap(-1, 2 * page)
    behind = ctypes.addressof(ctypes.c_char.from_buffer(memory)) + page
    assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(behind), ctypes.c_size_t(page), 0) == 0
    text = ("a bc 12 é " * 20).encode()
    for size in range(len(text)):
        memory[page - size : page] = text[:size]
        data = np.frombuffer(memory, np.uint8)[page - size : page]
        data.flags.writeable = False
        assert shingle_sets(Strings(data, np.array([0, size])), "word", 5).hashes.tolist() == sets_of([text[:size]])[0]


ILL_FORMED = [
    "c0af",
    "e08080",
    "eda080",
    "f0808080",
    "f4908080",
    "f8",
    "e4b8",
    "f09f98",
    "80",
    "e4b8ad",
    "f09f9880",
    "61",
]
BYTES = st.lists(
    st.sampled_from(ILL_FORMED).map(bytes.fromhex) | st.binary(max_size=4) | PIECES.map(str.encode), max_size=30
).map(b"".join)


@settings(deadline=None)
@given(st.lists(BYTES, min_size=1, max_size=5), UNITS)
def test_a_byte_that_is_not_utf8_is_one_replacement_character(texts: list[bytes], unit: str) -> None:
    decoded = [text.decode("utf-8", "each byte") for text in texts]
    assert sets_of(texts, unit, 3) == sets_of(decoded, unit, 3)


@settings(deadline=None)
@given(BYTES, BYTES, UNITS)
def test_what_stands_beside_a_text_does_not_matter(text: bytes, beside: bytes, unit: str) -> None:
    data = np.frombuffer(beside + text + beside, np.uint8)
    bounds = np.array([len(beside), len(beside) + len(text)])
    assert shingle_sets(Strings(data, bounds), unit).hashes.tolist() == sets_of([text], unit)[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The Quick, brown  fox!", ["the", "quick", "brown", "fox"]),
        ("don't e-mail snake_case", ["don", "t", "e", "mail", "snake", "case"]),
        ("call 555-0199 or 2024-01-31, room B12a7", ["call", "0", "0", "or", "0", "0", "0", "room", "b0a0"]),
        ("Été ÉTÉ E\u0301te\u0301", ["ete", "ete", "ete"]),
        ("ＡＢＣ１２ ｶﾅ", ["abc0", "カ", "ナ"]),
        ("我爱Python3编程。", ["我", "爱", "python0", "编", "程"]),
        ("ひらがなと한국어 글", ["ひ", "ら", "か", "な", "と", "한국어", "글"]),
        ("ΟΔΟΣ οδος, ДОМ дом", ["οδοσ", "οδοσ", "дом", "дом"]),
        ("soft\u00adhyphen zero\u200dwidth", ["softhyphen", "zerowidth"]),
        ("٣٤ १२ 7", ["0", "0", "0"]),
        (" ,.!😀 ", []),
    ],
)
def test_words_are_read_as_stated(text: str, words: list[str]) -> None:
    assert units_of(text, "word") == words
    assert sets_of([text], n=1) == [sorted({shingle_hash([unit_hash(w)]) for w in words})]


def test_characters_keep_punctuation_and_digits_and_lose_white_space() -> None:
    assert sets_of(["A b,\n22 ！"], "char", 1) == [sorted(shingle_hash([unit_hash(c, alone=True)]) for c in "ab,2!")]


def test_a_text_of_fewer_units_than_n_has_one_shingle_of_them_all() -> None:
    few, same, other, none = sets_of(["one two", "One, two!", "one two three", "..."])
    assert few == same != other
    assert [len(few), len(other), len(none)] == [1, 1, 0]


def test_null_and_empty_texts_have_empty_sets_and_slices_are_respected() -> None:
    column = pa.chunked_array([pa.array(["out", "a b", None]), pa.array(["", "a b", "out"])]).slice(1, 4)
    hashes, offsets = shingle_sets(strings(column))
    assert offsets.tolist() == [0, 1, 1, 1, 2]
    assert hashes[0] == hashes[1]
    assert shingle_sets(strings(pa.array([], pa.string()))).offsets.tolist() == [0]


@pytest.mark.parametrize("n_units", [BLOCK - 2, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
@pytest.mark.parametrize("n", [1, 5, 256])
def test_no_shingle_is_lost_where_a_block_ends(n_units: int, n: int) -> None:
    words = " ".join(np.random.default_rng(n_units).choice(list(string.ascii_lowercase), n_units))
    assert sets_of([words + " ."], n=n) == [shingles_of(words, "word", n)]
    assert sets_of([words], "char", n) == [shingles_of(words.replace(" ", ""), "char", n)]


@pytest.mark.parametrize(
    ("text", "n_distinct"),
    [("x" * 2**20, 1), ("中" * 350_000, 1), (" " * 2**20, 0), ("\u0301" * 2**19, 0), ("a b c d e " * 10**5, 5)],
)
@pytest.mark.parametrize("unit", ["word", "char"])
def test_texts_of_a_megabyte_are_read_to_the_end(text: str, n_distinct: int, unit: str) -> None:
    alone, tail, both = sets_of([text, " v w x y z", text + " v w x y z"], unit)
    assert len(alone) == n_distinct
    assert set(tail) <= set(both)


@pytest.mark.parametrize(("unit", "n"), [("words", 5), ("word", 0), ("char", 257)])
def test_a_unit_or_length_that_does_not_exist_is_refused(unit: str, n: int) -> None:
    with pytest.raises(UsageError):
        shingle_sets(strings(pa.array(["a"])), unit, n)


def test_the_folding_table_is_the_one_that_its_script_makes() -> None:
    if unicodedata.unidata_version != UNICODE_VERSION:
        pytest.skip(f"this Python knows Unicode {unicodedata.unidata_version}, the table is of {UNICODE_VERSION}")
    made = runpy.run_path(str(ROOT / "scripts" / "make_folding.py"))["make_table"]()
    assert np.array_equal(character_table() & CODE, made)
