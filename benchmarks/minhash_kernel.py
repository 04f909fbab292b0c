"""How fast are our MinHash signatures and band keys on one core, and how near do they estimate, beside datasketch?

Both read the same generated texts in the same run: words drawn by Zipf's law (or Han characters), lengths lognormal,
and of every text a copy in which some words are replaced. MB/s is bytes of UTF-8 over CPU seconds, the best of three
runs, from texts in memory to 112 hashes over 5-word shingles, for ours also to 14 band keys of 8 rows. The error is the
root mean square difference from the exact Jaccard similarity of a text and its copy.

    python benchmarks/minhash_kernel.py [megabytes]

Prints one JSON line per script of writing.
"""

import json
import platform
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version

import datasketch
import numpy as np
import pyarrow as pa

from udfs.minhash import band_keys, jaccard_pairs, signatures
from udfs.shingles import shingle_sets
from udfs.strings import strings

BANDS, ROWS, WIDTH = 14, 8, 5
HASHES = BANDS * ROWS
VOCABULARY = 50_000


def vocabulary(writing: str, rng: np.random.Generator) -> np.ndarray:
    """Words of 1 to 12 letters, or single Han characters, with the blank that follows them."""
    if writing == "han":
        return np.array([chr(code) for code in rng.permutation(np.arange(0x4E00, 0x9FA6))])
    lengths = rng.poisson(4, VOCABULARY).clip(1, 12)
    return np.array(["".join(rng.choice(list("etaoinshrdlucmwfgypbvkjxqz"), n)) + " " for n in lengths])


def texts(writing: str, megabytes: float, rng: np.random.Generator) -> list[str]:
    """Texts at even numbers, at odd ones a copy of the text before with 0 to 10 % of its words drawn anew."""
    words = vocabulary(writing, rng)
    out: list[str] = []
    size = 0
    while size < megabytes * 1e6:
        n_words = int(rng.lognormal(5.5, 1.0)) + WIDTH
        text = rng.zipf(1.2, n_words) % words.size
        copy = np.where(rng.random(n_words) < rng.uniform(0, 0.1), rng.zipf(1.2, n_words) % words.size, text)
        out += ["".join(words[text]), "".join(words[copy])]
        size += len(out[-1].encode()) + len(out[-2].encode())
    return out


def ours(column: pa.Array) -> np.ndarray:
    made = signatures(strings(column), HASHES, n=WIDTH)
    band_keys(made, BANDS, ROWS)
    return made


def theirs(column: pa.Array) -> np.ndarray:
    """datasketch, its fastest way in: sets of shingles as bytes, hashed in one batch a text."""
    made = []
    for text in column.to_pylist():
        words = re.findall(r"[a-z]+|[\u4e00-\u9fff]", str(text))
        shingles = {" ".join(words[i : i + WIDTH]).encode() for i in range(len(words) - WIDTH + 1)}
        sketch = datasketch.MinHash(num_perm=HASHES)
        sketch.update_batch(shingles)
        made.append(sketch.hashvalues)
    return np.array(made)


def measure(sign: Callable[[pa.Array], np.ndarray], column: pa.Array, exact: np.ndarray) -> dict[str, float]:
    seconds = []
    made = np.empty(0)
    for _ in range(3):
        start = time.process_time()
        made = sign(column)
        seconds.append(time.process_time() - start)
    error = (made[::2] == made[1::2]).mean(axis=1) - exact
    megabytes = strings(column).offsets[-1] / 1e6
    return {"mb_per_s": round(megabytes / min(seconds), 1), "rms_error": round(float(np.sqrt(np.mean(error**2))), 4)}


def main(megabytes: float) -> None:
    ours(pa.array(["warm up"]))
    for writing in ("latin", "han"):
        column = pa.array(texts(writing, megabytes, np.random.default_rng(0)))
        numbers = np.arange(0, len(column), 2)
        exact = jaccard_pairs(shingle_sets(strings(column), n=WIDTH), numbers, numbers + 1)
        result = {
            "date": datetime.now(UTC).date().isoformat(),
            "machine": f"{platform.processor() or platform.machine()}, Python {platform.python_version()}",
            "writing": writing,
            "texts": len(column),
            "expected_rms_error": round(float(np.sqrt(np.mean(exact * (1 - exact) / HASHES))), 4),
            "gristmill": measure(ours, column, exact),
            f"datasketch {version('datasketch')}": measure(theirs, column, exact),
        }
        print(json.dumps(result))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 20.0)
