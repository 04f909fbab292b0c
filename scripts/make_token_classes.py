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
PATTERNS = {LETTER: r"\p{L}+", NUMBER: r"\p{N}+", SPACE: r"\s+"}
BLOCK = 0x800
SURROGATES = range(0xD800, 0xE000)  # no characters, so never asked about; whole blocks


def make_classes() -> NDArray[np.uint8]:
    """The class of every code point; uint8, shape (0x110000,)."""
    classes = np.zeros(0x110000, np.uint8)
    blocks = [range(start, start + BLOCK) for start in range(0, 0x110000, BLOCK) if start not in SURROGATES]
    for kind, pattern in PATTERNS.items():
        split = Split(Regex(pattern), "removed", invert=True)
        matches = [match for block in blocks for match, _ in split.pre_tokenize_str("".join(map(chr, block)))]
        classes[[ord(character) for match in matches for character in match]] = kind
    classes[[ord("\r"), ord("\n")]] = NEWLINE
    return classes


if __name__ == "__main__":
    np.savez_compressed(TARGET, classes=make_classes())
