"""How many tokens a CPU second does the trainer's loader cut from warm shards, beside litData's?

A data set of random tokens in documents of some 700 tokens (log-normal) is written once; it fits the page cache. Ours:
`Stream.batch`: sequences in global order with targets masked at document boundaries and where documents start, as
training reads them. litData reads the same tokens with its TokensLoader, in one process, in the order of its shuffle,
and without document boundaries, because it has none. Rounds alternate; the best of each counts. CPU seconds, so that
another program's load does not count.

    python benchmarks/trainer_loader.py [million tokens] [rounds]

Prints one JSON line a question.
"""

import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from trainer.data import open_data
from trainer.settings import Settings
from trainer.stream import Stream
from udfs.shards import Manifest, ShardWriter, Tokenizer, write_manifest

VOCAB_SIZE = 32_000
SHARD_TOKENS = 32_000_000
SEQUENCES = 32
LENGTHS = (2048, 4096)


def write_data_set(folder: Path, n_tokens: int) -> np.ndarray[Any, Any]:
    """The shards of `n_tokens` random tokens; all of them, uint16, come back."""
    rng = np.random.default_rng(1)
    shards, every = [], []
    for number in range(max(1, n_tokens // SHARD_TOKENS)):
        with ShardWriter(str(folder), f"train/web/shard-{number:05d}", VOCAB_SIZE) as writer:
            left = min(n_tokens, SHARD_TOKENS)
            while left > 0:
                tokens = rng.integers(VOCAB_SIZE, size=min(left, 2 + int(rng.lognormal(6.0, 1.0))), dtype=np.uint16)
                row: dict[str, Any] = {"doc_id": str(left), "source": "web", "n_bytes": 4 * len(tokens), "url": None}
                writer.write(tokens, row | dict.fromkeys(("snapshot", "quality", "lang", "dup_cluster")))
                every.append(tokens)
                left -= len(tokens)
        shards.append(writer.shard)
    (folder / "tokenizer").mkdir()
    (folder / "tokenizer" / "tokenizer.json").write_text("{}")
    tokenizer = Tokenizer(hashlib.sha256(b"{}").hexdigest(), VOCAB_SIZE, None, None, None)
    write_manifest(str(folder), Manifest("pretrain", "ids", tokenizer, {}, {}, {"train": {"web": shards}}))
    return np.concatenate(every)


def settings_of(folder: Path, seq_len: int, steps: int) -> Settings:
    phases = [{"steps": steps}]
    given: dict[str, Any] = {"shards": str(folder), "output": str(folder / "out"), "model": {"preset": "tiny"}}
    return Settings.model_validate(given | {"seq_len": seq_len, "phases": phases, "batch": {"sequences": SEQUENCES}})


def ours(folder: Path, seq_len: int, n_tokens: int) -> Callable[[], int]:
    """Reads one epoch; tokens read."""
    steps = n_tokens // (SEQUENCES * (seq_len + 1)) - 1
    settings = settings_of(folder, seq_len, steps)
    stream = Stream(settings, open_data(settings))
    return lambda: sum(stream.batch(step).tokens.size for step in range(steps))


def litdata(folder: Path, seq_len: int, tokens: np.ndarray[Any, Any]) -> Callable[[], int]:
    """The same, by litData; its chunks are written first."""
    import torch
    from litdata import StreamingDataset, TokensLoader
    from litdata.streaming.writer import BinaryWriter

    target = folder / "litdata"
    if not target.exists():
        target.mkdir()
        writer = BinaryWriter(str(target), chunk_bytes="64MB", item_loader=TokensLoader())
        for number, piece in enumerate(np.array_split(tokens, max(1, len(tokens) // 1_000_000))):
            writer.add_item(number, torch.from_numpy(piece.astype(np.int32)))
        writer.done()
        writer.merge()
    dataset = StreamingDataset(str(target), item_loader=TokensLoader(block_size=seq_len + 1), shuffle=True, seed=1)
    steps = len(tokens) // (SEQUENCES * (seq_len + 1)) - 1

    def read() -> int:
        rows, n = iter(dataset), 0
        for _ in range(steps):
            n += torch.stack(list(islice(rows, SEQUENCES))).long()[:, :-1].numel()
        return n

    return read


def rate(read: Callable[[], int]) -> float:
    """Million tokens a CPU second."""
    began = time.process_time()
    return read() / (time.process_time() - began) / 1e6


def main() -> None:
    millions = int(sys.argv[1]) if len(sys.argv) > 1 else 128
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tokens = write_data_set(folder, millions * 1_000_000)
        for seq_len in LENGTHS:
            readers = {"gristmill": ours(folder, seq_len, len(tokens))}
            if find_spec("litdata"):
                readers[f"litdata {version('litdata')}, no boundaries"] = litdata(folder, seq_len, tokens)
            best = dict.fromkeys(readers, 0.0)
            for _ in range(rounds):
                for label, read in readers.items():
                    best[label] = max(best[label], rate(read))
            found = {label: round(value, 1) for label, value in best.items()}
            print(json.dumps({"question": "million tokens a CPU second", "seq_len": seq_len, **found}))


if __name__ == "__main__":
    main()
