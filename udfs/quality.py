"""Scoring with a spark.ml quality model (Tokenizer -> HashingTF -> LogisticRegression) without the JVM.

The features are spark.ml's to the bit: text in lower case, split at every ASCII white-space character as Java's
`split("\\\\s")` does (empty tokens inside count, trailing ones do not), each token's UTF-8 bytes hashed with
MurmurHash3 x86-32, seed 42 (apache/spark, ml/feature/HashingTF.scala, unsafe/hash/Murmur3_x86_32.java). The margin is
summed in the order of the text, where spark.ml has that of the indices, so that the last bits may differ. A fastText
model can stand in its place.
"""

import functools
import io
import json
from typing import Any, NamedTuple

import numba
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from udfs import files
from udfs.errors import InputError
from udfs.strings import strings

U32 = np.uint32
Floats = np.ndarray[Any, np.dtype[np.float64]]
WEIGHTS, CARD, FASTTEXT = "weights.npy", "model.json", "model.bin"
GOOD_LABELS = ("hq", "good")
UNSPACED = r"([\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]) ?"
# Java lower-cases a final sigma to ς and İ to two characters; the table behind utf8_lower knows single characters only.
SPECIAL_CASE = "\u03a3\u0130"


@numba.njit(inline="always")
def _scramble(word: Any) -> Any:
    word = U32(word * U32(0xCC9E2D51))
    word = U32((word << U32(15)) | (word >> U32(17)))
    return U32(word * U32(0x1B873593))


@numba.njit
def murmur3(data: Any, start: Any, end: Any, seed: Any) -> Any:
    """MurmurHash3 x86-32 of data[start:end] (uint8) as uint32."""
    h = U32(seed)
    i = start
    while i + 4 <= end:
        word = U32(data[i]) | U32(data[i + 1]) << U32(8) | U32(data[i + 2]) << U32(16) | U32(data[i + 3]) << U32(24)
        h = U32(h ^ _scramble(U32(word)))
        h = U32((h << U32(13)) | (h >> U32(19)))
        h = U32(h * U32(5) + U32(0xE6546B64))
        i += 4
    word = U32(0)
    shift = U32(0)
    while i < end:
        word = U32(word | U32(data[i]) << shift)
        shift += U32(8)
        i += 1
    if shift > 0:
        h = U32(h ^ _scramble(word))
    h = U32(h ^ U32(end - start))
    h = U32((h ^ (h >> U32(16))) * U32(0x85EBCA6B))
    h = U32((h ^ (h >> U32(13))) * U32(0xC2B2AE35))
    return U32(h ^ (h >> U32(16)))


@numba.njit
def _features(data: Any, start: Any, end: Any, n_features: Any, out: Any) -> Any:
    """Write the feature index of each token of data[start:end] to `out`; returns how many."""
    n_tokens = 0
    n_kept = 0
    token = start
    is_power_of_two = n_features & (n_features - 1) == 0  # as it mostly is, and a division costs as much as the hash
    for i in range(start, end + 1):
        if i < end and not (data[i] == 32 or 9 <= data[i] <= 13):
            continue
        signed = np.int64(np.int32(murmur3(data, token, i, 42)))
        out[n_tokens] = signed & (n_features - 1) if is_power_of_two else signed % n_features
        n_tokens += 1
        if i > token:
            n_kept = n_tokens
        token = i + 1
    return n_kept if end > start else 1


@numba.njit(cache=True, nogil=True)
def _margins(data: Any, offsets: Any, coefficients: Any, intercept: Any, margins: Any) -> None:
    indices = np.empty(np.max(offsets[1:] - offsets[:-1]) + 1, np.int64)
    for d in range(margins.size):
        margin = 0.0
        for i in range(_features(data, offsets[d], offsets[d + 1], coefficients.size, indices)):
            margin += coefficients[indices[i]]
        margins[d] = margin + intercept


class QualityModel:
    """A logistic regression over hashed token counts."""

    def __init__(self, coefficients: Floats, intercept: float, words: str = "whitespace") -> None:
        """With `words` `cjk`, texts are `spaced` first."""
        self.coefficients = coefficients
        self.intercept = intercept
        self.words = words

    def scores(self, texts: pa.Array) -> Floats:
        """Probability of being good text, one per text; float64."""
        return 1.0 / (1.0 + np.exp(-self.margins(texts)))

    def margins(self, texts: pa.Array) -> Floats:
        """The intercept and the sum of the coefficients of each text's words; float64."""
        texts = spaced(texts) if self.words == "cjk" else texts
        data, offsets = strings(lower_case(texts))
        margins = np.empty(len(texts), np.float64)
        if margins.size:
            _margins(data, offsets, self.coefficients, self.intercept, margins)
        return margins

    def to_bytes(self) -> bytes:
        """A .npy file: the intercept, then the coefficients, float64."""
        stream = io.BytesIO()
        np.save(stream, np.append(self.intercept, self.coefficients), allow_pickle=False)
        return stream.getvalue()


def model_files(model: str) -> dict[str, str]:
    """name -> URI of the files that a model is read from: a folder's, or one of fastText."""
    if is_fasttext(model):
        return {"fasttext": model}
    return {name: files.join(model, name) for name in (FASTTEXT if read_card(model).is_fasttext else WEIGHTS, CARD)}


class Card(NamedTuple):
    """What scoring needs of a model's description."""

    is_fasttext: bool
    words: str


def read_card(model: str) -> Card:
    """Of a folder that train_quality wrote. Raises InputError when there is none, or one of another form."""
    uri = files.join(model, CARD)
    try:
        card = json.loads(files.read_bytes(uri))
        return Card(card["kind"] == "fasttext", card["words"])
    except (ValueError, KeyError, TypeError) as error:
        reason = f"{uri}: not the description of a quality model: {error!r}"
        raise InputError(reason, "train the model again with this version, or name another in quality.model") from error


def is_fasttext(model: str) -> bool:
    return model.endswith((".bin", ".ftz"))


@functools.lru_cache(maxsize=1)
def load_model(model: str) -> "QualityModel | FastTextQuality":
    """The model of a folder that train_quality wrote, or of a fastText file; kept by the process. Raises InputError
    when it is not there or is of another kind."""
    if is_fasttext(model):
        return FastTextQuality(model)
    card = read_card(model)
    if card.is_fasttext:
        return FastTextQuality(files.join(model, FASTTEXT), card.words)
    values = np.load(io.BytesIO(files.read_bytes(files.join(model, WEIGHTS))), allow_pickle=False)
    return QualityModel(np.ascontiguousarray(values[1:]), float(values[0]), card.words)


class FastTextQuality:
    """A supervised fastText model of good and bad text, such as DCLM's: the probability of its good label."""

    def __init__(self, uri: str, words: str = "whitespace") -> None:
        import fasttext  # slow to import, and needed by those who have such a model only

        self.words = words
        with files.as_local(uri) as path:
            try:
                self._model: Any = fasttext.load_model(path)
            except ValueError as error:
                raise InputError(f"{uri}: {error}", "name a supervised fastText model in quality.model") from error
        labels = self._model.get_labels()
        self._good = next((label for label in labels if label.removeprefix("__label__") in GOOD_LABELS), None)
        if self._good is None:
            reason = f"{uri}: none of its labels {', '.join(labels[:5])} says what is good text"
            raise InputError(reason, f"a model with one of the labels {', '.join(GOOD_LABELS)}")

    def scores(self, texts: pa.Array) -> Floats:
        """Probability of the good label, one per text; float64, from fastText's float32."""
        texts = spaced(texts) if self.words == "cjk" else texts
        lines = [text.replace("\n", " ") for text in texts.to_pylist()]
        labels, values = self._model.predict(lines, k=-1) if lines else ([], [])
        found = [dict(zip(names, scores, strict=True)) for names, scores in zip(labels, values, strict=True)]
        return np.array([min(1.0, float(one.get(self._good, 0.0))) for one in found], np.float64)


def spaced(texts: pa.Array) -> pa.Array:
    """The texts with one space behind each character of a script that has none between words."""
    return pc.replace_substring_regex(texts, UNSPACED, r"\1 ")


def _holds(data: Any, first: int, second: int) -> bool:
    """Whether the two bytes stand in `data` side by side; five times as fast as `in`."""
    return bool(((data[:-1] == first) & (data[1:] == second)).any())


def lower_case(texts: pa.Array) -> pa.Array:
    """Texts in lower case as Java's toLowerCase(Locale.ROOT) has them."""
    lowered = pc.utf8_lower(texts)  # pyright: ignore[reportAttributeAccessIssue]
    data, offsets = strings(texts)
    written = data[offsets[0] : offsets[-1]]
    if not any(_holds(written, *letter.encode()) for letter in SPECIAL_CASE):
        return lowered
    special = pc.match_substring_regex(texts, f"[{SPECIAL_CASE}]").fill_null(False)  # pyright: ignore[reportAttributeAccessIssue]
    by_python = pa.array([text.lower() for text in texts.filter(special).to_pylist()], texts.type)
    return pc.replace_with_mask(lowered, special, by_python)  # pyright: ignore[reportAttributeAccessIssue]
