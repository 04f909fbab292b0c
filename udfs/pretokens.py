"""Counts of pre-tokens, the pieces of text that no merge crosses, in the documents of a part.

Byte-level BPE cuts text as udfs/bpe_scan.py says, in a kernel. For SentencePiece a pre-token is a run of characters
that are not white space with at most one space before it, or else a run of white space; line ends and tabs stand alone,
so that they always become byte pieces. Joined together the pre-tokens of a text are the text.
"""

import re
from collections import Counter
from collections.abc import Iterator

import pyarrow as pa

from udfs import bpe_scan
from udfs.hashing import keyed_uint64
from udfs.parts import read_part
from udfs.spans import string_array
from udfs.strings import strings
from udfs.text_tokenizer import Kind

PRE_TOKEN = re.compile(r"[\n\r\t\0]| ?[^\s]+|[^\S\n\r\t]+")
MAX_CHARS, MAX_BYTES = 64, 256
"""Longer runs (base64, minified code) teach a tokenizer nothing and cost memory."""
COUNTS = pa.schema([("word", pa.string()), ("count", pa.int64())])
"""The null word stands for those that were too long."""


def count_part(uri: str, kind: Kind, share: float, seed: int) -> Iterator[pa.RecordBatch]:
    """Counts of the pre-tokens in a seeded sample of a part's documents: a batch of COUNTS a row group."""
    count = count_for_bpe if kind == "bpe" else count_for_sentencepiece
    for batch in read_part(uri, ["id", "text"]):
        yield count(batch.filter(drawn(batch.column("id"), share, seed)).column("text"))


def drawn(ids: pa.Array, share: float, seed: int) -> pa.Array:
    """Which documents are in a seeded sample of this share."""
    limit = int(share * 2**64)
    return pa.array([keyed_uint64(seed, identity) < limit for identity in ids.to_pylist()], pa.bool_())


def count_for_bpe(texts: pa.Array) -> pa.RecordBatch:
    counted = bpe_scan.count_words(strings(texts), MAX_BYTES)
    words = string_array(*counted.words)
    return with_left_out(words, pa.array(counted.counts), counted.n_left_out)


def count_for_sentencepiece(texts: pa.Array) -> pa.RecordBatch:
    counts = Counter(word for text in texts.to_pylist() for word in pre_tokens(text))
    long = [word for word in counts if len(word) > MAX_CHARS]
    n_left_out = sum(counts.pop(word) for word in long)
    return with_left_out(pa.array(counts.keys(), pa.string()), pa.array(counts.values(), pa.int64()), n_left_out)


def pre_tokens(text: str) -> list[str]:
    """["The", " cat", "\\n", "  ", "x"] for "The cat\\n  x"."""
    return PRE_TOKEN.findall(text)


def with_left_out(words: pa.Array, counts: pa.Array, n_left_out: int) -> pa.RecordBatch:
    """A batch of COUNTS that ends with what was too long."""
    words = pa.concat_arrays([words, pa.array([None], pa.string())])
    return pa.RecordBatch.from_arrays([words, pa.concat_arrays([counts, pa.array([n_left_out])])], schema=COUNTS)
