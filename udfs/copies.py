"""Which document of several stays: rows with a key come together, the preferred one of each key is kept.

A document travels as its node (part * 2^32 + row: its place, unique in a search) and its rank, four numbers that are
compared in turn, smaller first: what the policy asks for, then length, then the two halves of its id. So the order is
total, and the same wherever files are cut.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from udfs.decisions import Part, Rows, signals_left, take_signals
from udfs.strings import hex_strings, strings

RANK = [("lead", pa.float64()), ("length", pa.int64()), ("id_high", pa.int64()), ("id_low", pa.int64())]
KEYED = pa.schema([("key", pa.int64()), ("key_low", pa.int64()), ("node", pa.int64()), *RANK])
REMOVED = pa.schema([(name, pa.int64()) for name in ("node", "high", "low", "kept", "kept_high", "kept_low")])
"""`high` and `low` are the halves of the document's id, `kept` is the node of the preferred one."""
RANK_COLUMNS = ["id", "source", "date", "n_chars", "quality_score"]
DIGITS = re.compile(r"\d+")
FIRST, LAST = -np.inf, np.inf
SIGN = np.uint64(1 << 63)


@dataclass(frozen=True)
class Keep:
    """Which document of several is preferred; `sources` in order, for first_source; `drop_if_in` before all else."""

    policy: str
    sources: tuple[str, ...] = ()
    drop_if_in: str | None = None


def node_of(number: int, rows: NDArray[Any]) -> Rows:
    """The nodes of rows of a part."""
    return (np.int64(number) << 32) | rows.astype(np.int64)


def halves(digits: pa.Array) -> tuple[Rows, Rows]:
    """Strings of 32 hex digits as two int64 each, which compare as the strings do."""
    data, offsets = strings(digits)
    spelt = data[offsets[0] : offsets[-1]].tobytes().decode()
    words = np.frombuffer(bytes.fromhex(spelt), ">u8").astype(np.uint64) ^ SIGN
    return words[::2].view(np.int64).copy(), words[1::2].view(np.int64).copy()


def spelt(high: Rows, low: Rows) -> pa.Array:
    """The strings of which these are the halves."""
    words = np.column_stack([high, low]).astype(np.int64).view(np.uint64) ^ SIGN
    return hex_strings(words.astype(">u8").tobytes(), 16)


def rank_columns(signals: pa.RecordBatch | pa.Table, keep: Keep) -> list[pa.Array]:
    """The RANK of each row of signals."""
    high, low = halves(_one_chunk(signals.column("id")))
    length = -_one_chunk(signals.column("n_chars")).to_numpy(zero_copy_only=False)
    return [pa.array(lead(signals, keep)), pa.array(length), pa.array(high), pa.array(low)]


def lead(signals: pa.RecordBatch | pa.Table, keep: Keep) -> NDArray[np.float64]:
    """What is compared first: whether the source is `drop_if_in`, then what the policy asks for. Unknown is last."""
    wanted = policy_lead(signals, keep)
    if keep.drop_if_in is None:
        return wanted
    return np.where(is_of(signals.column("source"), keep.drop_if_in), FIRST, wanted)


def policy_lead(signals: pa.RecordBatch | pa.Table, keep: Keep) -> NDArray[np.float64]:
    """The quality score for best, the date for newest and oldest, the place of the source for first_source."""
    if keep.policy == "best":
        scores = _one_chunk(signals.column("quality_score")).to_numpy(zero_copy_only=False).astype(np.float64)
        return np.where(np.isnan(scores), LAST, -scores)
    if keep.policy == "longest":
        return np.zeros(len(signals.column("id")))
    if keep.policy == "first_source":
        places = np.full(len(signals.column("id")), LAST)
        for place, source in reversed(list(enumerate(keep.sources))):
            places[is_of(signals.column("source"), source)] = place
        return places
    times = np.array([time_of(date) for date in signals.column("date").to_pylist()])
    return np.where(np.isnan(times), LAST, -times if keep.policy == "newest" else times)


def is_of(sources: Any, name: str) -> NDArray[np.bool_]:
    """Whether each source is the one of this name, or a set inside it (`pile.PubMed Abstracts` is of `pile`)."""
    is_set = pc.starts_with(sources, f"{name}.")
    return np.asarray(pc.or_(pc.equal(sources, name), is_set))


def time_of(date: str | None) -> float:
    """The digits of a date as one number, YYYYMMDDhhmmss; NaN without a year. time_of("2016-05-03T10:00:00Z") ==
    20160503100000."""
    digits = "".join(DIGITS.findall(date or ""))[:14]
    return float(digits.ljust(14, "0")) if len(digits) >= 4 else np.nan


def keyed(part: Part, column: str, keep: Keep) -> Iterator[pa.RecordBatch]:
    """KEYED rows of the documents left that have a value in `column` (url_key: int64; text_digest: hex digits)."""
    for batch in signals_left(part, [column, *RANK_COLUMNS]):
        batch = batch.filter(pc.is_valid(batch.column(column)))
        value = batch.column(column)
        high, low = (value, pa.array(np.zeros(len(value), np.int64))) if column == "url_key" else halves(value)
        node = node_of(part.number, batch.column("row").to_numpy())
        yield pa.RecordBatch.from_arrays(
            [pa.array(high), pa.array(low), pa.array(node), *rank_columns(batch, keep)], schema=KEYED
        )


def prefer(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """REMOVED: every document that shares its key with a preferred one. `batches` holds all rows of its keys."""
    table = pa.Table.from_batches(list(batches), KEYED)
    columns = [table[name].to_numpy() for name in ("id_low", "id_high", "length", "lead", "key_low", "key")]
    place = np.lexsort(columns)
    key, key_low = columns[5][place], columns[4][place]
    is_first = np.append(True, (np.diff(key) != 0) | (np.diff(key_low) != 0))[: len(place)]
    group = np.cumsum(is_first) - 1
    own = [column[place] for column in (table["node"].to_numpy(), columns[1], columns[0])]
    removed = [column[~is_first] for column in (*own, *(column[is_first][group] for column in own))]
    yield pa.RecordBatch.from_arrays([pa.array(column) for column in removed], schema=REMOVED)


def rank_nodes(part: Part, batches: Iterator[pa.RecordBatch], keep: Keep) -> Iterator[pa.RecordBatch]:
    """KEYED rows for rows (node, root) of one part: the root of its cluster is the key."""
    for batch in batches:
        node = batch.column("node").to_numpy()
        signals = take_signals(part, node & 0xFFFFFFFF, RANK_COLUMNS)
        zeros = pa.array(np.zeros(len(node), np.int64))
        columns = [batch.column("root"), zeros, batch.column("node"), *rank_columns(signals, keep)]
        yield pa.RecordBatch.from_arrays(columns, schema=KEYED)


def _one_chunk(column: Any) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def lookup(keys: Rows, values: Sequence[NDArray[Any]], wanted: Rows) -> tuple[NDArray[np.bool_], list[NDArray[Any]]]:
    """(found, values there) for each of `wanted`; keys are distinct. Values where nothing was found are arbitrary."""
    order = np.argsort(keys)
    place = np.minimum(np.searchsorted(keys, wanted, sorter=order), max(len(keys) - 1, 0))
    if not len(keys):
        return np.zeros(len(wanted), bool), [np.zeros(len(wanted), value.dtype) for value in values]
    return keys[order[place]] == wanted, [value[order[place]] for value in values]
