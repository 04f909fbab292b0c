"""How fast are our pre-token counts, BPE training and encoding on one core, beside Hugging Face, with equal results?

Texts are the content of the .txt files below a folder and the strings of each line of the .jsonl files (both also .gz
and .zst), cut to pieces of 50,000 characters. Every other piece is counted and learnt from, the rest is encoded. MB/s
is bytes of UTF-8 over CPU seconds of all threads, in the best of three runs, each with an encoder that has seen nothing
yet. Training is run once, counting included, each trainer in a process of its own; memory is how far that process grew.
tiktoken and gigatoken take part where they are installed.

    python benchmarks/bpe.py [folder] [megabytes] [vocabulary size]

The folder is GRISTMILL_DATA where none is given. Prints one JSON line per question; "same" says whether a peer's result
equals ours. Needs Linux, for the memory.
"""

import base64
import json
import multiprocessing
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

from udfs.bpe_encode import Encoder
from udfs.bpe_files import tokenizer_files
from udfs.bpe_scan import PATTERN, count_words
from udfs.bpe_train import train
from udfs.strings import Strings, strings

PIECE_CHARS = 50_000
MAX_WORD_BYTES = 1 << 20
RUNS = 3


def texts_below(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        suffixes = path.name.split(".")[1:]
        if path.is_file() and {"txt", "jsonl"} & set(suffixes):
            with fsspec.open(str(path), compression="infer") as stream:
                content = stream.read().decode(errors="replace")
            yield from strings_of(content) if "jsonl" in suffixes else [content]


def strings_of(lines: str) -> Iterator[str]:
    for line in lines.split("\n"):
        if line.strip():
            yield "\n".join(value for value in json.loads(line).values() if isinstance(value, str))


def pieces_below(folder: Path, megabytes: float) -> list[str]:
    """An equal share of every text, so that all writings are among them."""
    texts = [text for text in texts_below(folder) if text]
    share = min(1.0, megabytes * 1e6 / sum(len(text.encode()) for text in texts))
    cut = [text[: max(200, int(len(text) * share))] for text in texts]
    return [text[i : i + PIECE_CHARS] for text in cut for i in range(0, len(text), PIECE_CHARS)]


def writing_of(text: str) -> str:
    """ "ascii" for text of nine tenths ASCII, "han" for text half of Han characters, else "other"."""
    if sum(map(str.isascii, text)) > 0.9 * len(text):
        return "ascii"
    return "han" if sum("\u4e00" <= c <= "\u9fff" for c in text) > 0.5 * len(text) else "other"


def column(texts: list[str]) -> Strings:
    return strings(pa.array(texts, pa.large_string()))


def train_ours(texts: Strings, vocab_size: int) -> str:
    counted = count_words(texts, MAX_WORD_BYTES)
    return tokenizer_files(train(counted.words, counted.counts, vocab_size), {})["tokenizer.json"].decode()


def train_theirs(texts: list[str], vocab_size: int) -> str:
    tokenizer = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(PATTERN), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(False, use_regex=False)])
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer.to_str()


def memory(field: str) -> float:
    """MB of resident memory: "VmRSS" now, "VmHWM" at most since the mark was reset."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) * 1024 / 1e6


def train_apart(name: str, texts: list[str], vocab_size: int, results: Any) -> None:
    """Run in a process of its own: puts (merges, vocabulary, figures) on the queue."""
    trainer, form = {"gristmill": (train_ours, column), "tokenizers": (train_theirs, list)}[name]
    trainer(form(["warm up"]), 300)
    given = form(texts)  # each reads its own form of text: an Arrow column, or Python's strings
    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM starts anew
    start = time.process_time()
    made = trainer(given, vocab_size)
    seconds = time.process_time() - start
    grown = memory("VmHWM") - before
    results.put((json.loads(made)["model"], {"cpu_seconds": round(seconds, 1), "grown_mb": round(grown)}))


def compare_training(texts: list[str], vocab_size: int) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    found = {}
    for name in ("gristmill", "tokenizers"):
        results = context.Queue()
        process = context.Process(target=train_apart, args=(name, texts, vocab_size, results))
        process.start()
        found[name] = results.get()
        process.join()
    (ours, figures), (theirs, their_figures) = found.values()
    same = all(ours[key] == theirs[key] for key in ("vocab", "merges"))
    return {"gristmill": figures, f"tokenizers {version('tokenizers')}": their_figures | {"same": same}}


def best(prepare: Callable[[], Callable[[], Any]]) -> tuple[float, Any]:
    """(CPU seconds of the fastest run of what `prepare` returns, what it made)."""
    seconds, made = [], None
    for _ in range(RUNS):
        work = prepare()
        start = time.process_time()
        made = work()
        seconds.append(time.process_time() - start)
    return min(seconds), made


def peers(files: dict[str, bytes], texts: list[str]) -> dict[str, Callable[[], Callable[[], Any]]]:
    """By name: what makes an encoder that has seen nothing yet, and a function that gives the ids of each text."""
    plain = files["tokenizer.plain.json"].decode()

    def tokenizers() -> Callable[[], Any]:
        tokenizer = Tokenizer.from_str(plain)
        return lambda: [encoding.ids for encoding in tokenizer.encode_batch_fast(texts)]

    def tiktoken() -> Callable[[], Any]:
        rows = [line.split() for line in files["vocab.tiktoken"].splitlines()]
        ranks = {base64.b64decode(token): int(rank) for token, rank in rows}
        encoding = import_module("tiktoken").Encoding(
            "gristmill", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={}
        )
        return lambda: [encoding.encode_ordinary(text) for text in texts]

    def gigatoken() -> Callable[[], Any]:
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(plain)
            file.flush()
            tokenizer = import_module("gigatoken").Tokenizer(file.name)
        return lambda: tokenizer.encode_batch(texts, parallel=False)

    return {made.__name__: made for made in (tokenizers, tiktoken, gigatoken) if find_spec(made.__name__)}


def compare_encoding(texts: list[str], merges: np.ndarray, files: dict[str, bytes]) -> dict[str, Any]:
    read = column(texts)
    megabytes = float(read.offsets[-1] / 1e6)
    seconds, ours = best(lambda: partial(Encoder(merges).encode, read))
    result: dict[str, Any] = {
        "mb": round(megabytes, 1),
        "bytes_per_token": round(megabytes * 1e6 / ours.ids.size, 2),
        "gristmill": {"mb_per_s": round(megabytes / seconds, 1)},
    }
    for name, prepare in peers(files, texts).items():
        seconds, lists = best(prepare)
        ids = np.concatenate([np.asarray(text_ids, np.int32) for text_ids in lists])
        same = np.array_equal(ids, ours.ids)
        result[f"{name} {version(name)}"] = {"mb_per_s": round(megabytes / seconds, 1), "same": same}
    return result


def report(question: str, **figures: Any) -> None:
    machine = f"{platform.processor() or platform.machine()}, Python {platform.python_version()}"
    print(
        json.dumps({"date": datetime.now(UTC).date().isoformat(), "machine": machine, "question": question, **figures})
    )


def main(folder: Path, megabytes: float, vocab_size: int) -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    pieces = pieces_below(folder, megabytes)
    learnt, unseen = pieces[::2], pieces[1::2]
    read = column(learnt)
    count_words(column(["warm up"]), MAX_WORD_BYTES)
    seconds, counted = best(lambda: partial(count_words, read, MAX_WORD_BYTES))
    size = float(read.offsets[-1] / 1e6)
    report("counting", mb=round(size, 1), words=len(counted.counts), mb_per_s=round(size / seconds, 1))
    report("training", mb=round(size, 1), vocab_size=vocab_size, **compare_training(learnt, vocab_size))
    merges = train(counted.words, counted.counts, vocab_size)
    files = tokenizer_files(merges, {})
    Encoder(merges).encode(column(["warm up" * 100]))
    for writing in ("ascii", "han", "other"):
        texts = [text for text in unseen if writing_of(text) == writing]
        if texts:
            report("encoding", writing=writing, **compare_encoding(texts, merges, files))


if __name__ == "__main__":
    arguments = dict(enumerate(sys.argv))
    main(
        Path(arguments.get(1) or os.environ["GRISTMILL_DATA"]),
        float(arguments.get(2, 40)),
        int(arguments.get(3, 32_000)),
    )
