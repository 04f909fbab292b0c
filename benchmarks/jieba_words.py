"""Words by jieba beside the default rule: python benchmarks/jieba_words.py DATA, where the extra jieba is installed."""

import gzip
import json
import sys
import time
from pathlib import Path

import pyarrow as pa

from udfs import signals
from udfs.edits import Edits, edit
from udfs.signals.batch import Batch
from udfs.text import Texts

CHARS = 1000


def chinese(data: Path) -> list[str]:
    """Answers in modern Chinese, and a novel in pieces of 1,000 characters."""
    with gzip.open(data / "posttrain/alpaca_zh_demo.jsonl.gz", "rt", encoding="utf-8") as rows:
        texts = [json.loads(row)["output"] for row in rows]
    novel = gzip.decompress((data / "text/zh-hongloumeng.txt.gz").read_bytes()).decode()
    return texts + [novel[i : i + CHARS] for i in range(0, len(novel), CHARS)]


def seconds(texts: pa.Array, word_rule: str) -> tuple[float, float]:
    """CPU seconds of finding the words alone, and of the four families that are always measured."""
    start = time.process_time()
    raw = Texts(texts, word_rule)
    n_words = raw.n_words.sum()
    found = time.process_time()
    signals.measure(Batch(raw, edit(raw, Edits())))
    print(f"{word_rule:<8} {n_words:.0f} words")
    return found - start, time.process_time() - start


def main(data: Path) -> None:
    texts = pa.array(chinese(data))
    n_bytes = texts.nbytes
    for word_rule in ("cjk", "jieba"):
        seconds(texts[:100], word_rule)  # compiles, and loads the dictionary
    for word_rule in ("cjk", "jieba"):
        words, everything = seconds(texts, word_rule)
        rates = f"words {n_bytes / words / 1e6:.1f} MB/s; four families {n_bytes / everything / 1e6:.1f} MB/s"
        print(f"{word_rule:<8} {rates}, {len(texts) / everything:,.0f} documents of {n_bytes / len(texts):.0f} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
