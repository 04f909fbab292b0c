"""Is any regular expression of udfs slow on some text? Each over strings made to trap it, of 4,000 characters, and
those that cost it most of 1,000 to a million: python benchmarks/patterns.py [PART_OF_A_NAME]

A string is a beginning, then one or two pieces again and again, then an end that spoils a match. A pattern fails where
a character costs it MAX_NS; one with a square in it comes to that at 4,000 already. RE2, which Arrow runs, is linear in
one search; its patterns are here because a text is searched for all of their matches.
"""

import functools
import heapq
import importlib
import itertools
import pkgutil
import re
import sys
import time
from collections.abc import Callable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

import udfs
from udfs import edits, language, pii, quality, text
from udfs.signals import ccnet, redpajama2

PIECES = (*"aA0 \n\t.-_@/:=&%<>'\"[({#;,é水", "1.1", "\r\n")
BEGINNINGS = ("", "a", "<a ", "<meta charset=", "<?xml encoding='", "HTTP/1.1 ", "WARC/1.0\r\n", "http://", "charset=")
BEGINNINGS += ("a=", "a: ", "a@", "a@a.", "&#", "&#x", "?ref", "secret=", "+1 ", ': "', "【", "lorem ", "1 ")
ENDS = ("", "!", "\n", ";")
LENGTH, LONG_LENGTHS, N_SLOWEST = 4_000, (1_000, 16_000, 64_000, 250_000, 1_000_000), 10
MAX_NS = 1_000.0

BOUNDED = {
    "udfs.charset._META": 4096,
    "udfs.charset._XML": 4096,
    "udfs.http._CHUNK_SIZE": 256,
}
"""Those that see no more bytes than this: of the head of a page, of a line."""
MATCHED = {"udfs.http._CHUNK_SIZE", "udfs.http._STATUS", "udfs.page_head._DATE", "udfs.page_head._JSON_DATE"}
"""Those that are tried at one place of a text only."""
ARROW = {
    **{f"udfs.pii.KINDS[{name!r}].pattern": kind.pattern for name, kind in pii.KINDS.items()},
    "udfs.edits.COUNTER": edits.COUNTER,
    "udfs.edits.PHRASES": edits.PHRASES,
    "udfs.edits.POLICY": edits.POLICY,
    "udfs.quality.UNSPACED": quality.UNSPACED,
    "udfs.signals.ccnet.DROPPED": ccnet.DROPPED,
    "udfs.signals.map_neo: brackets": "【[^】]*】",
    "udfs.signals.map_neo: dots": r"\.{3,}|。{3,}",
    "udfs.signals.redpajama2: lorem ipsum": r"lorem\s+ipsum",
    "udfs.signals.redpajama2.ALL_CAPS": redpajama2.ALL_CAPS,
    "udfs.signals.redpajama2.SENTENCE": redpajama2.SENTENCE,
    "udfs.text.ASCII_PUNCTUATION": text.ASCII_PUNCTUATION,
}

Search = Callable[[str], object]
Attack = tuple[str, str, str]


def python_patterns() -> Iterator[tuple[str, re.Pattern]]:
    """Those that Python's `re` runs: what the modules hold, and what they make of strings when they are called."""
    for module in pkgutil.walk_packages(udfs.__path__, "udfs."):
        for name, value in vars(importlib.import_module(module.name)).items():
            for one in value.values() if isinstance(value, dict) else [value]:
                if isinstance(one, re.Pattern):
                    yield f"{module.name}.{name}", one
    yield "udfs.language.URL", re.compile(language.URL, re.IGNORECASE)
    yield from (
        (f"udfs.pii.KINDS[{name!r}].alone", pii._strict(kind)) for name, kind in pii.KINDS.items() if kind.holds
    )


def searches() -> Iterator[tuple[str, Search]]:
    for name, pattern in python_patterns():
        search = pattern.match if name in MATCHED else pattern.findall
        is_text = isinstance(pattern.pattern, str)
        yield name, search if is_text else lambda made, search=search: search(made.encode())
    for name, pattern in ARROW.items():
        count = functools.partial(pc.count_substring_regex, pattern=pattern)
        yield name, lambda made, count=count: count(pa.array([made]))


def attacks() -> Iterator[Attack]:
    for beginning in BEGINNINGS:
        pairs = map("".join, itertools.permutations(PIECES[:16], 2)) if len(beginning) < 2 else ()
        yield from itertools.product([beginning], [*PIECES, *pairs, *BEGINNINGS[1:]], ENDS)


def cost(search: Search, attack: Attack, n_chars: int, least: int) -> float:
    """CPU nanoseconds a character, the least of so many times."""
    beginning, pumped, end = attack
    made = beginning + pumped * (n_chars // len(pumped)) + end
    seconds = []
    for _ in range(least):
        started = time.process_time()
        search(made)
        seconds.append(time.process_time() - started)
    return min(seconds) / n_chars * 1e9


def slowest(search: Search, n_chars: int) -> list[tuple[float, Attack]]:
    """The attacks that cost most, dearest first."""
    found = heapq.nlargest(N_SLOWEST, ((cost(search, attack, n_chars, 1), attack) for attack in attacks()))
    return sorted(((cost(search, attack, n_chars, 3), attack) for _, attack in found), reverse=True)


def check(name: str, search: Search) -> bool:
    """Whether no character costs MAX_NS, whatever the text; what it costs is printed."""
    bound = BOUNDED.get(name)
    found = slowest(search, bound or LENGTH)
    worst = {bound or LENGTH: found[0]}
    for n in () if bound else LONG_LENGTHS:
        if worst[max(worst)][0] < MAX_NS:  # else the rest would take for ever
            worst[n] = max((cost(search, attack, n, 2), attack) for _, attack in found)
    ns, attack = worst[max(worst)]
    is_good = bound is not None or ns < MAX_NS
    told = ", ".join(f"{n:,}: {ns:.0f}" for n, (ns, _) in sorted(worst.items()))
    what = "(no text is longer)" if bound else "" if is_good else f"SLOW on {attack}"
    print(f"{name}: ns a character by length {told} {what}", flush=True)
    return is_good


if __name__ == "__main__":
    asked = sys.argv[1] if len(sys.argv) > 1 else ""
    results = [check(name, search) for name, search in searches() if asked in name]
    print(f"{len(results)} patterns, {sum(1 for _ in attacks())} strings each; {results.count(False)} of them slow")
    sys.exit(not all(results))
