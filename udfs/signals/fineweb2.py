"""FineWeb-2's signal that differs by language, measured on the text after its edits.

Definitions: Penedo et al. 2025 (arXiv 2506.20920) as released (huggingface/fineweb-2, configs). All its other rules are
those of `gopher`, `repetition` and `fineweb` with bounds for each language.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from udfs.signals.batch import Batch
from udfs.spans import Floats
from udfs.text import Texts, hash_words
from udfs.unicode_classes import UNSPACED

FIRST_HANGUL, LAST_HANGUL = 0xAC00, 0xD7A3


def stop_words(batch: Batch) -> Floats:
    """How many of `measure.stop_words` for the document's language stand in the text (FineWeb-2: at least 2).

    Each counts once. A word in an unspaced script or in Hangul is found anywhere, since FineWeb-2's tokenizers cut such
    text where `Texts` does not; others stand between white space, in the case listed.
    """
    found = np.zeros(len(batch.left))
    for language, words in batch.lists.stop_words.items():
        found += batch.speakers(language) * _count_found(batch.left, words)
    return found


def _count_found(texts: Texts, words: Sequence[str]) -> Floats:
    listed = Texts(pa.array(words, pa.string())).documents
    is_cut = listed.has_some(UNSPACED) | ((listed.codes >= FIRST_HANGUL) & (listed.codes <= LAST_HANGUL))
    found = np.zeros(len(texts))
    for word, code, anywhere in zip(words, hash_words(words), is_cut, strict=True):
        found += (texts.count(word) if anywhere else texts.words.sum(texts.words.hashes == code)) > 0
    return found
