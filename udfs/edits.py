"""Edits: the lines of a text that stay, by the line rules of C4, FineWeb, RefinedWeb and DCLM.

Sources of the rules and their numbers: C4 as released (tensorflow/datasets, text/c4_utils.py), DCLM for those of
RefinedWeb (mlfoundations/dclm, baselines/mappers/modifiers.py). DCLM's come first. Departures from C4: citations are
removed before all rules, and a line is trimmed again behind them; a word is a word of `Texts`, so that a line of
Chinese has many; upper and lower case are alike as RE2 folds them. The rules for whole documents (`{`, "lorem ipsum",
bad words) drop nothing here: they are signals, in udfs/signals/c4.py. Departure from DCLM: a URL begins with a scheme
or `www.`, where DCLM takes any name that ends in a top-level domain for one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from udfs.spans import Bytes, Flags, Spans, spans_of
from udfs.text import Texts
from udfs.unicode_classes import NUMBER, SPACE, TERMINAL, UPPER

URL = r"(?i:[ \t]?(?:(?:https?|ftp)://|\bwww\.)[-a-z0-9()@:%_+.~#?&/=,;!$*']*[-a-z0-9@%_+~#&/=])"
CITATION = r"\[(?:[0-9]*|edit|citation needed)\]"
END_MARKS = (".", "?", "!", '"')
POLICY = "terms of use|privacy policy|cookie policy|uses cookies|use of cookies|use cookies"
COUNTED = "likes|shares|comments|retweets|reposts|quotes|bookmarks|upvotes|downvotes|downloads|views|followers"
COUNTER = rf"^[^\pL\pN_]*\p{{Nd}}[,.\p{{Nd}}]*[kmb]?\s+(?:{COUNTED})[^\pL\pN_]*$"
PHRASES = r"(?i)\s?items in cart|\s?read more\.\.\.$|^sign-in\s?"
MAX_WORDS_WITH_PHRASE = 10


def max_uppercase(texts: Texts, most: float) -> Flags:
    """Lines of whose characters more than the share `most` are capitals (RefinedWeb; DCLM: 0.5)."""
    return texts.count_in_lines(UPPER) > most * texts.lines.n_chars


def numbers(texts: Texts, _: bool) -> Flags:
    """Lines of digits alone (RefinedWeb)."""
    return texts.lines.has_only(NUMBER)


def counters(texts: Texts, _: bool) -> Flags:
    """Lines that only count likes, views and such: `12.3K views` (RefinedWeb)."""
    return texts.lines.matches(COUNTER)


def max_word_length(texts: Texts, most: int) -> Flags:
    """Lines with a word of more than `most` characters."""
    words = texts.words
    suspects = words.keep(words.end - words.start > most)  # so many bytes, so that few characters are counted
    starts = suspects.start[suspects.n_chars > most]
    return np.searchsorted(starts, texts.lines.end) > np.searchsorted(starts, texts.lines.start)


def terminal_punctuation(texts: Texts, marks: bool | str) -> Flags:
    """Lines that do not end in . ? ! or a double quote, or that end in an ellipsis. Most lines of Chinese are such.

    With `any_script`, lines that do not end in a mark that ends sentences in some script (MAP-NEO, for Chinese).
    """
    if marks == "any_script":
        return ~texts.lines.ends_in(TERMINAL)
    return ~texts.lines.ends_with(*END_MARKS) | texts.lines.ends_with("...")


def min_words_per_line(texts: Texts, least: int) -> Flags:
    """Lines with fewer than `least` words."""
    return np.diff(texts.words_of_lines) < least


def javascript(texts: Texts, _: bool) -> Flags:
    """Lines that mention JavaScript."""
    return texts.lines.matches("javascript")


def policy(texts: Texts, _: bool) -> Flags:
    """Lines about cookies, privacy and terms of use."""
    return texts.lines.matches(POLICY)


LineRule = Callable[[Texts, Any], Flags]
LINE_RULES: tuple[LineRule, ...] = (
    *(max_uppercase, numbers, counters),
    *(max_word_length, terminal_punctuation, min_words_per_line, javascript, policy),
)


@dataclass(frozen=True)
class Edits:
    """Which lines go; the defaults are those of C4 as released. None and False are off; a number, 0 too, is on."""

    citations: bool = True
    """Remove [1], [edit] and [citation needed] first."""
    max_word_length: int | None = 1000
    terminal_punctuation: bool | str = True
    min_words_per_line: int | None = 5
    javascript: bool = True
    policy: bool = True
    bad_words: tuple[str, ...] = ()
    """No line is dropped for them; the signal c4.bad_word_lines counts the lines that hold one."""
    urls: bool = False
    """Remove URLs first."""
    max_uppercase: float | None = None
    numbers: bool = False
    counters: bool = False
    phrases: bool = False
    """Remove "items in cart", "Read more..." and "Sign-in" from what is left of lines of at most 10 words."""


@dataclass(frozen=True, eq=False)
class Edited:
    """Texts before and after their edits, and what became of each line."""

    judged: Texts
    """The texts whose lines were judged."""
    broken: Bytes
    """uint8 for each of `judged.lines`: 0 if it stays, else 1 + the place in LINE_RULES of the rule that dropped it."""
    texts: Texts
    """What is left."""
    bad_words: tuple[str, ...] = ()

    @property
    def lines(self) -> Spans:
        return self.judged.lines

    def dropped_by(self, rule: LineRule) -> Flags:
        """The lines that `rule` dropped, none of the rules before it having done so."""
        return self.broken == 1 + LINE_RULES.index(rule)

    def met(self, rule: LineRule) -> Flags:
        """The lines that were left after `rule` and those before it."""
        return (self.broken == 0) | (self.broken > 1 + LINE_RULES.index(rule))


def edit(texts: Texts, edits: Edits | None) -> Edited:
    """`texts` with the edits made: the lines that break no rule, trimmed, with a newline between them.

    Without edits the texts stay as they are, to the byte.
    """
    if edits is None:
        return Edited(texts, np.zeros(len(texts.lines.start), np.uint8), texts)
    removed = [URL] * edits.urls + [CITATION] * edits.citations
    judged = texts.without("|".join(removed)) if removed else texts
    broken = _first_broken(judged, edits)
    stays = broken == 0
    kept = judged.lines.keep(stays)
    left = Texts(kept.join(kept.first), texts.word_rule, judged.lines.sum(np.diff(judged.words_of_lines) * stays))
    return Edited(judged, broken, _without_phrases(left) if edits.phrases else left, edits.bad_words)


def _first_broken(texts: Texts, edits: Edits) -> Bytes:
    broken = np.zeros(len(texts.lines.start), np.uint8)
    for number, rule in enumerate(LINE_RULES, 1):
        setting = getattr(edits, rule.__name__)
        if setting is not None and setting is not False:
            broken[(broken == 0) & rule(texts, setting)] = number
    return broken


def _without_phrases(texts: Texts) -> Texts:
    """The texts less the phrases in short lines, and less the lines that were nothing else."""
    lines = texts.lines.arrow
    is_short = np.diff(texts.words_of_lines) <= MAX_WORDS_WITH_PHRASE
    changed = pc.if_else(pa.array(is_short), pc.replace_substring_regex(lines, PHRASES, ""), lines)
    pieces = spans_of(changed, texts.lines.first)
    left = pieces.keep(~pieces.has_only(SPACE))
    return Texts(left.join(left.first), texts.word_rule)
