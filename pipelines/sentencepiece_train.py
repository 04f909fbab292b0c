"""Pieces learned by SentencePiece from pre-token counts, byte pairs or unigrams, and the files they are kept in.

The model normalises nothing, adds no space in front, keeps all white space and spells unknown characters as bytes, so
decoding gives the text back, but for U+2581, which SentencePiece uses for the space and therefore returns as one.
"""

import io
import json
from typing import Any, Literal

import pyarrow as pa
import sentencepiece

from pipelines.sentencepiece_json import to_tokenizer_json
from udfs.errors import UsageError

Algorithm = Literal["bpe", "unigram"]
CONTROL = {"unk": "<unk>", "bos": "<s>", "eos": "</s>", "pad": "<pad>"}


def train(counts: pa.Table, vocab_size: int, character_coverage: float, algorithm: Algorithm = "bpe") -> bytes:
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
            model_type=algorithm,
            vocab_size=vocab_size,
            hard_vocab_limit=False,
            character_coverage=character_coverage,
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
        reason = f"tokenizer.vocab_size: {vocab_size}: {str(error).rpartition('] ')[2]}"
        raise UsageError(reason, "raise tokenizer.vocab_size, or lower tokenizer.character_coverage") from error
    return model.getvalue()


def tokenizer_files(model: bytes) -> dict[str, bytes]:
    """The content of each file, by name."""
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    return {
        "tokenizer.model": model,
        "tokenizer.json": json.dumps(to_tokenizer_json(processor), ensure_ascii=False, indent=1).encode(),
        "tokenizer_config.json": json.dumps(tokenizer_config(processor), indent=1).encode(),
    }


def tokenizer_config(processor: sentencepiece.SentencePieceProcessor) -> dict[str, object]:
    """What transformers needs beside tokenizer.json."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 1_000_000_000,
        "clean_up_tokenization_spaces": False,
        **{f"{name}_token": processor.id_to_piece(number) for number, name in enumerate(CONTROL)},
    }
