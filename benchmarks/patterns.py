"""Is any regular expression of ours slow on some text? Each pattern of udfs that Python's `re` runs, over strings made
to trap it, at two lengths: python benchmarks/patterns.py [CHARS]

Those that Arrow runs are not here: RE2 is linear by its making. A ratio of CPU times above 2.5 at twice the length,
where the longer one takes 20 ms or more, is printed as a fault.
"""

import importlib
import itertools
import pkgutil
import re
import sys
import time
from collections.abc import Iterator

import udfs

PIECES = [
    "a",
    "0",
    " ",
    "\n",
    "\t",
    ".",
    "-",
    "_",
    "@",
    "/",
    ":",
    "=",
    "&",
    "%",
    "<",
    ">",
    "'",
    '"',
    "[",
    "(",
    "{",
    "é",
    "水",
]
BOUNDED = {"udfs.http._CHUNK_SIZE", "udfs.page_head._ATTRIBUTE"}  # see no more than a line, a tag, of bounded length
ENDS = ["", "!", "\n", "<"]
MAX_RATIO, LEAST_SECONDS = 2.5, 0.02


def patterns() -> Iterator[tuple[str, re.Pattern]]:
    for module in pkgutil.walk_packages(udfs.__path__, "udfs."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, re.Pattern) and f"{module.name}.{name}" not in BOUNDED:
                yield f"{module.name}.{name}", value


def attacks(n_chars: int) -> Iterator[str]:
    for piece in (*PIECES, *map("".join, itertools.permutations(PIECES[:18], 2)), "<a ", "a=a ", "http://", "charset="):
        for end in ENDS:
            yield piece * (n_chars // len(piece)) + end


def seconds(pattern: re.Pattern, text: str) -> float:
    data = text.encode() if isinstance(pattern.pattern, bytes) else text
    started = time.process_time()
    pattern.findall(data)
    return time.process_time() - started


def main(n_chars: int) -> None:
    n_patterns = n_attacks = 0
    for name, pattern in patterns():
        n_patterns += 1
        for short, long in zip(attacks(n_chars), attacks(2 * n_chars), strict=True):
            n_attacks += 1
            if seconds(pattern, long) > LEAST_SECONDS:
                ratio = min(seconds(pattern, long) for _ in range(3)) / min(seconds(pattern, short) for _ in range(3))
                if ratio > MAX_RATIO:
                    print(
                        f"{name}: {ratio:.1f} times as long for twice as much of {long[:12]!r}...{long[-3:]!r}",
                        flush=True,
                    )
    print(f"{n_patterns} patterns, {n_attacks} strings of {2 * n_chars} characters and half of that")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
