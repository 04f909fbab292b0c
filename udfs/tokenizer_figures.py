"""What a tokenizer makes of real text: bytes, words and tokens by source and language, and the ids it uses.

A fragment is a token of one byte of a character of several: their share tells how well a vocabulary covers a language.
Tokenizers that were made elsewhere are measured on the same texts, by Hugging Face's library.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from udfs import files
from udfs.errors import InputError, UsageError
from udfs.parts import read_batches
from udfs.text import Texts
from udfs.text_tokenizer import TextTokenizer, TokenizerPlace, load_tokenizer

PLACE = ["source", "language"]
FIGURES = ["documents", "bytes", "words", "tokens", "fragments"]
SCHEMA = pa.schema([*[(name, pa.string()) for name in PLACE], *[(name, pa.int64()) for name in FIGURES]])
OTHERS = pa.schema(
    [("tokenizer", pa.string()), ("language", pa.string()), ("bytes", pa.int64()), ("tokens", pa.int64())]
)


@dataclass(frozen=True)
class TextFigures:
    """`rows`: a table of PLACE and FIGURES; `used`: a bool for each id of the vocabulary; `others`: a table of OTHERS,
    which are other tokenizers."""

    rows: pa.Table
    used: NDArray[np.bool_]
    others: pa.Table


def measure_part(uri: str, place: TokenizerPlace, max_bytes: int, others: Mapping[str, str]) -> TextFigures:
    """The figures of the documents at the beginning of a part, up to about `max_bytes` of text; `others` says where the
    tokenizer.json of each stands."""
    tokenizer = load_tokenizer(place)
    used = np.zeros(tokenizer.vocab_size, np.bool_)
    tables, compared, n_bytes = [SCHEMA.empty_table()], [OTHERS.empty_table()], 0
    for batch in read_batches(uri, [*PLACE, "text"]):
        tables.append(measure(batch, tokenizer, used))
        compared += [measure_other(batch, name, load_other(file)) for name, file in others.items()]
        n_bytes += batch.column("text").nbytes
        if n_bytes >= max_bytes:
            break
    return TextFigures(_sums(tables), used, _sums_of_others(compared))


@lru_cache(maxsize=8)
def load_other(file: str) -> Any:
    """A tokenizer of Hugging Face's library, kept by the process. Raises InputError for a file that it cannot read,
    UsageError without the library."""
    try:
        from tokenizers import Tokenizer  # seldom needed, and brings a dozen packages
    except ImportError as error:
        raise UsageError("tokenizer.compare needs the library tokenizers", "pip install tokenizers") from error
    try:
        return Tokenizer.from_str(files.read_bytes(file).decode())
    except Exception as error:  # the library raises no narrower class
        if isinstance(error, InputError):
            raise
        raise InputError(f"{file}: not a tokenizer: {error}", "name a tokenizer.json in tokenizer.compare") from error


def measure_other(batch: pa.RecordBatch, name: str, tokenizer: Any) -> pa.Table:
    """OTHERS, a row for each document, control tokens not counted."""
    texts = batch.column("text")
    found = tokenizer.encode_batch_fast(texts.to_pylist(), add_special_tokens=False)
    columns = [[name] * len(texts), batch.column("language"), pc.binary_length(texts), [len(one.ids) for one in found]]
    return pa.table(dict(zip(OTHERS.names, columns, strict=True))).cast(OTHERS)


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
    others = _sums_of_others([part.others for part in found])
    return TextFigures(rows, np.logical_or.reduce([part.used for part in found]), others)


def _sums(tables: list[pa.Table]) -> pa.Table:
    sums = pa.concat_tables(tables).group_by(PLACE).aggregate([(name, "sum") for name in FIGURES])
    return sums.select([*PLACE, *[f"{name}_sum" for name in FIGURES]]).rename_columns(SCHEMA.names)


def _sums_of_others(tables: list[pa.Table]) -> pa.Table:
    keys = OTHERS.names[:2]
    sums = pa.concat_tables(tables).group_by(keys).aggregate([(name, "sum") for name in OTHERS.names[2:]])
    ordered = sums.select([*keys, "bytes_sum", "tokens_sum"]).rename_columns(OTHERS.names)
    return ordered.sort_by([(name, "ascending") for name in keys])
