"""lid.176.ftz, fastText's small language identification model, as the flat arrays that a kernel reads.

The layout of the file is that of facebookresearch/fastText, format version 12: `FastText::saveModel` (src/fasttext.cc),
args.cc, dictionary.cc, quantmatrix.cc and productquantizer.cc; little-endian, nothing padded. The tree is not in the
file: it follows from the counts of the labels (`HierarchicalSoftmaxLoss::buildTree`, src/loss.cc).

One shape of model is read, that of lid.176.ftz, because kernels are compiled for its numbers: supervised, hierarchical
softmax, quantised and pruned. Nothing else is: not lid.176.bin, which is dense, and no flat softmax.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from udfs.errors import InputError

DIM = 16
"""Numbers in the vector of a word, an n-gram or a text."""
N_BUCKETS = 2_000_000
PREFIX = b"__label__"
END_OF_LINE = b"</s>"

MAGIC, VERSION = 793712314, 12
HIERARCHICAL_SOFTMAX, SUPERVISED = 1, 3
ARGUMENTS = {
    "dim": DIM, "ws": None, "epoch": None, "minCount": None, "neg": None, "wordNgrams": 1, "loss": HIERARCHICAL_SOFTMAX,
    "model": SUPERVISED, "bucket": N_BUCKETS, "minn": 2, "maxn": 4, "lrUpdateRate": None,
}  # fmt: skip
"""The int32 arguments of training in the order of the file, and the value that is needed; None for any."""
N_CENTROIDS = 256
UNBORN = 10**15
"""Count of a node of the tree until it has children."""
HINT = "take lid.176.ftz (938,013 bytes), or let fastText itself read this file: language.engine: fasttext"


class Features(NamedTuple):
    """The rows of n-grams and words; feature b is hash bucket b of the n-grams, N_BUCKETS + w is word w."""

    is_kept: NDArray[np.uint32]
    """One bit a bucket, lowest first, 0 where pruning dropped it: 250 KB, which stay in the cache."""
    rows: NDArray[np.uint32]
    """Row of each feature; 8 MB."""


class Tree(NamedTuple):
    """The Huffman tree: nodes 0 to n - 1 are the labels, n to 2n - 2 inner ones, children before parents."""

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    output: NDArray[np.float32]
    """Vector of inner node n + i in column i; (DIM, n), the last column is not used."""


class FastTextModel(NamedTuple):
    labels: tuple[str, ...]
    words: list[bytes]
    features: Features
    vectors: NDArray[np.float32]
    """One in each row; (rows, DIM)."""
    tree: Tree


class _File:
    """Takes values off the front of a file; whatever is not as it should be is an InputError that says where."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._data = Path(path).read_bytes()
        self._position = 0

    def error(self, found: str) -> InputError:
        return InputError(f"{self._path}: byte {self._position}: {found}", HINT)

    def array(self, kind: str, n: int, name: str) -> NDArray[Any]:
        """The next `n` values of a numpy type; the array shares the file's bytes."""
        n_bytes, n_left = n * np.dtype(kind).itemsize, len(self._data) - self._position
        if not 0 <= n_bytes <= n_left:
            raise self.error(f"{name} take {n_bytes} bytes, and the file has {n_left} more")
        values = np.frombuffer(self._data, kind, n, self._position)
        self._position += n_bytes
        return values

    def number(self, kind: str, name: str, expected: int | None = None) -> int:
        """The next value. Raises InputError when it is not the one expected."""
        before = self._position
        value = int(self.array(kind, 1, name)[0])
        if expected is not None and value != expected:
            self._position = before
            raise self.error(f"{name} is {value}, and {expected} is needed")
        return value

    def text(self, name: str) -> bytes:
        """The bytes up to the next NUL."""
        end = self._data.find(b"\0", self._position)
        if end < 0:
            raise self.error(f"{name} does not end")
        return self.array("u1", end + 1 - self._position, name)[:-1].tobytes()

    def end(self) -> None:
        if self._position < len(self._data):
            raise self.error(f"the model ends here, and the file has {len(self._data) - self._position} more bytes")


def read_model(path: str) -> FastTextModel:
    """The model in a local file. Raises InputError when the file is damaged or holds another kind of model."""
    file = _File(path)
    file.number("<i4", "the first number of a fastText file", MAGIC)
    file.number("<i4", "the version of the format", VERSION)
    for name, expected in ARGUMENTS.items():
        file.number("<i4", f"the argument {name}", expected)
    file.array("<f8", 1, "the sampling threshold")
    words, labels, counts, features = _read_dictionary(file)
    vectors = _read_vectors(file, int(features.rows.max()) + 1)
    tree = Tree(*_build_tree(counts), _read_output(file, len(labels)))
    file.end()
    return FastTextModel(labels, words, features, vectors, tree)


def _read_dictionary(file: _File) -> tuple[list[bytes], tuple[str, ...], list[int], Features]:
    """(words, labels, counts of the labels, features)"""
    n_entries, n_words, n_labels = (
        file.number("<i4", f"the number of {what}") for what in ("entries", "words", "labels")
    )
    file.number("<i8", "the number of tokens")
    n_kept = file.number("<i8", "the number of n-grams kept")
    if n_words < 1 or n_labels < 2 or n_entries != n_words + n_labels or not 0 <= n_kept <= N_BUCKETS:
        raise file.error(
            f"{n_entries} entries, {n_words} words, {n_labels} labels, {n_kept} n-grams kept: no pruned model"
        )
    words = [_read_entry(file, 0)[0] for _ in range(n_words)]
    if END_OF_LINE not in words:
        raise file.error("the word </s> is missing")
    entries = [_read_entry(file, 1) for _ in range(n_labels)]
    labels = tuple(label.removeprefix(PREFIX).decode() for label, _ in entries)
    return words, labels, [count for _, count in entries], _read_kept(file, n_kept, n_words)


def _read_entry(file: _File, kind: int) -> tuple[bytes, int]:
    """(bytes, count) of a word (kind 0) or a label (kind 1)."""
    text, count = file.text("an entry"), file.number("<i8", "the count of an entry")
    file.number("i1", "the type of an entry", kind)
    if kind == 1 and not (text.startswith(PREFIX) and text.isascii() and 0 <= count < UNBORN):
        raise file.error(f"the label {text!r} with count {count}; {PREFIX.decode()}xx and a count are needed")
    return text, count


def _read_kept(file: _File, n_kept: int, n_words: int) -> Features:
    """The buckets that were kept, in pairs of bucket and row; rows begin with those of the words."""
    pairs = file.array("<i4", 2 * n_kept, "the n-grams kept").reshape(n_kept, 2)
    buckets, places = pairs.T
    in_bounds = n_kept == 0 or (buckets.min() >= 0 and buckets.max() < N_BUCKETS)
    if not in_bounds or not np.array_equal(np.sort(places), np.arange(n_kept)) or len(np.unique(buckets)) < n_kept:
        raise file.error(
            f"the n-grams kept are not {n_kept} different buckets below {N_BUCKETS}, each with its own row"
        )
    rows = np.zeros(N_BUCKETS + n_words, np.uint32)
    rows[buckets] = n_words + places
    rows[N_BUCKETS:] = np.arange(n_words)
    return Features(np.packbits(rows[:N_BUCKETS] > 0, bitorder="little").view(np.uint32), rows)


def _read_vectors(file: _File, n_rows: int) -> NDArray[np.float32]:
    """The vector of each row, restored from codes and centroids as fastText does at each use (`addcode`)."""
    file.number("?", "whether the rows are quantised", 1)
    file.number("?", "whether their norms are quantised", 1)
    file.number("<i8", "the number of rows", n_rows)
    file.number("<i8", "the width of a row", DIM)
    n_codes = file.number("<i4", "the number of codes")
    n_parts = n_codes // n_rows
    if n_parts < 1 or n_codes % n_rows or DIM % n_parts:
        raise file.error(f"{n_codes} codes do not cut {n_rows} rows of {DIM} into equal parts")
    codes = file.array("u1", n_codes, "the codes").reshape(n_rows, n_parts)
    centroids = _read_centroids(file, DIM, n_parts)
    norm_codes = file.array("u1", n_rows, "the codes of the norms")
    norms = _read_centroids(file, 1, 1)[0, norm_codes]
    return norms * centroids[np.arange(n_parts), codes].reshape(n_rows, DIM)


def _read_centroids(file: _File, dim: int, n_parts: int) -> NDArray[np.float32]:
    """(n_parts, N_CENTROIDS, dim / n_parts)"""
    width = dim // n_parts
    names = ("width", "number of parts", "width of a part", "width of the last part")
    for name, expected in zip(names, (dim, n_parts, width, width), strict=True):
        file.number("<i4", f"a quantiser's {name}", expected)
    return _finite(file, dim * N_CENTROIDS, "the centroids").reshape(n_parts, N_CENTROIDS, width)


def _read_output(file: _File, n_labels: int) -> NDArray[np.float32]:
    file.number("?", "whether the output is quantised", 0)
    file.number("<i8", "the number of output rows", n_labels)
    file.number("<i8", "the width of an output row", DIM)
    return np.ascontiguousarray(_finite(file, n_labels * DIM, "the output rows").reshape(n_labels, DIM).T)


def _finite(file: _File, n: int, name: str) -> NDArray[np.float32]:
    values = file.array("<f4", n, name)
    if not np.isfinite(values).all():
        raise file.error(f"there are infinities or NaN among {name}")
    return values


def _build_tree(counts: list[int]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """(left, right) of each node: the two smallest counts are joined, over and over; -1 for the labels.

    The labels stand in falling order of count, so the smallest is either the last label left or the first inner node
    without a parent; of equals, the inner node.
    """
    n_labels = len(counts)
    count = [*counts, *[UNBORN] * (n_labels - 1)]
    children = np.full((2, len(count)), -1, np.int32)
    leaf, node = n_labels - 1, n_labels
    for parent in range(n_labels, len(count)):
        for side in range(2):
            if leaf >= 0 and count[leaf] < count[node]:
                children[side, parent], leaf = leaf, leaf - 1
            else:
                children[side, parent], node = node, node + 1
        count[parent] = sum(count[child] for child in children[:, parent])
    return children[0], children[1]
