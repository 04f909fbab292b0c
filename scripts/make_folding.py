"""Make udfs/folding.npz from this interpreter's Unicode data. Run it only to move the project to another version of
Unicode: the table decides which texts are equal, so every band key changes with it.
"""

import sys
import unicodedata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from udfs import folding
from udfs.unicode_classes import UNICODE_VERSION

TARGET = Path(folding.__file__).with_suffix(".npz")


def fold(character: str) -> str:
    """What stands for `character`: normal width, no accent, lower case, an ASCII digit; "" for nothing."""
    category = unicodedata.category(character)
    if category in ("Mn", "Me", "Cf"):
        return ""
    if category == "Nd":
        return str(unicodedata.digit(character))
    if unicodedata.decomposition(character).startswith(("<wide>", "<narrow>")):
        character = unicodedata.normalize("NFKC", character)
    decomposed = unicodedata.normalize("NFD", character)
    base = "".join(c for c in decomposed if unicodedata.category(c) != "Mn")
    for lower in (base.casefold(), base.lower(), base, character):
        if len(lower) == 1:
            return lower
    raise ValueError(f"U+{ord(character):04X} folds to no single character")


def make_table() -> NDArray[np.int32]:
    """The folded code point of every code point, 0 for nothing; int32, shape (0x110000,)."""
    return np.array([ord(fold(chr(code)) or "\0") for code in range(0x110000)], np.int32)


def main() -> None:
    if unicodedata.unidata_version != UNICODE_VERSION:
        sys.exit(
            f"this Python knows Unicode {unicodedata.unidata_version}, the tables are of {UNICODE_VERSION}:"
            " use a Python that knows that version, or move udfs/unicode_classes.py first"
        )
    np.savez_compressed(TARGET, shift=make_table() - np.arange(0x110000, dtype=np.int32))


if __name__ == "__main__":
    main()
