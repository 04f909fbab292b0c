"""How many documents a second does our language identification read on one core, beside fastText on the same texts?

Ours is `udfs.language.identify`, from an Arrow column to Arrow columns, as the pipeline calls it; fastText is
`predict(list)` with the texts already cut, without newlines and in a list, which costs it nothing here. Documents/s are
by CPU seconds, the median of seven passes each, in turns. `equal` counts the texts for which both give the same label
and the same float32 score; it is taken with our own switches off, and texts without evidence, ours `und`, count as
equal where fastText gives its answer for an empty text.

    python benchmarks/language_id.py FILE.jsonl[.gz|.zst] ...

reads the field `text` and prints a row for whole texts and one for their first 1,000 characters.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import fasttext
import fsspec
import pyarrow as pa

from udfs.language import LanguagePlan, default_model, identify

PASSES = 7
HEAD_CHARS = 1000
WHOLE = 10**9


def read_texts(file: str) -> list[str]:
    with fsspec.open(file, "rt", compression="infer", encoding="utf-8") as stream:
        return [json.loads(line)["text"] for line in stream]


def in_turns(runs: list[Callable[[], Any]]) -> list[float]:
    """Median CPU seconds of each."""
    seconds: list[list[float]] = [[] for _ in runs]
    for _ in range(PASSES):
        for run, taken in zip(runs, seconds, strict=True):
            start = time.process_time()
            run()
            taken.append(time.process_time() - start)
    return [statistics.median(taken) for taken in seconds]


def count_equal(column: pa.Array, lines: list[str], model: Any, plan: LanguagePlan) -> int:
    found = identify(column, replace(plan, fold_capitals=False, strip_urls=False))
    labels, scores = model.predict([*lines, ""])
    theirs = [
        (names[0].removeprefix("__label__"), min(1.0, values[0].item()))
        for names, values in zip(labels, scores, strict=True)
    ]
    nothing = theirs.pop()
    ours = zip(found["language"].to_pylist(), found["language_score"].to_pylist(), strict=True)
    return sum(answer == (nothing if mine[0] == "und" else mine) for answer, mine in zip(theirs, ours, strict=True))


def row(file: str, max_chars: int, model: Any) -> str:
    texts = read_texts(file)
    column = pa.array(texts)
    lines = [text[:max_chars].replace("\n", " ") for text in texts]
    plan = LanguagePlan(default_model(), max_chars=max_chars)
    equal = count_equal(column, lines, model, plan)
    ours, theirs = (len(texts) / s for s in in_turns([lambda: identify(column, plan), lambda: model.predict(lines)]))
    part = "whole" if max_chars == WHOLE else f"{max_chars} chars"
    name = Path(file).name.partition(".")[0]
    return f"{name:24} {part:>10} {ours:12,.0f} {theirs:12,.0f} {ours / theirs:7.1f} {equal:>8,} of {len(texts):,}"


def main(files: list[str]) -> None:
    fasttext.FastText.eprint = lambda *args: None
    model = fasttext.load_model(default_model())
    print(f"{'':24} {'read':>10} {'gristmill/s':>12} {'fastText/s':>12} {'ratio':>7} {'equal':>8}")
    for file in files:
        for max_chars in (WHOLE, HEAD_CHARS):
            print(row(file, max_chars, model))


if __name__ == "__main__":
    main(sys.argv[1:])
