"""A small data set to train on, written with ShardWriter: sentences with more order in them than token frequencies."""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported: more threads are slower on models this small

from conf.load import load_settings
from trainer.settings import Settings
from udfs.shards import Manifest, Shard, ShardWriter, Tokenizer, write_manifest

VOCAB_SIZE = 64
BOS, EOS = 0, 1
SOURCES = {"books": 3, "web": 5}  # the step from one token of a document to the next


def document(step: int, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """[BOS] a, a + step, a + 2 step ... EOS, modulo the vocabulary: tokens alike in frequency, easy to foresee."""
    length = int(rng.integers(5, 40))
    ids = 2 + (int(rng.integers(VOCAB_SIZE)) + step * np.arange(length)) % (VOCAB_SIZE - 2)
    return np.array([BOS, *ids, EOS])


def write_shard(folder: Path, split: str, source: str, number: int, n_docs: int) -> Shard:
    rng = np.random.default_rng([number, len(split), SOURCES[source]])
    with ShardWriter(str(folder), f"{split}/{source}/shard-{number:05d}", VOCAB_SIZE) as writer:
        for i in range(n_docs):
            tokens = document(SOURCES[source], rng)
            row = {"doc_id": f"{source}-{split}-{number}-{i}", "source": source, "url": f"https://{source}.example/{i}"}
            rest = {
                "snapshot": None,
                "n_bytes": 2 * (len(tokens) - 2),
                "quality": None,
                "lang": None,
                "dup_cluster": None,
            }
            writer.write(tokens, {**row, **rest})
    return writer.shard


def write_data_set(folder: Path, n_docs: int = 100) -> Path:
    """Two sources, two train shards each of different sizes, one val shard each."""
    splits = {
        "train": {name: [write_shard(folder, "train", name, k, n_docs * (k + 1)) for k in (0, 1)] for name in SOURCES},
        "val": {name: [write_shard(folder, "val", name, 0, 40)] for name in SOURCES},
    }
    (folder / "tokenizer").mkdir()
    (folder / "tokenizer" / "tokenizer.json").write_text("{}")
    tokenizer = Tokenizer(hashlib.sha256(b"{}").hexdigest(), VOCAB_SIZE, BOS, EOS, None)
    manifest = Manifest("pretrain", "[BOS] ids EOS", tokenizer, {"seed": 0, "key": "doc_id"}, {}, splits)
    write_manifest(str(folder), manifest, ["tokenizer/tokenizer.json"])
    return folder


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch with one thread, where a test must come to the same bits twice."""
    import torch  # not above: tests of shards and of their order need numpy only

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set for tests that only read it."""
    return write_data_set(tmp_path_factory.mktemp("data") / "shards")


@pytest.fixture
def own_shards(tmp_path: Path) -> Path:
    """A data set that the test may damage."""
    return write_data_set(tmp_path / "shards")


SETTINGS = """
seq_len: 32
model: {n_layers: 2, width: 32, n_heads: 4, n_kv_heads: 2, ff_width: 64, tied: true, rope_theta: 10000}
phases: [{steps: 6}]
batch: {sequences: 4, micro_sequences: 2}
optimizer: {lr: 1.0e-2, warmup_steps: 2}
held_out: {every: 3, windows: 4}
checkpoints: {every: 2, keep: 2}
"""


@pytest.fixture
def settings_file(tmp_path: Path, shards: Path) -> Path:
    file = tmp_path / "train.yaml"
    file.write_text(f"shards: {shards}\noutput: {tmp_path / 'out'}\n{SETTINGS}")
    return file


@pytest.fixture
def make_settings(settings_file: Path) -> Callable[..., Settings]:
    """Settings of the small run, with --set changes on top."""
    return lambda *overrides: load_settings(str(settings_file), overrides, Settings)
