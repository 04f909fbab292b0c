"""The class of every Unicode character by which text is cut into pre-tokens, as one frozen table.

The table, unicode_tokens.npz, is made by scripts/make_token_classes.py and never at run time. It holds what Hugging
Face's `tokenizers` 0.23.3 takes for \\p{L}, \\p{N} and \\s (Unicode 16), so that a tokenizer.json cuts text there as it
does here. udfs/unicode_classes.npz, which decides what a word is elsewhere, knows Unicode 14 and 9,272 letters fewer:
the one cannot stand for the other.
"""

from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

OTHER, LETTER, NUMBER, SPACE, NEWLINE = range(5)
"""None of the following (marks, punctuation, symbols, controls, unassigned); \\p{L}; \\p{N}; other \\s; CR and LF."""


@cache
def token_classes() -> NDArray[np.uint8]:
    """The class of each code point; uint8, shape (0x110000,), read-only."""
    with (resources.files("udfs") / "unicode_tokens.npz").open("rb") as stream, np.load(stream) as archive:
        classes = archive["classes"]
    classes.flags.writeable = False
    return classes
