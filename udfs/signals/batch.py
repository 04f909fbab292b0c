"""A batch of documents as signals see it: before and after the edits, with languages and word lists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from udfs.edits import Edited
from udfs.text import Texts


@dataclass(frozen=True)
class WordLists:
    """Lists that come with the settings, because they are not ours to carry or differ by language."""

    bad_words: tuple[str, ...] = ()
    stop_words: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """language -> its most frequent words."""
    traditional: str = ""
    """Chinese characters that stand in no simplified text."""


NO_LISTS = WordLists()


class NgramFiles(NamedTuple):
    """Where a language's models of perplexity stand: KenLM's, and the sentencepiece model that made its words."""

    lm: str
    sentencepiece: str


@dataclass(frozen=True, eq=False)
class Batch:
    raw: Texts
    """The texts as extracted."""
    edited: Edited
    languages: Any = None
    """An Arrow array with the language of each document; None where it is not known."""
    lists: WordLists = NO_LISTS
    ngrams: Mapping[str, NgramFiles] = field(default_factory=dict)
    """language -> its models of perplexity."""

    @property
    def batch(self) -> "Batch":
        return self

    @property
    def judged(self) -> Texts:
        """The texts whose lines the edits judged: without citations and URLs, where those are removed."""
        return self.edited.judged

    @property
    def left(self) -> Texts:
        """What the edits left."""
        return self.edited.texts

    def speakers(self, language: str) -> Any:
        """Flags of the documents of a language."""
        languages = pa.nulls(len(self.raw), pa.string()) if self.languages is None else self.languages
        return pc.equal(languages, language).fill_null(False).to_numpy(zero_copy_only=False)
