"""Perplexity under n-gram models of the documents' languages, given in `measure.perplexity`, measured as extracted.

Definition: Wenzek et al. 2020 (arXiv 1911.00359) as released (facebookresearch/cc_net: perplexity.py, mine.py,
text_normalizer.py). The text is normalised as a whole: trimmed, in lower case, without accents (NFD less the category
Mn), digits as 0, punctuation as ASCII, control characters dropped. So newlines go as well, and the released code scores
each document as one line, whatever its lines were. Its sentencepiece pieces are KenLM's words, between <s> and </s>.
CCNet rounds to one decimal before it compares, and takes the text without the lines it saw before; here it is whole.

A document of a language without a model has a null, and so has one without a piece; a null meets no bound. No model is
carried here or trained, and none of CCNet's percentiles, which belong to its models.
"""

import functools
import unicodedata

import numpy as np
import pyarrow as pa
import sentencepiece

from udfs import files
from udfs.errors import InputError, UsageError
from udfs.signals.batch import Batch, NgramFiles
from udfs.spans import Floats

WRITTEN = {
    ",": "，、", ".": "。", ":": "∶：", ";": "；", "?": "？", "!": "！", "'": "´’", '"': "„”“«»」「《》",
    "(": "（", ")": "）", "[": "【", "]": "】", "<": "〈", ">": "〉", "-": "–━►", "~": "～", "%": "％",
    " - ": "—", ". ": "．", "...": "…",
}  # fmt: skip
PUNCTUATION = {mark: written for written, marks in WRITTEN.items() for mark in marks}
"""What CCNet writes for a mark (text_normalizer.py, UNICODE_PUNCT). A full-width 1, also there, is a 0 by then."""


def ccnet(batch: Batch) -> Floats:
    """Perplexity, 10^(-log10 probability / (pieces + 1)) (CCNet; RedPajama-v2's `ccnet_perplexity`)."""
    found = np.full(len(batch.raw), np.nan)
    for language, model in batch.ngrams.items():
        rows = np.flatnonzero(batch.speakers(language))
        if len(rows):
            found[rows] = [_load(model).perplexity(text.as_py()) for text in batch.raw.arrow.take(pa.array(rows))]
    return found


class NgramModel:
    """KenLM's model and the sentencepiece model that made its words. Raises UsageError without the package kenlm,
    InputError for a file that is missing or of another kind."""

    def __init__(self, model: NgramFiles) -> None:
        try:
            import kenlm  # pyright: ignore[reportMissingImports] - an extra
        except ImportError as error:
            hint = "pip install 'gristmill[kenlm]', or empty measure.perplexity"
            raise UsageError("measure.perplexity names models of KenLM, and kenlm is not installed", hint) from error
        config = kenlm.Config()
        config.show_progress = False
        with files.as_local(model.lm) as path:
            try:
                self._lm = kenlm.Model(path, config)
            except OSError as error:
                raise InputError(f"{model.lm}: {error}", "name a model of KenLM, as ARPA text or binary") from error
        try:
            content = files.read_bytes(model.sentencepiece)
            self._pieces = sentencepiece.SentencePieceProcessor(model_proto=content)
        except RuntimeError as error:
            raise InputError(f"{model.sentencepiece}: not a SentencePiece model: {error}") from error

    def perplexity(self, text: str) -> float:
        """NaN for a text without a piece."""
        line = " ".join(self._pieces.encode(_normalized(text), out_type=str))
        return 10.0 ** (-self._lm.score(line) / (len(line.split()) + 1)) if line else np.nan


class _Characters(dict[int, str | None]):
    """Code point -> what CCNet writes for it, None for nothing; found when it is first asked for."""

    def __missing__(self, code: int) -> str | None:
        character = chr(code)
        is_dropped = code < 32 or 127 <= code < 160 or unicodedata.category(character) == "Mn"
        self[code] = None if is_dropped else "0" if character.isdecimal() else PUNCTUATION.get(character, character)
        return self[code]


_CHARACTERS = _Characters()
_load = functools.cache(NgramModel)


def _normalized(text: str) -> str:
    return unicodedata.normalize("NFD", text.strip().lower()).translate(_CHARACTERS)
