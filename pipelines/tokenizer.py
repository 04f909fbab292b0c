"""train_tokenizer: byte-pair pieces learned by SentencePiece from pre-token counts.

Reads the text of `clean` once, in Python workers; what is shuffled is distinct pre-tokens and their counts. The model
normalises nothing, adds no space in front, keeps all white space and spells unknown characters as bytes, so decoding
gives the text back, but for U+2581, which SentencePiece uses for the space and therefore returns as one.
"""

import io
import json
from typing import Any, ClassVar, Literal

import pyarrow as pa
import sentencepiece
from pydantic import Field
from pyspark.sql import functions as F

from conf.model import Model
from pipelines.sentencepiece_json import to_tokenizer_json
from pipelines.stage import Job
from pipelines.tasks import stream_tasks
from udfs import files
from udfs.errors import InputError, UsageError
from udfs.parts import PartFile
from udfs.pretokens import COUNTS, count_part

CONTROL = {"unk": "<unk>", "bos": "<s>", "eos": "</s>", "pad": "<pad>"}


class TokenizerSettings(Model):
    places: ClassVar[frozenset[str]] = frozenset({"path"})

    kind: Literal["sentencepiece"] = "sentencepiece"
    vocab_size: int = Field(default=32_000, ge=300, le=1_000_000)
    """Pieces, control and byte pieces included."""
    path: str | None = None
    """Folder with a tokenizer.model to use instead of training one."""
    sample: float = Field(default=1.0, gt=0, le=1)
    """Share of the documents that are counted, chosen by a hash of their ids."""
    max_words: int = Field(default=10_000_000, ge=1)
    """Distinct pre-tokens to learn from; rarer ones beyond are left out, and their share is reported."""
    character_coverage: float = Field(default=0.9995, gt=0.9, le=1)
    """Share of characters that get a piece of their own; the others are spelt in bytes."""

    def outside_files(self) -> dict[str, str]:
        return {"tokenizer.model": files.join(self.path, "tokenizer.model")} if self.path else {}


def train_tokenizer(job: Job, tokenizer: TokenizerSettings, seed: int) -> None:
    """clean -> tokenizer/."""
    if tokenizer.path:
        model = files.read_bytes(tokenizer.outside_files()["tokenizer.model"])
    else:
        model = train(count_words(job, tokenizer, seed), tokenizer)
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    job.counts["vocab_size"] = processor.get_piece_size()
    outputs = {
        "tokenizer.model": model,
        "tokenizer.json": json.dumps(to_tokenizer_json(processor), ensure_ascii=False, indent=1).encode(),
        "tokenizer_config.json": json.dumps(tokenizer_config(processor), indent=1).encode(),
    }
    job.add("tokenizer", [write_file(job, "tokenizer", name, data) for name, data in outputs.items()])


def count_words(job: Job, tokenizer: TokenizerSettings, seed: int) -> pa.Table:
    """(word, count) of the commonest pre-tokens, most frequent first, ties by word."""
    share = tokenizer.sample
    counted = stream_tasks(job.spark, lambda uri: count_part(uri, share, seed), job.uris("clean"), COUNTS)
    totals = counted.groupBy("word").agg(F.sum("count").alias("count")).persist()
    n_words, n_tokens = totals.agg(F.count("word"), F.sum("count")).first() or (0, 0)
    if not n_words:
        raise InputError("clean holds no text to learn a tokenizer from", "loosen the filter, or give tokenizer.path")
    learned = totals.orderBy(F.desc("count"), "word").limit(tokenizer.max_words).toArrow()
    kept = int(pa.compute.sum(learned["count"]).as_py())  # pyright: ignore[reportAttributeAccessIssue]
    job.counts |= {"distinct_words": n_words, "words": n_tokens, "share_learned_from": kept / n_tokens}
    return learned


def train(counts: pa.Table, tokenizer: TokenizerSettings) -> bytes:
    """A serialized SentencePiece model. Raises UsageError where the vocabulary is too small for the characters."""
    model = io.BytesIO()
    words = zip(counts["word"].to_pylist(), counts["count"].to_pylist(), strict=True)
    control: dict[str, Any] = {f"{name}_id": number for number, name in enumerate(CONTROL)}
    control |= {f"{name}_piece": piece for name, piece in CONTROL.items()}
    try:
        sentencepiece.SentencePieceTrainer.train(
            # Not from a file: its path would stand in the model, and differ from run to run.
            sentence_iterator=(f"{word}\t{count}" for word, count in words if not set(word) & set("\n\r\t\0")),
            input_format="tsv",
            model_writer=model,
            model_type="bpe",
            vocab_size=tokenizer.vocab_size,
            hard_vocab_limit=False,
            character_coverage=tokenizer.character_coverage,
            normalization_rule_name="identity",
            byte_fallback=True,
            add_dummy_prefix=False,
            remove_extra_whitespaces=False,
            allow_whitespace_only_pieces=True,
            split_digits=True,
            num_threads=1,
            minloglevel=2,
            **control,
        )
    except RuntimeError as error:
        reason = f"tokenizer.vocab_size: {tokenizer.vocab_size}: {str(error).rpartition('] ')[2]}"
        raise UsageError(reason, "raise tokenizer.vocab_size, or lower tokenizer.character_coverage") from error
    return model.getvalue()


def tokenizer_config(processor: sentencepiece.SentencePieceProcessor) -> dict[str, object]:
    """What transformers needs beside tokenizer.json."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 1_000_000_000,
        "clean_up_tokenization_spaces": False,
        **{f"{name}_token": processor.id_to_piece(number) for number, name in enumerate(CONTROL)},
    }


def write_file(job: Job, table: str, name: str, data: bytes) -> PartFile:
    """Publish a file of an output that is not rows; its row digest is its own SHA-256."""
    with files.publish(job.run.path(table, name)) as writer:
        writer.write(data)
    return PartFile(name, 0, writer.n_bytes, writer.sha256, writer.sha256[:32])
