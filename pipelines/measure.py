"""measure: every number of every document, in one pass over the text.

Reads `documents` once, in Python workers; writes about 1 KB a document (numbers, bands, an excerpt). No shuffle. All
signals of the chosen families are measured whether a bound names them or not, so that bounds can be changed without
reading text again.
"""

from dataclasses import replace
from functools import partial
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from conf.load import did_you_mean
from conf.model import Model
from pipelines.stage import Job, total
from pipelines.tables import SIGNALS
from pipelines.tasks import run_tasks
from udfs import files, signals
from udfs.edits import Edits
from udfs.language import LanguagePlan, default_model
from udfs.measure import MeasurePlan, MeasureTask, measure_part
from udfs.minhash import KEYS
from udfs.parts import part_name
from udfs.signals.batch import NgramFiles, WordLists


def check_family(name: str) -> str:
    """The name of a signal family. Raises ValueError for another, with the nearest that there is."""
    if name not in signals.FAMILIES:
        raise ValueError(f"there is no signal family {name!r}{did_you_mean(name, signals.FAMILIES)}")
    return name


Family = Annotated[str, AfterValidator(check_family)]


class LanguageSettings(Model):
    places = frozenset({"model"})

    model: str | None = None
    """fastText language model, a local path on every worker; null takes lid.176.ftz as set up with gristmill."""
    engine: Literal["kernel", "fasttext"] = "kernel"
    """`kernel` reads lid.176.ftz, fast; `fasttext` is the library itself, for every other supervised model."""
    max_chars: int = Field(default=1000, ge=1)
    """Characters at the start of a text that are looked at."""
    fold_capitals: bool = True
    """Read a text with more capitals than other letters in small letters."""
    strip_urls: bool = True
    """Leave the URLs out of a text of fewer than 200 characters."""
    han_spacing: bool = False
    """Read each Han character as a word: finds short and classical Chinese, but changes all scores of Chinese."""

    def outside_files(self) -> dict[str, str]:
        return {"language_model": self.model or default_model()}

    def plan(self) -> LanguagePlan:
        return LanguagePlan(**self.model_dump())


class EditSettings(Model):
    """The lines that go before anything but the Gopher signals is measured: C4's and DCLM's rules, each on or off."""

    citations: bool = True
    """Remove [1], [edit] and [citation needed]."""
    max_word_length: int | None = Field(default=1000, ge=1)
    """Drop lines with a longer word; null is off."""
    terminal_punctuation: bool | Literal["any_script"] = True
    """Drop lines that do not end in . ? ! or a double quote; `any_script`: in no mark that ends sentences anywhere."""
    min_words_per_line: int | None = Field(default=5, ge=0)
    """Drop lines with fewer words; null is off."""
    javascript: bool = True
    """Drop lines that mention JavaScript."""
    policy: bool = True
    """Drop lines about cookies, privacy and terms of use."""
    urls: bool = False
    """Remove URLs that begin with a scheme or `www.`."""
    max_uppercase: float | None = Field(default=None, ge=0, le=1)
    """Drop lines with a larger share of capitals (DCLM: 0.5); null is off."""
    numbers: bool = False
    """Drop lines of digits alone."""
    counters: bool = False
    """Drop lines that only count likes, views and such."""
    phrases: bool = False
    """Remove "items in cart", "Read more..." and "Sign-in" from lines of at most 10 words."""


class Shingle(Model):
    """What documents are cut into for comparison: every run of n units."""

    unit: Literal["word", "char"] = "word"
    """`word`: words, where each CJK character is one; `char`: characters without white space."""
    n: int = Field(default=5, ge=1, le=64)


class NgramSettings(Model):
    lm: str
    """KenLM's model, ARPA text or binary; a local one is mapped, and shared by the workers of a machine."""
    sentencepiece: str
    """The sentencepiece model that made the words it was trained on."""


class MeasureSettings(Model):
    places: ClassVar[frozenset[str]] = frozenset({"bad_words", "traditional", "perplexity"})

    words: Literal["cjk", "jieba", "whitespace"] = "cjk"
    """What is a word: what stands between white space; with `cjk` each character of an unspaced script is one too; with
    `jieba` so is each Chinese word that jieba finds, which takes the package rjieba, and time."""
    edits: EditSettings | None = None
    """Lines to drop; null leaves every text as it was extracted."""
    families: dict[Family, bool] = {}
    """Families of signals to measure (docs/signals.md); gopher, repetition, c4 and fineweb are, unless false here."""
    bad_words: str | None = None
    """File with a word or phrase a line, for the signals that count them; such as the lists of github.com/LDNOOBW."""
    traditional: str | None = None
    """File whose lines begin with a Chinese character that stands in no simplified text; such as OpenCC's
    TSCharacters.txt."""
    stop_words: dict[str, tuple[str, ...]] = {}
    """language -> its most frequent words, for the signals that count them."""
    perplexity: dict[str, NgramSettings] = {}
    """language -> {lm, sentencepiece}: its KenLM model, ARPA or binary, and the sentencepiece model that made its
    words; for the family `perplexity`, with the package kenlm. A language without a model has null for it."""

    def measured_families(self) -> tuple[str, ...]:
        return tuple(name for name in signals.FAMILIES if self.families.get(name, name in signals.ALWAYS))

    def list_files(self) -> dict[str, str]:
        found = {"bad_words": self.bad_words, "traditional": self.traditional}
        return {name: file for name, file in found.items() if file}

    def outside_files(self) -> dict[str, str]:
        models = {
            f"perplexity/{language}/{name}": file
            for language, model in self.perplexity.items()
            for name, file in model.model_dump().items()
        }
        return self.list_files() | models

    def word_lists(self) -> WordLists:
        """The lists in force, read from their files. Raises InputError for a file that is not there."""
        lines = {name: files.read_bytes(file).decode().splitlines() for name, file in self.list_files().items()}
        bad_words = tuple(line.strip() for line in lines.get("bad_words", []) if line.strip())
        traditional = "".join(line[:1] for line in lines.get("traditional", []) if not line.startswith("#"))
        return WordLists(bad_words, dict(self.stop_words), traditional)

    def edits_plan(self) -> Edits | None:
        return Edits(**self.edits.model_dump()) if self.edits else None


def measure(
    job: Job,
    language: LanguageSettings,
    measure: MeasureSettings,
    quality_model: str,
    dedup_bands: int,
    dedup_rows: int,
    dedup_shingle: Shingle,
) -> None:
    """documents, quality_model -> signals."""
    lists, edits = measure.word_lists(), measure.edits_plan()
    plan = MeasurePlan(
        word_rule=measure.words,
        edits=replace(edits, bad_words=lists.bad_words) if edits else None,
        language=language.plan(),
        quality_model=quality_folder(job, quality_model),
        shingle_unit=dedup_shingle.unit,
        shingle_n=dedup_shingle.n,
        bands=dedup_bands,
        rows=dedup_rows,
        families=measure.measured_families(),
        lists=lists,
        ngrams={name: NgramFiles(**model.model_dump()) for name, model in measure.perplexity.items()},
    )
    tasks = [
        MeasureTask(uri, job.run.path("signals"), part_name(number, job.key), SIGNALS)
        for number, uri in job.numbered("documents").items()
    ]
    measured = run_tasks(job.spark, "measure", partial(measure_part, plan=plan), tasks)
    job.add("signals", [part for part, _ in measured])
    job.counts["band_keys"] = KEYS
    job.counts["languages"] = total("source", "language", [counts for _, counts in measured])


def quality_folder(job: Job, model: str) -> str | None:
    """Folder of the quality model to score with; None without one."""
    if model == "trained":
        return job.run.path("quality_model") if job.table("quality_model").files else None
    return None if model == "none" else model
