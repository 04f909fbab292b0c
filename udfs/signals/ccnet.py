"""CCNet's numbers that need no model: length, and lines that are equal once they are normalised.

Definitions: Wenzek et al. 2020 (arXiv 1911.00359) as released (facebookresearch/cc_net, text_normalizer.py,
`normalize_for_dedup`). CCNet deletes a line that any document of its group of shards had before; here the lines that
their own document had before are counted, and nothing is deleted. Its perplexity is the family `perplexity`.
"""

import pyarrow.compute as pc

from udfs.spans import Floats, Spans, ratio, spans_of
from udfs.text import Texts

PUNCTUATION = "，。、„”“«»１」「《》´∶：？！（）；–—．～’…━〈〉【】％►"
"""What CCNet drops; a full-width 1 is among it, but digits have become 0 before."""
DROPPED = rf"[{PUNCTUATION}\x00-\x1f\x7f-\x{{9f}}]"


def characters(texts: Texts) -> Floats:
    """Characters of the text (CCNet: at least 300)."""
    return texts.n_chars


def duplicate_lines(texts: Texts) -> Floats:
    """Share of lines that, normalised, stood in the text before (CCNet deletes them)."""
    return ratio(_normalized(texts.lines).repeats()[0], texts.lines.n_per_document)


def _normalized(lines: Spans) -> Spans:
    """The lines in lower case, digits as 0, without CCNet's punctuation and control characters."""
    zeros = pc.replace_substring_regex(pc.utf8_lower(lines.arrow), r"\p{Nd}", "0")
    return spans_of(pc.replace_substring_regex(zeros, DROPPED, ""), lines.first)
