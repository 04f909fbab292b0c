"""Charsets: what is declared, what the bytes prove, what is guessed; on gold files and on any bytes."""

import codecs
import io
import re
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.charset import decode

RUSSIAN = "Привет, мир! Это страница на русском языке, довольно длинная для проверки. "
CHINESE = "这是一个用来测试字符编码的中文网页，它有足够多的汉字。"


def page(text: str, charset: str = "") -> str:
    return f'<html><head><meta charset="{charset}"></head><body>{text}</body></html>'


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_wins(codec: str) -> None:
    found = decode(page(CHINESE, "gb2312").encode(codec), "iso-8859-1")
    assert (found.text, found.origin, found.n_bad) == (page(CHINESE, "gb2312"), "bom", 0)


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_known_without_a_mark(codec: str) -> None:
    found = decode(page(CHINESE).encode(codec), "utf-8")
    assert (found.text, found.charset, found.origin) == (page(CHINESE), codec, "bytes")


def test_valid_utf_8_wins_over_what_is_declared() -> None:
    found = decode(page(CHINESE, "gb2312").encode(), "windows-1251")
    assert (found.text, found.charset, found.origin) == (page(CHINESE, "gb2312"), "utf-8", "bytes")


def test_utf_8_with_a_few_bad_bytes_is_still_utf_8() -> None:
    data = page(CHINESE * 3).encode()
    found = decode(data[:200] + b"\xff" + data[200:], "gb2312")
    assert (found.charset, found.n_bad <= 4) == ("utf-8", True)


def test_the_http_header_wins_over_meta_and_meta_over_detection() -> None:
    data = page(RUSSIAN, "koi8-r").encode("cp1251")
    assert decode(data, "windows-1251").text == page(RUSSIAN, "koi8-r")
    assert decode(data, "windows-1251").origin == "http"
    assert (decode(data).charset, decode(data).origin) == ("koi8-r", "meta")
    assert (decode(page(RUSSIAN).encode("cp1251")).charset, decode(page(RUSSIAN).encode("cp1251")).origin) == (
        "cp1251",
        "detected",
    )


def test_a_declared_charset_in_which_the_bytes_are_invalid_is_passed_over() -> None:
    data = page(CHINESE * 5, "gbk").encode("gbk")
    assert (decode(data, "utf-8").text, decode(data, "utf-8").origin) == (page(CHINESE * 5, "gbk"), "meta")


@pytest.mark.parametrize("label", ["GB2312", "x-gbk", "gb_2312-80"])
def test_labels_mean_what_browsers_take_them_to_mean(label: str) -> None:
    assert decode("囍榮€".encode("gb18030") * 20, label).text == "囍榮€" * 20


@pytest.mark.parametrize(
    "label", ["utf-16", "unicode_escape", "rot13", "idna", "utf-7", "no such charset", "\x00", "é" * 99]
)
def test_labels_that_are_not_for_the_web_are_passed_over(label: str) -> None:
    found = decode(page("plain ASCII", label).encode(), label)
    assert (found.text, found.n_bad) == (page("plain ASCII", label).replace("\0", ""), 0)


def test_iso_2022_jp_is_seven_bits_and_needs_its_label_or_its_escapes() -> None:
    data = ("日本語のページです。" * 5).encode("iso2022_jp")
    assert decode(data, "ISO-2022-JP").text == decode(data).text == "日本語のページです。" * 5


def test_nuls_are_removed() -> None:
    assert decode(b"a\0b" + "é".encode(), "utf-8").text == "abé"


LABELS = ["", "utf-8", "gb18030", "big5", "shift_jis", "euc-kr", "iso-2022-jp", "utf-16", "windows-1255", "x"]


@given(st.binary(max_size=400), st.sampled_from(LABELS))
def test_any_bytes_make_text_that_utf_8_can_hold(data: bytes, label: str) -> None:
    found = decode(data, label)
    assert found.text.encode("utf-8").decode("utf-8") == found.text
    assert "\0" not in found.text
    assert decode(data, label) == found


DECLARATION = re.compile(rb"(encoding|charset)\s*=\s*[\"']?[-\w]+", re.IGNORECASE)
SAME = str.maketrans(
    {"\u2014": "\u2015", "\u00b7": "\u30fb", "\uff5e": "\u301c", "\u2225": "\u2016", "\uff0d": "\u2212"}
)


def gold(folder: str) -> str:
    """The Python codec of a folder like windows-1251-russian; "" for one that Python does not have."""
    while folder:
        try:
            return codecs.lookup(folder).name
        except LookupError:
            folder = folder.rpartition("-")[0]
    return ""


def n_right(files: dict[str, list[bytes]], is_declared: bool) -> int:
    right = 0
    for folder, pages in files.items():
        for data in pages if gold(folder) else []:
            text = decode(data if is_declared else DECLARATION.sub(b"", data)).text
            whole = (data if is_declared else DECLARATION.sub(b"", data)).decode(gold(folder), "replace")
            right += text.translate(SAME) == whole.lstrip("\ufeff").replace("\0", "").translate(SAME)
    return right


def test_the_gold_files_are_decoded_as_well_as_ever(shared_data: Path) -> None:
    """Of 200. Wrong are Johab (2), which no browser knows, EUC-JP of 35 characters, single signs of three others."""
    files: dict[str, list[bytes]] = {}
    with tarfile.open(shared_data / "charsets/charsets.tar.gz") as archive:
        for member in archive.getmembers():
            if member.isfile():
                content = archive.extractfile(member)
                files.setdefault(member.name.split("/")[-2], []).append((content or io.BytesIO()).read())
    assert sum(len(pages) for folder, pages in files.items() if gold(folder)) == 200
    assert n_right(files, is_declared=False) >= 193
    assert n_right(files, is_declared=True) >= 191
