"""Scoring with a spark.ml quality model (Tokenizer -> HashingTF -> LogisticRegression) without the JVM.

The features are spark.ml's to the bit: text in lower case, split at every ASCII white-space character as Java's
`split("\\\\s")` does (empty tokens inside count, trailing ones do not), each token's UTF-8 bytes hashed with
MurmurHash3 x86-32, seed 42 (apache/spark, ml/feature/HashingTF.scala, unsafe/hash/Murmur3_x86_32.java). The margin
sums coefficient times count by ascending index, in spark.ml's order.
"""

import functools
import io
from typing import Any

import numba
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from udfs import files
from udfs.strings import strings

U32 = np.uint32
Floats = np.ndarray[Any, np.dtype[np.float64]]
WEIGHTS = "weights.npy"
# Java lower-cases a final sigma to ς and İ to two characters; the table behind utf8_lower knows single characters only.
SPECIAL_CASE = "[\u03a3\u0130]"


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
    for i in range(start, end + 1):
        if i < end and not (data[i] == 32 or 9 <= data[i] <= 13):
            continue
        signed = np.int64(np.int32(murmur3(data, token, i, 42)))
        out[n_tokens] = signed % n_features
        n_tokens += 1
        if i > token:
            n_kept = n_tokens
        token = i + 1
    return n_kept if end > start else 1


@numba.njit(cache=True, nogil=True)
def _margins(data: Any, offsets: Any, coefficients: Any, intercept: Any, margins: Any) -> None:
    indices = np.empty(np.max(offsets[1:] - offsets[:-1]) + 1, np.int64)
    for d in range(margins.size):
        found = np.sort(indices[: _features(data, offsets[d], offsets[d + 1], coefficients.size, indices)])
        margin = 0.0
        i = 0
        while i < found.size:
            j = i
            while j < found.size and found[j] == found[i]:
                j += 1
            margin += coefficients[found[i]] * (j - i)
            i = j
        margins[d] = margin + intercept


class QualityModel:
    """A logistic regression over hashed token counts."""

    def __init__(self, coefficients: Floats, intercept: float) -> None:
        self.coefficients = coefficients
        self.intercept = intercept

    def scores(self, texts: pa.Array) -> Floats:
        """Probability of being good text, one per text; float64."""
        data, offsets = strings(lower_case(texts))
        margins = np.empty(len(texts), np.float64)
        if margins.size:
            _margins(data, offsets, self.coefficients, self.intercept, margins)
        return 1.0 / (1.0 + np.exp(-margins))

    def to_bytes(self) -> bytes:
        """A .npy file: the intercept, then the coefficients, float64."""
        stream = io.BytesIO()
        np.save(stream, np.append(self.intercept, self.coefficients), allow_pickle=False)
        return stream.getvalue()


@functools.lru_cache(maxsize=1)
def load_model(folder: str) -> QualityModel:
    """The model in a folder that train_quality wrote; kept by the process. Raises InputError when it is not there."""
    weights = np.load(io.BytesIO(files.read_bytes(files.join(folder, WEIGHTS))), allow_pickle=False)
    return QualityModel(np.ascontiguousarray(weights[1:]), float(weights[0]))


def lower_case(texts: pa.Array) -> pa.Array:
    """Texts in lower case as Java's toLowerCase(Locale.ROOT) has them."""
    special = pc.match_substring_regex(texts, SPECIAL_CASE).fill_null(False)  # pyright: ignore[reportAttributeAccessIssue]
    lowered = pc.utf8_lower(texts)  # pyright: ignore[reportAttributeAccessIssue]
    if not pc.any(special).as_py():  # pyright: ignore[reportAttributeAccessIssue]
        return lowered
    by_python = pa.array([text.lower() for text in texts.filter(special).to_pylist()], texts.type)
    return pc.replace_with_mask(lowered, special, by_python)  # pyright: ignore[reportAttributeAccessIssue]
