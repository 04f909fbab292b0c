"""Small data sets of conversations and of compared answers, written with ShardWriter."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from udfs.shards import Manifest, Shard, ShardWriter, Tokenizer, write_manifest

VOCAB_SIZE, BOS, EOS, END = 64, 0, 1, 2


def answer(first: int, step: int, n: int) -> list[int]:
    return [3 + (first + step * i) % (VOCAB_SIZE - 3) for i in range(n)]


def conversation(rng: np.random.Generator, step: int = 3) -> tuple[list[int], list[int]]:
    """(tokens, which of them count): some tokens as a question; the answer is the sequence that its last one begins."""
    asked = rng.integers(3, VOCAB_SIZE, size=int(rng.integers(2, 12))).tolist()
    said = [*answer(asked[-1] - 3, step, 6), END]
    return [BOS, *asked, *said], [0] * (1 + len(asked)) + [1] * len(said)


def write(folder: Path, kind: str, split: str, n_rows: int, step: int) -> Shard:
    rng = np.random.default_rng(len(split) + step)
    with ShardWriter(str(folder), f"{split}/talk/shard-00000", VOCAB_SIZE, with_loss=True) as writer:
        for number in range(n_rows):
            tokens, counts = conversation(rng, step)
            answers = {"": tokens}
            if kind == "preference":
                n = sum(counts)
                answers = {"/chosen": [*tokens[:-n], *answer(tokens[-n - 1] - 3, 5, n - 1), END], "/rejected": tokens}
            for name, ids in answers.items():
                row: dict[str, Any] = {
                    "doc_id": f"{split}-{number}{name}",
                    "source": "talk",
                    "url": None,
                    "n_bytes": 10,
                }
                row |= {"snapshot": None, "quality": None, "lang": None, "dup_cluster": None}
                writer.write(np.array(ids), row, np.array(counts, np.uint8))
    return writer.shard


def write_chat(folder: Path, kind: str, n_rows: int = 300, step: int = 3) -> Path:
    """Answers go up by `step`; of two that are compared, the chosen one goes up by 5."""
    splits = {split: {"talk": [write(folder, kind, split, n, step)]} for split, n in (("train", n_rows), ("val", 40))}
    (folder / "tokenizer").mkdir()
    (folder / "tokenizer" / "tokenizer.json").write_text("{}")
    tokenizer = Tokenizer(hashlib.sha256(b"{}").hexdigest(), VOCAB_SIZE, BOS, EOS, None)
    manifest = Manifest(kind, "", tokenizer, {}, {}, splits)
    write_manifest(str(folder), manifest, ["tokenizer/tokenizer.json"])
    return folder
