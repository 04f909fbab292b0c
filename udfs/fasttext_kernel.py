"""fastText's prediction for many texts at once: its labels and, to the bit, its scores, from UTF-8 bytes in place.

The arithmetic is that of facebookresearch/fastText (src/dictionary.cc `getLine` and `computeSubwords`, src/loss.cc
`HierarchicalSoftmaxLoss`), float32 where it has float32, summed in its order. So are its habits:

- Only ASCII white space and NUL separate tokens; U+00A0, U+3000 and U+FEFF are characters like others. A newline ends
  fastText's text and adds the token `</s>`; here it separates too, and `</s>` is added once, at the end.
- A token that is literally `</s>` ends the text: what follows is not read.
- A token that begins with `__label__` is left out.
- A text without a known word or n-gram has a label all the same, that of `</s>` alone: the number of rows is then 1.

Two differences are left. fastText walks the tree from the left and cuts branches that are worse than the best label
so far, here all labels are scored and the first of the best is taken; labels whose scores are within 1e-5 of each other
may thus differ. And any bytes are accepted, UTF-8 or not. Not here: word n-grams and the flat softmax.
"""

from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from udfs.fasttext_model import DIM, END_OF_LINE, N_BUCKETS, PREFIX, read_model
from udfs.spans import decode

U32, U64, F32, F64 = np.uint32, np.uint64, np.float32, np.float64
ONE = U64(1)  # indices are uint64 in the inner loops: signed ones cost a test for the end of the array
HASH_START, HASH_FACTOR = U32(2166136261), U32(16777619)
KEY_START, KEY_FACTOR = U64(14695981039346656037), U64(1099511628211)
LESS_THAN, GREATER_THAN = U32(ord("<")), U32(ord(">"))
LABEL = np.frombuffer(PREFIX, np.uint8)
BUCKETS = U32(N_BUCKETS)
SMOOTHING = 1e-5
HAN_LEAD = 0xE3
"""No Han character has a smaller first byte."""


class Scores(NamedTuple):
    """What a model says of each text."""

    label: NDArray[np.int32]
    """Number of the best label."""
    score: NDArray[np.float32]
    """Its probability; up to 1.0002, because fastText's smoothing lets the sum exceed 1."""
    group_score: NDArray[np.float32]
    """Sum over the labels of its group."""
    n_rows: NDArray[np.int64]
    """Words and n-grams of the text that the model knows, and `</s>`: 1 is no evidence."""


class KernelModel:
    def __init__(self, path: str) -> None:
        """Raises InputError for a file that is not of the shape of lid.176.ftz."""
        model = read_model(path)
        words, end_of_line = _index_words(model.words), model.words.index(END_OF_LINE)
        # Plain tuples: numba's cache on disk would hold a class by its name, and fail where it is renamed.
        self._model = words, end_of_line, tuple(model.features), model.vectors, tuple(model.tree)
        self.labels = model.labels

    def predict(
        self,
        data: NDArray[np.uint8],
        start: NDArray[np.int64],
        end: NDArray[np.int64],
        groups: NDArray[np.int32],
        han_spacing: bool = False,
    ) -> Scores:
        """Scores of the texts data[start[i]:end[i]].

        `groups` has a number for each label; the scores of labels with one number are added up. `han_spacing` ends a
        token after each Han character, which fastText does not. Takes up to 28 bytes of memory for each byte of the
        longest text.
        """
        data = data.view()
        data.flags.writeable = False  # numba compiles once more for an array of another kind
        return Scores(*_predict(data, start, end, self._model, groups, han_spacing))


@numba.njit(inline="always")
def _is_space(byte: Any) -> Any:
    return byte == 32 or 9 <= byte <= 13 or byte == 0


@numba.njit(inline="always")
def _is_han(code: Any) -> Any:
    """The Han blocks of Unicode: unified, extension A, compatibility, and all of the planes 2 and 3."""
    return (
        0x4E00 <= code <= 0x9FFF or 0x3400 <= code <= 0x4DBF or 0xF900 <= code <= 0xFAFF or 0x20000 <= code <= 0x3FFFF
    )


@numba.njit(inline="always")
def _widen(byte: Any) -> Any:
    """A byte as fastText's hash takes it, with its sign: 0x80 and up become 0xFFFFFF80 and up."""
    return U32(np.int8(byte))


@numba.njit(inline="always")
def _extend_hash(h: Any, wide_byte: Any) -> Any:
    """fastText's hash (`Dictionary::hash`, FNV-1a) with one byte more. Numba widens the product, so it is cast back."""
    return U32((h ^ wide_byte) * HASH_FACTOR)


@numba.njit(inline="always")
def _extend_key(key: Any, byte: Any) -> Any:
    """FNV-1a of 64 bits with one byte more."""
    return (key ^ U64(byte)) * KEY_FACTOR


def _index_words(words: list[bytes]) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
    """(keys, numbers) of the places of a hash table with open addressing; number -1 is a free place.

    A token that has the key of a word is taken for that word; of all other tokens 4 in 10^16 have one.
    """
    n_places = 1 << (2 * len(words)).bit_length()
    keys, numbers = np.zeros(n_places, U64), np.full(n_places, -1, np.int32)
    for number, word in enumerate(words):
        key = int(KEY_START)
        for byte in word:
            key = (key ^ byte) * int(KEY_FACTOR) % 2**64
        place = key % n_places
        while numbers[place] >= 0:
            place = (place + 1) % n_places
        keys[place], numbers[place] = key, number
    return keys, numbers


@numba.njit
def _find_word(words: Any, key: Any) -> Any:
    """Number of the word with a key, or -1."""
    keys, numbers = words
    last = U64(keys.size - 1)
    place = key & last
    while numbers[place] >= 0 and keys[place] != key:
        place = (place + ONE) & last
    return numbers[place]


@numba.njit
def _is_label(data: Any, start: Any, end: Any) -> Any:
    i = U64(0)
    while i < LABEL.size and start + i < end and data[start + i] == LABEL[i]:
        i += ONE
    return i == LABEL.size


@numba.njit(inline="always")
def _extend(h: Any, token: Any, chars: Any, char: Any) -> Any:
    """The hash of an n-gram with one character more, token[chars[char]:chars[char + 1]], of one byte at least."""
    start = chars[char]
    h = _extend_hash(h, token[start])
    for i in range(start + ONE, chars[char + ONE]):
        h = _extend_hash(h, token[i])
    return h


@numba.njit(inline="always")
def _append_if_kept(h: Any, is_kept: Any, features: Any, n: Any) -> Any:
    """Number of features with the bucket of a hash. It is written always, and over the last one if that was not kept:
    this saves a branch that no processor foresees."""
    bucket = h % BUCKETS
    features[n] = bucket
    return n + U64(is_kept[U64(bucket >> U32(5))] >> (bucket & U32(31)) & U32(1))


@numba.njit(inline="always")
def _append_ngrams(token: Any, chars: Any, n_chars: Any, is_kept: Any, features: Any, n: Any) -> Any:
    """Number of features with all n-grams of 2, 3 and 4 characters, in the order of their first ones."""
    for first in range(n_chars - ONE):
        second, third, fourth = first + ONE, first + U64(2), first + U64(3)
        h = _extend(_extend(HASH_START, token, chars, first), token, chars, second)
        n = _append_if_kept(h, is_kept, features, n)
        if third < n_chars:
            h = _extend(h, token, chars, third)
            n = _append_if_kept(h, is_kept, features, n)
        if fourth < n_chars:
            h = _extend(h, token, chars, fourth)
            n = _append_if_kept(h, is_kept, features, n)
    return n


@numba.njit
def _read_features(
    data: Any, i: Any, end: Any, words: Any, end_of_line: Any, is_kept: Any, han_spacing: Any, room: Any
) -> Any:
    """Number of features of data[i:end], which are written to room[2]."""
    token, chars, features = room
    n = U64(0)
    while i < end:
        if _is_space(data[i]):
            i += ONE
            continue
        start, stop = i, end
        key = KEY_START
        size = n_chars = ONE
        while i < stop and not _is_space(data[i]):
            if han_spacing and data[i] >= HAN_LEAD and stop == end:
                code, after = decode(data, i, end)
                stop = after if _is_han(code) else end
            key = _extend_key(key, data[i])
            token[size] = _widen(data[i])
            chars[n_chars] = size
            n_chars += U64(data[i] & 0xC0 != 0x80)
            size += ONE
            i += ONE
        word = _find_word(words, key)
        if word == end_of_line:
            break
        if word < 0 and _is_label(data, start, i):
            continue
        features[n] = BUCKETS + U32(word)
        n += U64(word >= 0)
        token[size] = GREATER_THAN
        chars[n_chars], chars[n_chars + ONE] = size, size + ONE
        n = _append_ngrams(token, chars, n_chars + ONE, is_kept, features, n)
    features[n] = BUCKETS + U32(end_of_line)
    return n + ONE


@numba.njit
def _average(features: Any, rows: Any, vectors: Any, out: Any) -> Any:
    out[:] = 0
    for feature in features:
        out += vectors[rows[feature]]
    out *= F32(1.0 / features.size)


@numba.njit
def _score_nodes(tree: Any, hidden: Any, logs: Any) -> Any:
    """Write the log probability of each node of the tree, parents before children."""
    left, right, output = tree
    n_labels = output.shape[1]
    dots = np.zeros(n_labels, F32)
    for j in range(DIM):
        dots += output[j] * hidden[j]
    logs[2 * n_labels - 2] = 0
    for node in range(2 * n_labels - 2, n_labels - 1, -1):
        goes_right = F32(1.0 / F64(F32(1) + np.exp(-dots[node - n_labels])))
        goes_left = F32(1.0 - F64(goes_right))
        logs[left[node]] = logs[node] + F32(np.log(F64(goes_left) + SMOOTHING))
        logs[right[node]] = logs[node] + F32(np.log(F64(goes_right) + SMOOTHING))


@numba.njit(cache=True, nogil=True)
def _predict(data: Any, start: Any, end: Any, model: Any, groups: Any, han_spacing: Any) -> Any:
    """The columns of `Scores`."""
    words, end_of_line, (is_kept, rows), vectors, tree = model
    n_texts, n_labels = start.size, groups.size
    label, score = np.empty(n_texts, np.int32), np.empty(n_texts, F32)
    group_score, n_rows = np.zeros(n_texts, F32), np.empty(n_texts, np.int64)
    longest = (end - start).max() if n_texts else 0
    # A token of n bytes has at most n + 2 characters and 3n n-grams; a text of n bytes has at most n tokens.
    room = np.empty(longest + 2, U32), np.empty(longest + 3, U64), np.empty(4 * longest + 2, U32)
    room[0][0], room[1][0] = LESS_THAN, 0
    hidden, logs = np.empty(DIM, F32), np.empty(2 * n_labels - 1, F32)
    for i in range(n_texts):
        n_rows[i] = _read_features(data, U64(start[i]), U64(end[i]), words, end_of_line, is_kept, han_spacing, room)
        _average(room[2][: n_rows[i]], rows, vectors, hidden)
        _score_nodes(tree, hidden, logs)
        label[i] = np.argmax(logs[:n_labels])
        score[i] = np.exp(logs[label[i]])
        for other in range(n_labels):
            if groups[other] == groups[label[i]]:
                group_score[i] += np.exp(logs[other])
    return label, score, group_score, n_rows
