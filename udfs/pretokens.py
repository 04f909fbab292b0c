"""Counts of pre-tokens: the pieces of text that a SentencePiece merge may never cross.

A pre-token is a run of characters that are not white space with at most one space before it, or else a run of white
space; line ends and tabs stand alone, so that they always become byte pieces. Joined together the pre-tokens of a text
are the text.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

import pyarrow as pa

from udfs.hashing import keyed_uint64
from udfs.parts import read_part

PRE_TOKEN = re.compile(r"[\n\r\t\0]| ?[^\s]+|[^\S\n\r\t]+")
MAX_CHARS = 64  # longer runs (base64, minified code) teach a tokenizer nothing and cost memory
COUNTS = pa.schema([("word", pa.string()), ("count", pa.int64())])
MAX_DISTINCT = 1_000_000


def pre_tokens(text: str) -> list[str]:
    """["The", " cat", "\\n", "  ", "x"] for "The cat\\n  x"."""
    return PRE_TOKEN.findall(text)


def count_part(uri: str, share: float, seed: int) -> Iterator[pa.RecordBatch]:
    """Counts of the pre-tokens in a seeded sample of a part's documents, in one or more batches of (word, count)."""
    counts: Counter[str] = Counter()
    limit = int(share * 2**64)
    for batch in read_part(uri, ["id", "text"]):
        for identity, text in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True):
            if keyed_uint64(seed, identity) < limit:
                counts.update(word for word in pre_tokens(text) if len(word) <= MAX_CHARS)
        if len(counts) > MAX_DISTINCT:
            yield to_batch(counts.items())
            counts.clear()
    yield to_batch(counts.items())


def to_batch(counts: Iterable[tuple[str, int]]) -> pa.RecordBatch:
    words, numbers = [], []
    for word, number in counts:
        words.append(word)
        numbers.append(number)
    return pa.RecordBatch.from_arrays([pa.array(words, pa.string()), pa.array(numbers, pa.int64())], schema=COUNTS)
