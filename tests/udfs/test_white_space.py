"""White space is folded as str.split sees it, wherever the eight bytes begin that are looked at together."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs.strings import strings
from udfs.unicode_classes import SPACE, character_classes
from udfs.white_space import fold

ASCII_SPACES = [code for code in range(128) if character_classes()[code] & SPACE]
WIDE_SPACES = [code for code in range(128, 0x110000) if character_classes()[code] & SPACE]
NEIGHBOURS = "aé。ゆ€\u1681\u2010\U0001f600\0\x7f\x08\x0e\x1b!\xa1\x84\u3001"
"""Characters whose codes or bytes are near those of white space, of one to four bytes."""
CHARACTERS = st.sampled_from([*map(chr, ASCII_SPACES + WIDE_SPACES), *NEIGHBOURS])
STRETCHES = st.tuples(CHARACTERS, st.integers(1, 20)).map(lambda found: found[0] * found[1])
TEXTS = st.lists(STRETCHES | st.text("ab ", max_size=12) | st.text(max_size=12), max_size=8).map("".join)


def folded(column: pa.Array) -> list[bytes]:
    data, offsets = fold(*strings(column), character_classes())
    return [data[start:end].tobytes() for start, end in pairwise(offsets)]


def reference(texts: list[str | None]) -> list[bytes]:
    return ["\n".join((text or "").split()).encode() for text in texts]


@settings(max_examples=500, deadline=None)
@given(st.lists(st.none() | TEXTS, max_size=5), st.integers(0, 3))
def test_texts_are_folded_as_they_are_split(texts: list[str | None], n_before: int) -> None:
    column = pa.array([*["x "] * n_before, *texts, " y"], pa.string()).slice(n_before, len(texts))
    assert folded(column) == reference(texts)
    assert folded(column.cast(pa.large_string())) == reference(texts)


@pytest.mark.parametrize("n_before", range(9))
def test_every_character_is_white_space_or_none_at_every_place(n_before: int) -> None:
    codes = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    whole = "x" * n_before + "a".join(chr(code) * 2 for code in codes)
    assert folded(pa.array([whole])) == reference([whole])


@pytest.mark.parametrize("space", [" ", "\n", "\x1c", "\x85", "\xa0", "\u2003", "\u3000"])
def test_stretches_of_any_length_are_one_newline_and_none_at_the_ends(space: str) -> None:
    texts = [
        head + space * n + tail for n in range(1, 20) for head in ("", "abc", "é") for tail in ("", "d", "ü", "\u3001")
    ]
    assert folded(pa.array(texts)) == reference(texts)


def test_white_space_is_known_by_the_bytes_that_begin_it() -> None:
    assert [*range(9, 14), *range(28, 33)] == ASCII_SPACES
    assert {chr(code).encode()[0] for code in WIDE_SPACES} == {0xC2, 0xE1, 0xE2, 0xE3}


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=20) | st.sampled_from([b"\xe2", b"a \xe3\x80", b"\xf0 \xc2"]), max_size=5))
def test_bytes_that_are_no_utf8_are_folded_without_a_look_at_their_neighbours(blobs: list[bytes]) -> None:
    together = folded(pa.array([b"\xe2", *blobs, b"\x80\x80"], pa.binary()).slice(1, len(blobs)))
    assert together == [found for blob in blobs for found in folded(pa.array([blob], pa.binary()))]


def test_no_documents_are_no_bytes() -> None:
    data, offsets = fold(np.zeros(0, np.uint8), np.zeros(1, np.int64), character_classes())
    assert data.size == 0
    assert offsets.tolist() == [0]
