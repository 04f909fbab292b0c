"""Cutting out of the texts of a part what stands elsewhere first (udfs/passages.py)."""

from collections.abc import Iterator
from typing import Any

import numba
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from udfs.decisions import Part, Rows
from udfs.passages import LATER, Batch, PassagePlan, PassageRule, batches_of, covered, pieces_of
from udfs.spans import NEWLINE, Ints, string_array
from udfs.text import Texts


def cuts_in(
    part: Part, batches: Iterator[pa.RecordBatch], plan: PassagePlan, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Rows of the table `passages` for LATER runs, all of which are of this part."""
    found = pa.Table.from_batches(list(batches), LATER).sort_by([(name, "ascending") for name in LATER.names[:3]])
    node = found["node"].to_numpy()
    for batch in batches_of(part, np.unique(node & 0xFFFFFFFF), plan):
        here = found.filter(pa.array(np.isin(node, batch.node)))
        rows = [_stretches(batch, here, number, rule) for number, rule in enumerate(plan.rules)]
        ordered = pa.concat_tables(rows).sort_by([("row", "ascending"), ("start", "ascending")])
        yield from ordered.select(schema.names).cast(schema).combine_chunks().to_batches()


def _stretches(batch: Batch, found: pa.Table, number: int, rule: PassageRule) -> pa.Table:
    """The stretches of pieces that runs of this rule cover, each as long as can be."""
    found = found.filter(pa.array(found["rule"].to_numpy() == number))
    spans = pieces_of(batch.texts, rule.unit).spans
    run = spans.first[np.searchsorted(batch.node, found["node"].to_numpy())] + found["piece"].to_numpy()
    head, tail = _longest(covered(run, run + rule.n - 1, len(spans.start)), spans.first)
    document, first_run = np.searchsorted(spans.first, head, "right") - 1, np.searchsorted(run, head)
    begin = batch.texts.documents.start[document]
    columns = {
        "row": batch.node[document] & 0xFFFFFFFF,
        "id": _identities(batch.high[document], batch.low[document]),
        "unit": pa.array([rule.unit] * len(head), pa.string()),
        "start": spans.start[head] - begin,
        "end": spans.end[tail] - begin,
        "first_id": _identities(*(found[half].to_numpy()[first_run] for half in ("high", "low"))),
    }
    return pa.table(columns)


def _longest(is_in: NDArray[np.bool_], first: Ints) -> tuple[Ints, Ints]:
    """(first, last) of the stretches of pieces that are covered, none of them of two documents."""
    opens = np.zeros(len(is_in) + 1, np.bool_)
    opens[first] = True
    head = is_in & (opens[:-1] | ~np.append(True, is_in)[:-1])
    tail = is_in & (opens[1:] | ~np.append(is_in, False)[1:])
    return np.flatnonzero(head), np.flatnonzero(tail)


def _identities(high: Rows, low: Rows) -> pa.Array:
    """Ids of 32 hex digits from their halves (udfs.copies.halves)."""
    words = np.stack([high, low], axis=1).view(np.uint64) ^ np.uint64(1 << 63)
    digits = words.astype(">u8").tobytes().hex()
    return pa.array([digits[i : i + 32] for i in range(0, len(digits), 32)], pa.string())


def cut(texts: Texts, document: Ints, start: Ints, end: Ints) -> Texts:
    """The texts without the bytes from start[i] to end[i] of document[i], and without the blanks behind them.

    The spans are in the order of their documents and starts; they may overlap. A line that is cut whole goes with its
    newline. White space at the end of a text that is cut goes too; other texts stay as they are, to the byte.
    """
    documents = texts.documents
    first = np.searchsorted(document, np.arange(len(texts) + 1))
    data, offsets = _cut(documents.data, np.append(documents.start, documents.end[-1:]), first, start, end)
    return Texts(string_array(data, offsets), texts.word_rule)


@numba.njit(cache=True, nogil=True)
def _cut(data: Any, offsets: Any, first: Any, start: Any, end: Any) -> Any:
    out, ends = np.empty(offsets[-1] - offsets[0], np.uint8), np.zeros(offsets.size, np.int64)
    n = 0
    for doc in range(offsets.size - 1):
        i, stop = offsets[doc], offsets[doc + 1]
        for span in range(first[doc], first[doc + 1]):
            n = _copy(data, i, max(i, offsets[doc] + start[span]), out, n)
            i = max(i, offsets[doc] + end[span])
            while i < stop and _is_blank(data[i]):
                i += 1
            if i == stop or data[i] == NEWLINE:
                while n > ends[doc] and _is_blank(out[n - 1]):
                    n -= 1
                if n == ends[doc] or out[n - 1] == NEWLINE:
                    i = min(i + 1, stop)
        n = _copy(data, i, stop, out, n)
        while first[doc] < first[doc + 1] and n > ends[doc] and (_is_blank(out[n - 1]) or out[n - 1] == NEWLINE):
            n -= 1
        ends[doc + 1] = n
    return out[:n], ends


@numba.njit
def _is_blank(byte: Any) -> Any:
    return (byte == 0x20) | (byte == 0x09)


@numba.njit
def _copy(data: Any, start: Any, end: Any, out: Any, n: Any) -> Any:
    """Appends data[start:end] to out[:n]; the new `n`."""
    out[n : n + end - start] = data[start:end]
    return n + end - start
