"""Where in a text the cause of a signal's value stands: the lines, words or runs of words that are counted.

The text that is searched is the one that the signal is measured on, but for normalisation. A signal that is not here
has no place in it: a length, a mean, an entropy, a number that a model gives. Of a share that wants to be large the
cause is what lacks the property: words without a letter, lines without an end mark.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pyarrow.compute as pc

from udfs import edits
from udfs.edits import Edited
from udfs.signals import dclm, redpajama2
from udfs.signals.batch import Batch
from udfs.signals.c4 import LONG_LINE_CHARS
from udfs.signals.fineweb import SHORT_LINE_CHARS
from udfs.signals.gopher import STOP_WORDS
from udfs.spans import Flags, Spans
from udfs.text import Texts, hash_words
from udfs.unicode_classes import LETTER, TERMINAL


def lines_that_begin(texts: Texts, marks: tuple[str, ...]) -> Spans:
    return texts.lines.keep(texts.lines.starts_with(*marks))


def lines_that_end(texts: Texts, marks: tuple[str, ...]) -> Spans:
    return texts.lines.keep(texts.lines.ends_with(*marks))


def repeated(texts: Texts, unit: str, n: int = 1) -> Spans:
    """Pieces in runs of `n` that stand in their document twice or more, the first time too."""
    pieces: Spans = getattr(texts, unit)
    return pieces.keep(pieces.covered(n))


def top_run(texts: Texts, unit: str, n: int) -> Spans:
    """The most frequent run of `n` pieces, the first of several, at all its places in the only document."""
    pieces: Spans = getattr(texts, unit)
    if len(pieces.hashes) < n:
        return pieces.keep(np.zeros(len(pieces.hashes), np.bool_))
    runs = np.lib.stride_tricks.sliding_window_view(pieces.hashes, n)
    begins = np.append((runs == runs[pieces.occurrences(n).argmax()]).all(axis=1), np.zeros(n - 1, np.bool_))
    return pieces.keep(np.convolve(begins, np.ones(n))[: len(begins)] > 0)


def found(texts: Texts, pattern: str) -> Spans:
    """What the regular expression finds in the only document."""
    text = texts.arrow[0].as_py().encode()
    places = np.array([match.span() for match in re.finditer(pattern.encode(), text)], np.int64).reshape(-1, 2)
    return Spans(texts.documents.data, places[:, 0], places[:, 1], np.array([0, len(places)]))


def in_capitals(words: Spans) -> Flags:
    return np.asarray(pc.match_substring_regex(words.arrow, redpajama2.ALL_CAPS))


def dropped_lines(edited: Edited, rule: edits.LineRule) -> Spans:
    return edited.lines.keep(edited.dropped_by(rule))


def any_of(marks: tuple[str, ...]) -> str:
    return "|".join(map(re.escape, marks))


Finder = Callable[[Any], Spans]
ELLIPSES = ("...", "…")
IN_RAW: dict[str, Finder] = {
    "gopher.hash_ratio": partial(found, pattern="#"),
    "gopher.ellipsis_ratio": partial(found, pattern=any_of(ELLIPSES)),
    "gopher.bullet_lines": partial(lines_that_begin, marks=("•", "-")),
    "gopher.ellipsis_lines": partial(lines_that_end, marks=ELLIPSES),
    "gopher.alphabetic_words": lambda texts: texts.words.keep(~texts.words.has_some(LETTER)),
    "gopher.stop_words": lambda texts: texts.words.keep(np.isin(texts.words.hashes, hash_words(STOP_WORDS))),
    "repetition.duplicate_lines": partial(repeated, unit="lines"),
    "repetition.duplicate_line_characters": partial(repeated, unit="lines"),
    "repetition.duplicate_paragraphs": partial(repeated, unit="paragraphs"),
    "repetition.duplicate_paragraph_characters": partial(repeated, unit="paragraphs"),
    **{f"repetition.top_{n}_gram": partial(top_run, unit="words", n=n) for n in (2, 3, 4)},
    **{f"repetition.duplicate_{n}_grams": partial(repeated, unit="words", n=n) for n in range(5, 11)},
    "redpajama2.symbol_ratio": partial(found, pattern=any_of(("#", *ELLIPSES))),
    "redpajama2.ellipsis_lines": partial(lines_that_end, marks=ELLIPSES),
    "redpajama2.bullet_lines": partial(lines_that_begin, marks=redpajama2.BULLETS),
    "redpajama2.no_alphabetic_words": lambda texts: texts.words.keep(~texts.words.matches("[a-z]")),
    "redpajama2.all_caps_words": lambda texts: texts.words.keep(in_capitals(texts.words)),
    "redpajama2.curly_brackets": partial(found, pattern="[{}]"),
    "map_neo.bracket_characters": partial(found, pattern="【[^】]*】"),
    "map_neo.hash_ratio": partial(found, pattern="#+"),
    "map_neo.ellipsis_ratio": partial(found, pattern=r"\.{3,}|(?:。){3,}|…"),
}
IN_JUDGED: dict[str, Finder] = {
    "dclm.symbol_ratio": partial(found, pattern=any_of(dclm.SYMBOLS)),
    "dclm.bullet_lines": partial(lines_that_begin, marks=dclm.BULLETS),
    "dclm.ellipsis_lines": partial(lines_that_end, marks=dclm.SYMBOLS[1:]),
    "coverage.duplicate_lines": partial(repeated, unit="lines"),
    "coverage.duplicate_line_characters": partial(repeated, unit="lines"),
    "coverage.duplicate_paragraphs": partial(repeated, unit="paragraphs"),
    "coverage.duplicate_paragraph_characters": partial(repeated, unit="paragraphs"),
    **{f"coverage.top_{n}_gram": partial(top_run, unit="content_words", n=n) for n in (2, 3, 4)},
    **{f"coverage.duplicate_{n}_grams": partial(repeated, unit="content_words", n=n) for n in range(5, 11)},
    "c4.lorem_ipsum_lines": lambda texts: texts.lines.keep(texts.lines.matches("lorem ipsum")),
    "c4.curly_bracket_lines": lambda texts: texts.lines.keep(texts.lines.matches(r"\{")),
}
IN_EDITED: dict[str, Finder] = {
    "c4.dropped_for_word_length": partial(dropped_lines, rule=edits.max_word_length),
    "c4.dropped_for_punctuation": partial(dropped_lines, rule=edits.terminal_punctuation),
    "c4.dropped_for_few_words": partial(dropped_lines, rule=edits.min_words_per_line),
    "c4.dropped_for_javascript": partial(dropped_lines, rule=edits.javascript),
    "c4.dropped_for_policy": partial(dropped_lines, rule=edits.policy),
}
IN_LEFT: dict[str, Finder] = {
    "c4.long_lines": lambda texts: texts.lines.keep(texts.lines.n_chars >= LONG_LINE_CHARS),
    "fineweb.terminal_punctuation_lines": lambda texts: texts.lines.keep(~texts.lines.ends_in(TERMINAL)),
    "fineweb.short_lines": lambda texts: texts.lines.keep(texts.lines.n_chars <= SHORT_LINE_CHARS),
    "fineweb.duplicate_line_characters": partial(repeated, unit="lines"),
}
VIEWS = {"raw": IN_RAW, "judged": IN_JUDGED, "edited": IN_EDITED, "left": IN_LEFT}
"""Which view of a document (an attribute of `Batch`) the places are in -> signal -> what finds them."""


def has_place(signal: str) -> bool:
    return any(signal in finders for finders in VIEWS.values())


def cause_of(signal: str, document: Batch) -> Spans | None:
    """The places in a batch of one document; None for a signal that has none."""
    for view, finders in VIEWS.items():
        if signal in finders:
            return finders[signal](getattr(document, view))
    return None
