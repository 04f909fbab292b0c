"""The frozen table of character classes."""

import runpy
import unicodedata
from pathlib import Path

import pytest

from udfs.unicode_classes import (
    LETTER,
    MARK,
    NUMBER,
    PUNCTUATION,
    SPACE,
    TERMINAL,
    UNICODE_VERSION,
    UNSPACED,
    UPPER,
    character_classes,
)

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "make_unicode_classes.py"


@pytest.mark.parametrize(
    ("character", "classes"),
    [
        *(
            ("a", LETTER),
            ("A", LETTER | UPPER),
            ("7", NUMBER),
            (" ", SPACE),
            ("$", PUNCTUATION),
            (".", PUNCTUATION | TERMINAL),
        ),
        *(
            ("\n", SPACE | PUNCTUATION),
            ("\u3000", SPACE),
            ("\xa0", SPACE),
            ("\u200b", PUNCTUATION),
            ("😀", 0),
            ("©", 0),
        ),
        *(
            ("世", LETTER | UNSPACED),
            ("ー", LETTER | UNSPACED),
            ("・", PUNCTUATION),
            ("〇", NUMBER | UNSPACED),
            ("한", LETTER),
        ),
        *(
            ("ก", LETTER | UNSPACED),
            ("\u0e49", MARK),
            ("\u3099", MARK),
            ("。", PUNCTUATION | TERMINAL),
            ("…", PUNCTUATION),
        ),
    ],
)
def test_characters_have_their_classes(character: str, classes: int) -> None:
    assert character_classes()[ord(character)] == classes


def test_white_space_is_where_python_splits() -> None:
    table = character_classes()
    assert [chr(code) for code in range(0x110000) if table[code] & SPACE] == [
        c for c in map(chr, range(0x110000)) if c.isspace()
    ]


@pytest.mark.skipif(
    unicodedata.unidata_version != UNICODE_VERSION, reason=f"this Python does not know Unicode {UNICODE_VERSION}"
)
def test_the_script_makes_the_table_again() -> None:
    assert (runpy.run_path(str(SCRIPT))["make_classes"]() == character_classes()).all()
