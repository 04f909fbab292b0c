"""Make udfs/unicode_tokens.npz by asking `tokenizers` which characters it takes for letters, numbers and white space.

Run it only to move the project to another version of `tokenizers`: the table decides what a token is, so tokenizers
trained before cut text differently afterwards.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Regex
from tokenizers.pre_tokenizers import Split

from udfs import unicode_tokens
from udfs.unicode_tokens import LETTER, NEWLINE, NUMBER, SPACE

TARGET = Path(unicode_tokens.__file__).with_suffix(".npz")
PATTERNS = {LETTER: r"\p{L}+", NUMBER: r"\p{N}+", SPACE: r"\s+", NEWLINE: r"[\r\n]+"}
SURROGATES = range(0xD800, 0xE000)  # no character, so never asked about


def make_classes() -> NDArray[np.uint8]:
    """The class of every code point; uint8, shape (0x110000,)."""
    characters = "".join(chr(code) for code in range(0x110000) if code not in SURROGATES)
    classes = np.zeros(0x110000, np.uint8)
    for kind, pattern in PATTERNS.items():
        matches = Split(Regex(pattern), "removed", invert=True).pre_tokenize_str(characters)
        classes[[ord(character) for match, _ in matches for character in match]] = kind
    return classes


if __name__ == "__main__":
    np.savez_compressed(TARGET, classes=make_classes())
