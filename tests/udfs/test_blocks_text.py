"""Character references as `html.unescape` reads them."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.blocks_text import plain, unescape

PARTS = ["&", "#", "x", "X", ";", "amp", "lt", "copy", "notit", "NotEqualTilde", "0", "00", "9", "65", "d800", "110000"]


@given(st.lists(st.sampled_from([*PARTS, "a", " ", "\u6f22", "1114112", "ffff", "80"]), max_size=25).map("".join))
def test_references_are_read_as_the_standard_library_reads_them(text: str) -> None:
    assert unescape(text) == html.unescape(text)


@pytest.mark.parametrize("digits", ["9" * 5000, "x" + "f" * 5000, "9" * 1_000_000])
def test_numbers_without_end_are_one_replacement_character(digits: str) -> None:
    """html.unescape raises ValueError for decimal numbers of more than 4,300 digits."""
    assert unescape(f"a&#{digits};b") == "a\ufffdb"
    assert unescape(f"&#{'0' * 5000}65;") == "A"


@given(st.binary())
def test_plain_text_is_one_line_of_characters_that_are_seen(raw: bytes) -> None:
    text = plain(raw)
    text.encode()
    assert " ".join(text.split()) == text
    assert not {"\0", "\n", "\u00ad", "\u200b"} & set(text)
