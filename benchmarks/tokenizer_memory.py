"""How much memory and time does `train_tokenizer` take for a corpus of a gigabyte?

The corpus is the texts of a folder again and again (see benchmarks/bpe.py); in each copy one word in ten gets another
ending, so that words are new as often as in a large corpus, or more often. The stage is run as users run it, on Spark
with two cores; memory is the sum over all processes, the JVM included, at its highest.

    python benchmarks/tokenizer_memory.py [folder] [megabytes]

Prints one JSON line.
"""

import json
import multiprocessing
import os
import sys
import tempfile
import time
import zlib
from itertools import count
from pathlib import Path

from bpe import texts_below
from pack import run_stage, write_clean
from process_tree import Tree

from pipelines.run import Run


def changed(text: str, copy: int) -> str:
    """The text with another ending on one word in ten, by copy."""
    ending = chr(ord("a") + copy % 26) * (1 + copy // 26)
    return " ".join(
        word + ending if word.isalpha() and zlib.crc32(word.encode()) % 10 == copy % 10 else word
        for word in text.split(" ")
    )


def write_corpus(data: Path, folder: Path, n_bytes: int) -> None:
    """In a process of its own, so that its memory is not counted."""
    texts, documents, written = list(texts_below(data)), [], 0
    for copy in count():
        for text in texts:
            documents.append(changed(text, copy) if copy else text)
            written += len(documents[-1].encode())
            if written >= n_bytes:
                write_clean(Run(str(folder / "run")), documents)
                return


def main(data: Path, megabytes: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writer = multiprocessing.get_context("spawn").Process(
            target=write_corpus, args=(data, folder, megabytes * 10**6)
        )
        writer.start()
        writer.join()
        tree = Tree()
        started = time.monotonic()
        seconds = run_stage("train_tokenizer", folder)
        committed = Run(str(folder / "run")).committed("train_tokenizer")
        counts = committed.counts if committed else {}
        found = {
            "megabytes": megabytes,
            "distinct_words": counts.get("distinct_words"),
            "vocab_size": counts.get("vocab_size"),
        }
        cost = {
            "cpu_seconds": round(seconds, 1),
            "wall_seconds": round(time.monotonic() - started, 1),
            "peak_mib": round(tree.peak_mib),
        }
        print(json.dumps(found | cost))


if __name__ == "__main__":
    arguments = sys.argv[1:]
    main(
        Path(arguments[0] if arguments else os.environ["GRISTMILL_DATA"]),
        int(arguments[1]) if len(arguments) > 1 else 1000,
    )
