"""What a tokenizer makes of real text: bytes, words and tokens by source and language, and the ids it uses.

A fragment is a token of one byte of a character of several: their share tells how well a vocabulary covers a language.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from udfs.parts import read_batches
from udfs.text import Texts
from udfs.text_tokenizer import TextTokenizer, TokenizerPlace, load_tokenizer

PLACE = ["source", "language"]
FIGURES = ["documents", "bytes", "words", "tokens", "fragments"]
SCHEMA = pa.schema([*[(name, pa.string()) for name in PLACE], *[(name, pa.int64()) for name in FIGURES]])


@dataclass(frozen=True)
class TextFigures:
    """`rows`: a table of PLACE and FIGURES; `used`: a bool for each id of the vocabulary."""

    rows: pa.Table
    used: NDArray[np.bool_]


def measure_part(uri: str, place: TokenizerPlace, max_bytes: int) -> TextFigures:
    """The figures of the documents at the beginning of a part, up to about `max_bytes` of text."""
    tokenizer = load_tokenizer(place)
    used = np.zeros(tokenizer.vocab_size, np.bool_)
    tables, n_bytes = [SCHEMA.empty_table()], 0
    for batch in read_batches(uri, [*PLACE, "text"]):
        tables.append(measure(batch, tokenizer, used))
        n_bytes += batch.column("text").nbytes
        if n_bytes >= max_bytes:
            break
    return TextFigures(_sums(tables), used)


def measure(batch: pa.RecordBatch, tokenizer: TextTokenizer, used: NDArray[np.bool_]) -> pa.Table:
    """A row for each document; sets `used` for its ids. Words are those of `measure.words: cjk`."""
    texts = batch.column("text")
    tokens = tokenizer.encode(texts)
    used[tokens.ids] = True
    figures = [
        np.ones(len(texts), np.int64),
        pc.cast(pc.binary_length(texts), pa.int64()),
        np.diff(Texts(texts).words.first),
        np.diff(tokens.offsets),
        np.diff(np.append(0, np.cumsum(tokenizer.is_fragment[tokens.ids]))[tokens.offsets]),
    ]
    return pa.Table.from_arrays([*[batch.column(name) for name in PLACE], *map(pa.array, figures)], schema=SCHEMA)


def add_up(parts: Iterable[TextFigures]) -> TextFigures:
    """The figures of all parts, of which there is one at least; a row for each source and language, in order."""
    found = list(parts)
    rows = _sums([part.rows for part in found]).sort_by([(name, "ascending") for name in PLACE])
    return TextFigures(rows, np.logical_or.reduce([part.used for part in found]))


def _sums(tables: list[pa.Table]) -> pa.Table:
    sums = pa.concat_tables(tables).group_by(PLACE).aggregate([(name, "sum") for name in FIGURES])
    return sums.select([*PLACE, *[f"{name}_sum" for name in FIGURES]]).rename_columns(SCHEMA.names)
