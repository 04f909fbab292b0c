"""Fuzzing by hand: `python tests/fuzz/fuzz.py TARGET FIRST_SEED INPUTS` prints, as JSON, how many inputs there were
and what went wrong. A crash or a hang of five minutes ends the process with a trace and the seed; each seed can be
repeated alone.
"""

import faulthandler
import json
import random
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

for folder in ("", "udfs", "fuzz"):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / folder))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import fuzz_files  # noqa: E402 - found by the lines above
import fuzz_pages  # noqa: E402
import fuzz_texts  # noqa: E402

TARGETS: dict[str, Callable[[random.Random], int]] = {
    "warc": fuzz_pages.warc,
    "http": fuzz_pages.http,
    "charset": fuzz_pages.charset,
    "blocks": fuzz_pages.blocks,
    "resiliparse": fuzz_pages.library("resiliparse"),
    "trafilatura": fuzz_pages.library("trafilatura"),
    "jsonl": fuzz_files.jsonl,
    "parquet": fuzz_files.parquet,
    "idx": fuzz_files.idx,
    "manifests": fuzz_files.manifests,
    "run_records": fuzz_files.run_records,
    "settings": fuzz_files.settings,
    "urls": fuzz_texts.urls,
    "text": fuzz_texts.text,
    "measure": fuzz_texts.measure,
    "language": fuzz_texts.language,
    "bpe": fuzz_texts.bpe,
}

MAX_SECONDS, FIRST_SECONDS = 300, 1800  # the first input may compile kernels
MAX_WRONG = 20


def fuzz(target: str, first: int, n_inputs: int) -> dict[str, Any]:
    """Seeds from `first` on, until there were `n_inputs` inputs or 20 went wrong."""
    wrong, done, seed, started = [], 0, first, time.process_time()
    slowest = (0.0, 0)
    while done < n_inputs and len(wrong) < MAX_WRONG:
        sys.stderr.write(f"\r{target} {seed} ")  # the last thing that a crash leaves
        faulthandler.dump_traceback_later(MAX_SECONDS if seed > first else FIRST_SECONDS, exit=True)
        before = time.process_time()
        try:
            done += TARGETS[target](random.Random(f"{target} {seed}"))
        except Exception:
            done += 1
            wrong.append(f"seed {seed}: {traceback.format_exc(limit=-4)}")
        slowest = max(slowest, (round(time.process_time() - before, 3), seed))
        seed += 1
    faulthandler.cancel_dump_traceback_later()
    seconds = round(time.process_time() - started, 1)
    return {
        "target": target,
        "seeds": [first, seed],
        "inputs": done,
        "wrong": wrong,
        "cpu_s": seconds,
        "slowest": slowest,
    }


if __name__ == "__main__":
    faulthandler.enable()
    print(json.dumps(fuzz(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])), indent=1))
