"""Make udfs/unicode_classes.npz from this interpreter's Unicode data. Run it only to move the project to another
version of Unicode: the table decides what a word is, so results change with it.
"""

import sys
import unicodedata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from udfs import unicode_classes as classes

TARGET = Path(classes.__file__).with_suffix(".npz")
PUNCTUATION_CATEGORIES = ("Sc", "Sk", "Sm", "Cc", "Cf")
UNSPACED_CATEGORIES = ("Ll", "Lm", "Lo", "Lt", "Lu", "Nl")  # Nl is for the ideographic zero
# Python has no script property; the first words of the names stand for it.
UNSPACED_NAMES = (
    *("CJK UNIFIED IDEOGRAPH", "CJK COMPATIBILITY IDEOGRAPH", "IDEOGRAPHIC ", "HIRAGANA ", "HENTAIGANA ", "KATAKANA"),
    *("HALFWIDTH KATAKANA", "VERTICAL KANA ", "THAI ", "LAO ", "KHMER ", "MYANMAR "),
)
# Sentence_Terminal, which unicodedata lacks; from PropList.txt of Unicode 18.0.0, first-last.
SENTENCE_TERMINAL = """
21 2E 3F 589 61D-61F 6D4 700-702 7F9 837 839 83D-83E 964-965 104A-104B 1362 1367-1368 166E 1735-1736 17D4-17D5 1803
1809 1944-1945 1AA8-1AAB 1B4E-1B4F 1B5A-1B5B 1B5E-1B5F 1B7D-1B7F 1C3B-1C3C 1C7E-1C7F 2024 203C-203D 2047-2049
2CF9-2CFB 2E2E 2E3C 2E53-2E54 2E60-2E61 3002 A4FF A60E-A60F A6F3 A6F7 A876-A877 A8CE-A8CF A92F A9C8-A9C9 AA5D-AA5F
AAF0-AAF1 ABEB FE12 FE15-FE16 FE52 FE56-FE57 FF01 FF0E FF1F FF61 10A56-10A57 10F55-10F59 10F86-10F89 11047-11048
110BE-110C1 11141-11143 111C5-111C6 111CD 111DE-111DF 11238-11239 1123B-1123C 112A9 113D4-113D5 1144B-1144C
115C2-115C3 115C9-115D7 11641-11642 1173C-1173E 11944 11946 11A42-11A43 11A9B-11A9C 11C41-11C42 11EF7-11EF8
11F43-11F44 16A6E-16A6F 16AF5 16B37-16B38 16B44 16D6E-16D6F 16E98 1BC9F 1DA88
"""


def class_of(character: str) -> int:
    """The class bits that unicodedata can tell."""
    category = unicodedata.category(character)
    unspaced = category in UNSPACED_CATEGORIES and unicodedata.name(character, "").startswith(UNSPACED_NAMES)
    tests = {
        classes.LETTER: character.isalpha(),
        classes.NUMBER: category.startswith("N"),
        classes.PUNCTUATION: category.startswith("P") or category in PUNCTUATION_CATEGORIES,
        classes.SPACE: character.isspace(),
        classes.UPPER: character.isupper(),
        classes.UNSPACED: unspaced,
        classes.MARK: category.startswith("M"),
    }
    return sum(bit for bit, holds in tests.items() if holds)


def make_classes() -> NDArray[np.uint8]:
    """The whole table; uint8, shape (0x110000,)."""
    table = np.array([class_of(chr(code)) for code in range(0x110000)], np.uint8)
    for run in SENTENCE_TERMINAL.split():
        first, _, last = run.partition("-")
        table[int(first, 16) : int(last or first, 16) + 1] |= classes.TERMINAL
    return table


def main() -> None:
    if unicodedata.unidata_version != classes.UNICODE_VERSION:
        sys.exit(
            f"this Python knows Unicode {unicodedata.unidata_version}, the table is of {classes.UNICODE_VERSION}: use a"
            " Python that knows that version, or change UNICODE_VERSION and the docstring of udfs/unicode_classes.py"
        )
    np.savez_compressed(TARGET, classes=make_classes())


if __name__ == "__main__":
    main()
