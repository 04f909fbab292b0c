"""measure: every number of every document, in one pass over the text.

Reads `documents` once, in Python workers; writes about 1 KB a document (numbers, bands, an excerpt). No shuffle. All
signals are measured whether a bound names them or not, so that bounds can be changed without reading text again.
"""

from functools import partial
from typing import Literal

from pydantic import Field

from conf.model import Model
from pipelines.stage import Job, total
from pipelines.tables import SIGNALS
from pipelines.tasks import run_tasks
from udfs.edits import Edits
from udfs.language import LanguagePlan, default_model
from udfs.measure import MeasurePlan, MeasureTask, measure_part
from udfs.parts import part_name


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
        return LanguagePlan(**{**self.model_dump(), "model": self.model or default_model()})


class EditSettings(Model):
    """The lines that go before anything but the Gopher signals is measured: C4's rules, each on or off."""

    citations: bool = True
    """Remove [1], [edit] and [citation needed]."""
    max_word_length: int | None = Field(default=1000, ge=1)
    """Drop lines with a longer word; null is off."""
    terminal_punctuation: bool = True
    """Drop lines that do not end in . ? ! or a double quote."""
    min_words_per_line: int | None = Field(default=5, ge=0)
    """Drop lines with fewer words; null is off."""
    javascript: bool = True
    """Drop lines that mention JavaScript."""
    policy: bool = True
    """Drop lines about cookies, privacy and terms of use."""
    bad_words: tuple[str, ...] = ()
    """Words counted by the signal c4.bad_word_lines."""


class Shingle(Model):
    """What documents are cut into for comparison: every run of n units."""

    unit: Literal["word", "char"] = "word"
    """`word`: words, where each CJK character is one; `char`: characters without white space."""
    n: int = Field(default=5, ge=1, le=64)


class MeasureSettings(Model):
    words: Literal["cjk", "whitespace"] = "cjk"
    """What is a word: what stands between white space; with `cjk` each character of an unspaced script is one too."""
    edits: EditSettings | None = None
    """Lines to drop; null leaves every text as it was extracted."""

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
    plan = MeasurePlan(
        word_rule=measure.words,
        edits=measure.edits_plan(),
        language=language.plan(),
        quality_model=quality_folder(job, quality_model),
        shingle_unit=dedup_shingle.unit,
        shingle_n=dedup_shingle.n,
        bands=dedup_bands,
        rows=dedup_rows,
    )
    tasks = [
        MeasureTask(uri, job.run.path("signals"), part_name(number, job.key), SIGNALS)
        for number, uri in job.numbered("documents").items()
    ]
    measured = run_tasks(job.spark, "measure", partial(measure_part, plan=plan), tasks)
    job.add("signals", [part for part, _ in measured])
    job.counts["languages"] = total("source", "language", [counts for _, counts in measured])


def quality_folder(job: Job, model: str) -> str | None:
    """Folder of the quality model to score with; None without one."""
    if model == "trained":
        return job.run.path("quality_model") if job.table("quality_model").files else None
    return None if model == "none" else model
