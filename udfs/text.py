"""Documents as flat arrays: their words, lines, paragraphs and sentences, found by compiled kernels once and kept.

`Texts` is a batch of documents; a signal (udfs/signals) is a few array operations on its `Spans`. No segmenter of
any language is part of it (jieba is a package of its own), no case folding and no normalisation.
"""

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numba
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from udfs.errors import UsageError
from udfs.hashing import ONE, U64
from udfs.spans import NEWLINE, Bytes, Flags, Floats, Ints, Spans, decode, running_sum, string_array
from udfs.strings import strings
from udfs.unicode_classes import LETTER, MARK, NUMBER, PUNCTUATION, SPACE, TERMINAL, UNSPACED, character_classes
from udfs.white_space import fold

WORD_RULES = ("cjk", "jieba", "whitespace")
HAN = re.compile("([\u4e00-\u9fd5]+)")
"""What jieba looks for words in."""
ASCII_PUNCTUATION = r"[!-/:-@\[-`{-~]"


@numba.njit(cache=True, nogil=True)
def _split_words(data: Any, offsets: Any, classes: Any, single: Any) -> Any:
    """(start, end, first): a character whose class meets `single` is a word of its own, with the marks behind it."""
    n_docs = offsets.size - 1
    # Two words that touch take four bytes or more, because characters that stand alone have three.
    n_most = (offsets[n_docs] - offsets[0]) // 2 + n_docs
    start, end, first = np.empty(n_most, np.int64), np.empty(n_most, np.int64), np.zeros(n_docs + 1, np.int64)
    n = 0
    for doc in range(n_docs):
        i, stop = U64(offsets[doc]), U64(offsets[doc + 1])
        while i < stop:
            code, after = decode(data, i, stop)
            kind = classes[code]
            if not kind & SPACE:
                start[n] = i
                is_single = kind & single != 0
                while after < stop:
                    i = after
                    code, after = decode(data, i, stop)
                    kind = classes[code]
                    if kind & (SPACE | single) or (is_single and not kind & MARK):
                        after = i
                        break
                end[n] = after
                n += 1
            i = after
        first[doc + 1] = n
    return start[:n], end[:n], first


@numba.njit(cache=True, nogil=True)
def _count_characters(data: Any, offsets: Any) -> Any:
    """Characters of each document, float64: the bytes that do not continue one."""
    n_chars = np.empty(offsets.size - 1, np.float64)
    for doc in range(n_chars.size):
        n = 0
        for i in range(U64(offsets[doc]), U64(offsets[doc + 1])):
            n += data[i] & 0xC0 != 0x80
        n_chars[doc] = n
    return n_chars


@numba.njit(cache=True)
def _trim(data: Any, start: Any, end: Any, classes: Any) -> Any:
    """(start, end) without the white space at both ends; equal where there is nothing else."""
    start, end = U64(start), U64(end)
    while start < end:
        code, after = decode(data, start, end)
        if not classes[code] & SPACE:
            break
        start = after
    while start < end:
        last = end - ONE
        while last > start and data[last] & 0xC0 == 0x80:
            last -= ONE
        code, _ = decode(data, last, end)
        if not classes[code] & SPACE:
            break
        end = last
    return start, end


@numba.njit(cache=True, nogil=True)
def _split_lines(data: Any, offsets: Any, classes: Any) -> Any:
    """(start, end, first, opens): the trimmed lines that are not blank; `opens` where a paragraph begins."""
    n_docs = offsets.size - 1
    n_most = (offsets[n_docs] - offsets[0]) // 2 + n_docs
    start, end, first = np.empty(n_most, np.int64), np.empty(n_most, np.int64), np.zeros(n_docs + 1, np.int64)
    opens = np.empty(n_most, np.bool_)
    n = 0
    for doc in range(n_docs):
        i, stop = U64(offsets[doc]), U64(offsets[doc + 1])
        opens_paragraph = True
        while i < stop:
            newline = i
            while newline < stop and data[newline] != NEWLINE:
                newline += ONE
            line_start, line_end = _trim(data, i, newline, classes)
            if line_start < line_end:
                start[n], end[n], opens[n] = line_start, line_end, opens_paragraph
                n += 1
            opens_paragraph = line_start == line_end
            i = newline + ONE
        first[doc + 1] = n
    return start[:n], end[:n], first, opens[:n]


@numba.njit(cache=True, nogil=True)
def _split_sentences(data: Any, offsets: Any, classes: Any) -> Any:
    """(start, end, first) of the sentences; white space before and behind them is in none."""
    n_docs = offsets.size - 1
    n_most = (offsets[n_docs] - offsets[0]) // 2 + n_docs
    start, end, first = np.empty(n_most, np.int64), np.empty(n_most, np.int64), np.zeros(n_docs + 1, np.int64)
    n = 0
    for doc in range(n_docs):
        i, stop = U64(offsets[doc]), U64(offsets[doc + 1])
        begin = i
        has_content = False  # a letter or number since the last sentence ended
        is_marked = False  # an ASCII mark, and nothing but punctuation behind it
        while i < stop:
            code, i = decode(data, i, stop)
            kind = classes[code]
            is_terminal = kind & TERMINAL != 0
            # `&` and `|`, not `and` and `or`: branches that depend on letters cost more than they save.
            ends = (code == NEWLINE) | (is_terminal & (code >= 0x80)) | ((kind & SPACE != 0) & is_marked)
            if has_content & ends:
                start[n], end[n] = begin, i
                n += 1
                begin = i
                has_content = False
            has_content |= kind & (LETTER | NUMBER) != 0
            is_marked = is_terminal | (is_marked & (kind & PUNCTUATION != 0))
        if has_content:
            start[n], end[n] = begin, stop
            n += 1
        first[doc + 1] = n
    for i in range(n):
        start[i], end[i] = _trim(data, start[i], end[i], classes)
    return start[:n], end[:n], first


def _cut_han(words: Spans) -> Spans:
    """The words with each stretch of Han cut by jieba. Raises UsageError without the package rjieba."""
    try:
        from rjieba import cut  # pyright: ignore[reportMissingImports] - an extra
    except ImportError as error:
        hint = "pip install 'gristmill[jieba]', or set measure.words to cjk"
        raise UsageError("measure.words is jieba, and rjieba is not installed", hint) from error

    def sizes(word: str) -> list[int]:
        pieces = [cut(part) if i % 2 else [part] for i, part in enumerate(HAN.split(word)) if part]
        return [len(piece.encode()) for some in pieces for piece in some]

    has_han = np.asarray(pc.match_substring_regex(words.arrow, HAN.pattern))
    cuts = [sizes(word) for word in words.arrow.filter(pa.array(has_han)).to_pylist()]
    n_pieces = np.ones(len(has_han), np.int64)
    n_pieces[has_han] = [len(found) for found in cuts]
    size = np.repeat(words.end - words.start, n_pieces)
    size[np.repeat(has_han, n_pieces)] = [n_bytes for found in cuts for n_bytes in found]
    first, before = running_sum(n_pieces), running_sum(size)
    start = np.repeat(words.start - before[first[:-1]], n_pieces) + before[:-1]
    return Spans(words.data, start, start + size, first[words.first])


class Texts:
    """A batch of documents. Whatever is asked for is computed once, and takes some 150 bytes of memory per word.

    `word_rule` is one of
    - `whitespace`: words stand between white space, as in str.split;
    - `cjk`: as that, but each letter of Han, Hiragana, Katakana, Thai, Lao, Khmer and Myanmar is a word, with the
      combining marks behind it, and what stands between such letters is one too. Without a dictionary UAX #29 breaks
      Han, Hiragana and Thai alike. Hangul has spaces; scripts not named here (Tibetan, Javanese) are split at white
      space only;
    - `jieba`: as `whitespace`, but each stretch of U+4E00 to U+9FD5 is cut as jieba cuts it by default, with the hidden
      Markov model for what its dictionary does not hold, and what stands between such stretches is a word.
    """

    def __init__(
        self, column: pa.Array | pa.ChunkedArray, word_rule: str = "cjk", n_words: Floats | None = None
    ) -> None:
        """With `n_words`, which must be right, words are not looked for to be counted only."""
        if word_rule not in WORD_RULES:
            raise ValueError(f"there is no word rule {word_rule!r}; there are {', '.join(WORD_RULES)}")
        self.word_rule = word_rule
        self._n_words = n_words
        data, self._offsets = strings(column)
        self._data = data.view()
        self._data.flags.writeable = False  # kernels are compiled once for each type, and read-only is a type

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @cached_property
    def arrow(self) -> pa.StringArray:
        return string_array(self._data, self._offsets)

    @property
    def n_bytes(self) -> int:
        """Bytes of all documents."""
        return int(self._offsets[-1] - self._offsets[0])

    @cached_property
    def documents(self) -> Spans:
        """Each document as one piece."""
        return Spans(self._data, self._offsets[:-1], self._offsets[1:], np.arange(len(self) + 1))

    @cached_property
    def folded(self) -> tuple[Bytes, Ints]:
        """(bytes, offsets) of the documents with one newline for each stretch of white space, and none at the ends."""
        return fold(self._data, self._offsets, character_classes())

    @cached_property
    def words(self) -> Spans:
        single = UNSPACED if self.word_rule == "cjk" else 0
        found = Spans(self._data, *_split_words(self._data, self._offsets, character_classes(), single))
        return _cut_han(found) if self.word_rule == "jieba" else found

    @property
    def n_words(self) -> Floats:
        """Words of each document."""
        return self.words.n_per_document if self._n_words is None else self._n_words

    @cached_property
    def content_words(self) -> Spans:
        """The words that are not only punctuation."""
        return self.words.keep(~self.words.has_only(PUNCTUATION))

    @cached_property
    def characters(self) -> Spans:
        """The characters that are no white space, each a piece of its own; some 60 bytes of memory for each."""
        first, last = self._offsets[0], self._offsets[-1]
        begins = self._data[first:last] & 0xC0 != 0x80
        begins[self._offsets[:-1][np.diff(self._offsets) > 0] - first] = True
        start = np.flatnonzero(begins) + first
        every = Spans(self._data, start, np.append(start[1:], last), np.searchsorted(start, self._offsets))
        return every.keep(~every.has_only(SPACE))

    @cached_property
    def _lines(self) -> tuple[Ints, Ints, Ints, Flags]:
        return _split_lines(self._data, self._offsets, character_classes())

    @cached_property
    def lines(self) -> Spans:
        """Lines end at a newline; white space at both ends is left out, and blank lines are none."""
        start, end, first, _ = self._lines
        return Spans(self._data, start, end, first)

    @cached_property
    def paragraphs(self) -> Spans:
        """Runs of lines with no blank line between them."""
        start, end, first, opens = self._lines
        heads = np.flatnonzero(opens)
        tails = np.append(heads, len(start))[1:] - 1
        return Spans(self._data, start[heads], end[tails], np.searchsorted(heads, first))

    @cached_property
    def words_of_lines(self) -> Ints:
        """Line i has the words out[i]:out[i + 1], at least one; int64, one longer than `lines`."""
        return np.append(np.searchsorted(self.words.start, self.lines.start), len(self.words.start))

    @cached_property
    def n_chars(self) -> Floats:
        """Characters of each document, white space included."""
        return _count_characters(self._data, self._offsets)  # a sixth of the time of Arrow's utf8_length

    @cached_property
    def sentences(self) -> Spans:
        """Sentences, at least one on each line with a letter or number.

        A sentence ends at a newline, at a mark of any script such as 。 or ؟, and at . ? ! if only punctuation stands
        between it and white space. Punkt, which C4 and datatrove use, also knows abbreviations, so it does not end a
        sentence behind `Dr.`; this rule needs no language. What holds no letter and no number is part of the next one.
        """
        return Spans(self._data, *_split_sentences(self._data, self._offsets, character_classes()))

    @property
    def n_sentences(self) -> Floats:
        """Sentences of each document."""
        return self.sentences.n_per_document

    def count(self, substring: str) -> Floats:
        """Occurrences in each document that do not overlap, as str.count."""
        return self.count_matches(re.escape(substring))  # ten times as fast as Arrow's count_substring

    def count_matches(self, pattern: str) -> Floats:
        """Matches in each document of the regular expression (RE2 syntax) that do not overlap."""
        return np.asarray(pc.count_substring_regex(self.arrow, pattern)).astype(np.float64)

    def count_in_lines(self, kind: int) -> Ints:
        """Characters of each line that have a class of `kind`, white space never among them."""
        found = self.characters.start[self.characters.has_some(kind)]
        return np.searchsorted(found, self.lines.end) - np.searchsorted(found, self.lines.start)

    @cached_property
    def normalized(self) -> "Texts":
        """The texts as RedPajama-v2 compares words: no ASCII punctuation, lower case, canonically decomposed (NFD).

        Words stand between white space.
        """
        bare = pc.utf8_lower(pc.replace_substring_regex(self.arrow, ASCII_PUNCTUATION, ""))
        return Texts(pc.utf8_normalize(bare, "NFD"), "whitespace")

    @cached_property
    def compatible(self) -> "Texts":
        """The texts in compatibility form (NFKC): half and full width, ligatures and `…` in one spelling."""
        return Texts(pc.utf8_normalize(self.arrow, "NFKC"), self.word_rule)

    def without(self, pattern: str) -> "Texts":
        """The texts less every match of the regular expression (RE2 syntax)."""
        left = Texts(pc.replace_substring_regex(self.arrow, pattern, ""), self.word_rule)
        return left if left.n_bytes < self.n_bytes else self  # with the words and lines that are known already


def hash_words(words: Sequence[str]) -> NDArray[np.uint64]:
    """The hashes that `Spans.hashes` has for these words."""
    return Texts(pa.array(words, pa.string())).documents.hashes
