"""train_tokenizer: byte-level BPE, or SentencePiece's BPE or unigrams, learned from pre-token counts; then measured.

Reads the text of `clean` once, in Python workers, and the beginnings of some parts of it again; what is shuffled is
distinct pre-tokens and their counts. Pre-tokens are left out as rare only after all are counted.
"""

from collections import Counter
from functools import partial
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from conf.model import Model
from pipelines import sentencepiece_train
from pipelines.run import Json
from pipelines.stage import Job
from pipelines.tasks import run_tasks, stream_tasks
from udfs import bpe_files, bpe_train, files
from udfs.chat import TURN_END, TURN_START
from udfs.errors import InputError
from udfs.parts import PartFile
from udfs.pretokens import COUNTS, count_part
from udfs.strings import strings
from udfs.text_tokenizer import REQUIRED, TokenizerPlace, open_tokenizer
from udfs.tokenizer_figures import FIGURES, TextFigures, add_up, measure_part

CONTROL = {
    "bos": "<|begin_of_text|>",
    "eos": "<|end_of_text|>",
    "pad": "<|pad|>",
    "turn_start": TURN_START,
    "turn_end": TURN_END,
}
MEASURED_PARTS = 64
MEASURED_BYTES = 4 << 20
"""Of text, in each of the parts that are measured."""


class TokenizerSettings(Model):
    places: ClassVar[frozenset[str]] = frozenset({"path", "compare"})

    kind: Literal["bpe", "sentencepiece"] = "bpe"
    """`bpe` is byte-level, split as for Llama 3, and encoded by our own kernel; `sentencepiece` by the library."""
    algorithm: sentencepiece_train.Algorithm = "bpe"
    """For `sentencepiece`: byte pairs, or the likeliest pieces by a unigram model."""
    vocab_size: int = Field(default=32_000, ge=300, le=1_000_000)
    """Tokens, control and byte tokens included."""
    path: str | None = None
    """Folder with a tokenizer to use instead of training one: tokenizer.json and tokenizer_config.json as a run of ours
    writes them, or tokenizer.model, by `kind`."""
    sample: float = Field(default=1.0, gt=0, le=1)
    """Share of the documents that are counted, chosen by a hash of their ids."""
    max_words: int = Field(default=10_000_000, ge=1)
    """Distinct pre-tokens to learn from; rarer ones beyond are left out, and their share is reported."""
    character_coverage: float = Field(default=0.9995, gt=0.9, le=1)
    """For `sentencepiece`: share of characters that get a piece of their own; the others are spelt in bytes."""

    compare: dict[str, str] = {}
    """name -> tokenizer.json of another tokenizer, of any kind, to be measured on the same texts."""

    @model_validator(mode="after")
    def _bpe_has_one_algorithm(self) -> "TokenizerSettings":
        if self.algorithm == "unigram" and self.kind == "bpe":
            raise ValueError("tokenizer.algorithm is unigram: set tokenizer.kind=sentencepiece, which can train it")
        return self

    def outside_files(self) -> dict[str, str]:
        return self.own_files() | {f"compare/{name}": file for name, file in self.compare.items()}

    def own_files(self) -> dict[str, str]:
        """Those of a given tokenizer; none where one is trained."""
        return {name: files.join(self.path, name) for name in REQUIRED[self.kind]} if self.path else {}


def train_tokenizer(job: Job, tokenizer: TokenizerSettings, seed: int) -> None:
    """clean -> tokenizer/."""
    contents = given(tokenizer) if tokenizer.path else train(count_words(job, tokenizer, seed), tokenizer)
    job.counts["vocab_size_asked"] = None if tokenizer.path else tokenizer.vocab_size
    job.counts["vocab_size"] = open_tokenizer(tokenizer.kind, contents).vocab_size
    job.add("tokenizer", [write_file(job, "tokenizer", name, data) for name, data in contents.items()])
    job.counts |= describe(measure(job, tokenizer.compare))


def given(tokenizer: TokenizerSettings) -> dict[str, bytes]:
    """The files of a tokenizer that was trained elsewhere."""
    contents = {name: files.read_bytes(uri) for name, uri in tokenizer.own_files().items()}
    if tokenizer.kind == "sentencepiece":
        return sentencepiece_train.tokenizer_files(contents["tokenizer.model"])
    merges, _ = bpe_files.read_tokenizer_json(contents["tokenizer.json"])
    return bpe_files.tokenizer_files(merges, {}) | contents


def count_words(job: Job, tokenizer: TokenizerSettings, seed: int) -> pa.Table:
    """(word, count) of the commonest pre-tokens, most frequent first, ties by word."""
    kind, share = tokenizer.kind, tokenizer.sample
    counted = stream_tasks(job.spark, lambda uri: count_part(uri, kind, share, seed), job.uris("clean"), COUNTS)
    totals = counted.groupBy("word").agg(F.sum("count").alias("count")).persist()
    least = least_count(totals, tokenizer.max_words)
    learned = totals.where(F.col("word").isNotNull() & (F.col("count") >= least)).toArrow()
    n_distinct, n_words = totals.agg(F.count("word"), F.sum("count")).first() or (0, 0)
    totals.unpersist()
    if not n_distinct:
        raise InputError("clean holds no text to learn a tokenizer from", "loosen the filter, or give tokenizer.path")
    kept = int(pa.compute.sum(learned["count"]).as_py())  # pyright: ignore[reportAttributeAccessIssue]
    job.counts |= {"distinct_words": n_distinct, "words": n_words, "share_learned_from": kept / n_words}
    job.counts |= {"least_count": least}
    return learned.sort_by([("count", "descending"), ("word", "ascending")])


def least_count(totals: DataFrame, max_words: int) -> int:
    """The smallest count that no more than `max_words` distinct words reach; never more than the highest one."""
    found = totals.where("word is not null").groupBy("count").agg(F.count("word").alias("n")).toArrow()
    ordered = found.sort_by([("count", "descending")])
    counts, reached = ordered["count"].to_numpy(), np.cumsum(ordered["n"].to_numpy())
    return int(counts[reached <= max_words].min(initial=counts.max(initial=1)))


def train(counts: pa.Table, tokenizer: TokenizerSettings) -> dict[str, bytes]:
    """The files of a tokenizer of `vocab_size`, or fewer where there are not as many pairs to merge."""
    if tokenizer.kind == "sentencepiece":
        coverage, algorithm = tokenizer.character_coverage, tokenizer.algorithm
        model = sentencepiece_train.train(counts, tokenizer.vocab_size, coverage, algorithm)
        return sentencepiece_train.tokenizer_files(model)
    numbers = counts["count"].to_numpy()
    merges = bpe_train.train(strings(counts["word"]), numbers, tokenizer.vocab_size - len(CONTROL))
    return bpe_files.tokenizer_files(merges, CONTROL)


def measure(job: Job, others: dict[str, str]) -> TextFigures:
    """What it makes of the first documents of parts at equal distances, which is all documents where they are few."""
    parts = job.uris("clean")
    chosen = [parts[i] for i in np.linspace(0, len(parts) - 1, min(len(parts), MEASURED_PARTS)).astype(int)]
    work = partial(measure_part, place=place_of(job), max_bytes=MEASURED_BYTES, others=others)
    return add_up(run_tasks(job.spark, "measure the tokenizer", work, chosen))


def place_of(job: Job) -> TokenizerPlace:
    """The tokenizer of the run that the job has written or reads."""
    table = job.table("tokenizer")
    kind = "sentencepiece" if "tokenizer.model" in {file.path for file in table.files} else "bpe"
    return TokenizerPlace(job.run.path("tokenizer"), kind, table.digest)


def describe(figures: TextFigures) -> Json:
    """The figures for the run's record: of each source and language, of all together, and the ids that no text had."""
    rows = figures.rows.to_pylist()
    total = {name: sum(row[name] for row in rows) for name in FIGURES}
    return {
        "measured": rows,
        "bytes_per_token": total["bytes"] / max(1, total["tokens"]),
        "tokens_per_word": total["tokens"] / max(1, total["words"]),
        "unused_tokens": int((~figures.used).sum()),
        "coverage": coverage(rows),
        "compared": compared(figures.others, total["words"]),
    }


def compared(others: pa.Table, n_words: int) -> list[Json]:
    """Of each other tokenizer its tokens on the same texts, in all and by language."""
    rows = others.to_pylist()
    found = []
    for name in dict.fromkeys(row["tokenizer"] for row in rows):
        own = [row for row in rows if row["tokenizer"] == name]
        n_bytes, n_tokens = (sum(row[column] for row in own) for column in ("bytes", "tokens"))
        languages = {row["language"] or "": row["bytes"] / max(1, row["tokens"]) for row in own}
        figures = {"bytes_per_token": n_bytes / max(1, n_tokens), "tokens_per_word": n_tokens / max(1, n_words)}
        found.append({"name": name, "tokens": n_tokens, **figures, "languages": languages})
    return found


def coverage(rows: list[Json]) -> Json:
    """language -> share of the bytes that stand in tokens of whole characters or more."""
    n_bytes, n_fragments = Counter[str](), Counter[str]()
    for row in rows:
        n_bytes[row["language"] or ""] += row["bytes"]
        n_fragments[row["language"] or ""] += row["fragments"]
    return {language: 1 - n_fragments[language] / n for language, n in n_bytes.items() if n}


def write_file(job: Job, table: str, name: str, data: bytes) -> PartFile:
    """Publish a file of an output that is not rows; its row digest is its own SHA-256."""
    with files.publish(job.run.path(table, name)) as writer:
        writer.write(data)
    return PartFile(name, 0, writer.n_bytes, writer.sha256, writer.sha256[:32])
