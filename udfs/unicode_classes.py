"""Classes of every Unicode character as one frozen table, so that results do not depend on the interpreter's version.

The table, unicode_classes.npz, is made by scripts/make_unicode_classes.py and never at run time. It knows Unicode
14.0.0; characters assigned later have no class. It holds no scripts, no case mapping and no normalisation.
"""

from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

UNICODE_VERSION = "14.0.0"

LETTER = 1
"""str.isalpha: categories L*."""
NUMBER = 2
"""Categories N*."""
PUNCTUATION = 4
"""Categories P*, the symbols Sc, Sk and Sm (such as $ ^ +), controls and invisible format characters (Cc, Cf)."""
SPACE = 8
"""str.isspace, the characters at which str.split splits."""
UPPER = 16
"""str.isupper."""
UNSPACED = 32
"""Letters of scripts that put no space between words: Han, Hiragana, Katakana, Thai, Lao, Khmer, Myanmar."""
MARK = 64
"""Categories M*: combining marks."""
TERMINAL = 128
"""The property Sentence_Terminal (PropList.txt of Unicode 18.0.0): . ? ! and their likes in all scripts."""


@cache
def character_classes() -> NDArray[np.uint8]:
    """The bits above, or-ed, of each code point; uint8, shape (0x110000,), read-only."""
    with (resources.files("udfs") / "unicode_classes.npz").open("rb") as stream, np.load(stream) as archive:
        classes = archive["classes"]
    classes.flags.writeable = False
    return classes
