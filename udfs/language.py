"""Language identification with lid.176: a label, a score and a group of languages for each text of a column.

Read are the first `max_chars` characters. Three habits of the model are met on the way, each with a switch; with
`fold_capitals`, `strip_urls` and `han_spacing` off, labels and scores are those of fastText's `predict`:

- It hardly knows capitals: a text with more of them than of other letters is read in small letters.
- It takes an address for foreign words: a text under 200 characters is read without its URLs.
- It knows a single Han character only as a word: `han_spacing` reads each as one, by which short and classical Chinese
  is found. It is off by default, because all scores of Chinese and Japanese change.

A text without a word or n-gram that the model knows is `und` with score 0, where fastText says `en` with 0.12. Nothing
is decided here: bounds stand in pipelines/filter.py.
"""

import functools
import os
import re
import sys
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from udfs.errors import InputError
from udfs.fasttext_kernel import KernelModel, Scores
from udfs.fasttext_library import LibraryModel
from udfs.hashing import U64
from udfs.spans import decode
from udfs.strings import strings
from udfs.unicode_classes import LETTER, UPPER, character_classes

NO_EVIDENCE = "und"
GROUPS = (
    ("hr", "sr", "bs", "sh"),
    ("id", "ms", "min", "jv", "su"),
    ("no", "nn", "da"),
    ("zh", "yue", "wuu"),
    ("hi", "mai", "bh", "ne", "mr"),
    ("ur", "pnb"),
    ("gl", "pt"),
)
"""Languages over which the model spreads its score, because they are close or share a written standard; found on the
Universal Declaration of Human Rights. The name of a group lists its members: `hr+sr+bs+sh`."""
SHORT_CHARS = 200
URL = "(?:https?://|www[.])[!-~]+"


@dataclass(frozen=True)
class LanguagePlan:
    """How to identify languages; `model` is a local path, or None for the `default_model` of who reads it."""

    model: str | None
    engine: str = "kernel"
    max_chars: int = 1000
    fold_capitals: bool = True
    strip_urls: bool = True
    han_spacing: bool = False


def default_model() -> str:
    """Where scripts/ put the small model: beside the libraries, so that it travels with a packed environment."""
    return os.path.join(sys.prefix, "share", "gristmill", "lid.176.ftz")


@functools.lru_cache(maxsize=1)
def load_model(path: str | None, engine: str) -> KernelModel | LibraryModel:
    """The model at a local path, kept by the process. Raises InputError where it is missing or not for this engine."""
    path = path or default_model()
    if not os.path.exists(path):
        hint = "run scripts/test or scripts/demo once, which fetch it, or name a file in language.model"
        raise InputError(f"{path}: the language model is not there", hint)
    return LibraryModel(path) if engine == "fasttext" else KernelModel(path)


def identify(column: pa.Array | pa.ChunkedArray, plan: LanguagePlan) -> dict[str, pa.Array]:
    """language, language_score, language_group, language_group_score of each text; the scores are doubles, 0 to 1.

    A null is an empty text. Raises InputError where the model cannot be read.
    """
    model = load_model(plan.model, plan.engine)
    group_names, groups = groups_of(model.labels)
    data, offsets = strings(column)
    end, n_chars, n_letters, n_capitals = _read_heads(data, offsets, plan.max_chars, character_classes())
    is_short = n_chars < SHORT_CHARS
    folds = plan.fold_capitals & (2 * n_capitals > n_letters)
    strips = plan.strip_urls & _has_url(column, is_short)
    scores = model.predict(data, offsets[:-1], end, groups, plan.han_spacing)
    rows = np.flatnonzero(folds | strips)
    if len(rows):
        heads = [data[offsets[row] : end[row]].tobytes().decode("utf-8", "replace") for row in rows]
        texts = [_rewrite(*task) for task in zip(heads, folds[rows], strips[rows], strict=True)]
        data, offsets = strings(pa.array(texts))
        again = model.predict(data, offsets[:-1], offsets[1:], groups, plan.han_spacing)
        for values, new_values in zip(scores, again, strict=True):
            values[rows] = new_values
    return _columns(scores, model.labels, group_names)


@functools.lru_cache(maxsize=1)
def groups_of(labels: tuple[str, ...]) -> tuple[list[str], NDArray[np.int32]]:
    """(name, number) of the group of each label; a label in none of GROUPS is a group of its own."""
    members = {label: group for group in GROUPS for label in group}
    names = ["+".join(members.get(label, [label])) for label in labels]
    return names, np.array([names.index(name) for name in names], np.int32)


@numba.njit(cache=True, nogil=True)
def _read_heads(data: Any, offsets: Any, max_chars: Any, classes: Any) -> Any:
    """Of the first characters of each text: (end, number, letters among them, capitals among them)."""
    end, n_chars = np.zeros(offsets.size - 1, np.int64), np.zeros(offsets.size - 1, np.int64)
    n_letters, n_capitals = np.zeros(offsets.size - 1, np.int64), np.zeros(offsets.size - 1, np.int64)
    for i in range(end.size):
        position, stop = U64(offsets[i]), U64(offsets[i + 1])
        while position < stop and n_chars[i] < max_chars:
            code, position = decode(data, position, stop)
            n_chars[i] += 1
            n_letters[i] += classes[code] & LETTER != 0
            n_capitals[i] += classes[code] & UPPER != 0
        end[i] = position
    return end, n_chars, n_letters, n_capitals


def _has_url(column: Any, is_short: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether a text is short and holds a URL."""
    found = pc.match_substring_regex(column.filter(pa.array(is_short)), URL, ignore_case=True)
    out = np.zeros(len(is_short), np.bool_)
    out[is_short] = np.asarray(found.fill_null(False))
    return out


def _rewrite(text: str, folds: bool, strips: bool) -> str:
    text = text.lower() if folds else text
    return re.sub(URL, " ", text, flags=re.IGNORECASE) if strips else text


def _columns(scores: Scores, labels: tuple[str, ...], group_names: list[str]) -> dict[str, pa.Array]:
    has_evidence = scores.n_rows > 1
    label = np.where(has_evidence, scores.label, len(labels))
    score, group_score = (np.where(has_evidence, np.minimum(values, 1), 0) for values in scores[1:3])
    return {
        "language": pa.array(np.array([*labels, NO_EVIDENCE], object)[label], pa.string()),
        "language_score": pa.array(score.astype(np.float64)),
        "language_group": pa.array(np.array([*group_names, NO_EVIDENCE], object)[label], pa.string()),
        "language_group_score": pa.array(group_score.astype(np.float64)),
    }
