"""What is shown of documents in a report: a stretch of each text about a place in it, with marks.

The texts are read where they stand, in the part of `documents`; of other documents the ids alone are read.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from udfs.causes import cause_of
from udfs.decisions import Part, Rows, texts_at
from udfs.edits import Edits, edit
from udfs.parts import read_part
from udfs.signals.batch import Batch
from udfs.spans import Bytes, running_sum
from udfs.text import Texts

BEFORE = 60
"""Characters that are shown before the first mark."""
MAX_MARKS = 12
CUT = "… "
"""Stands before a text that does not begin there."""
Places = list[tuple[int, int]]


@dataclass(frozen=True)
class Look:
    """A document and where to look in it: at the cause of `signal`'s value in the text that it is measured on; without
    one at the bytes `span` of the text after its edits, or at its beginning. `n_chars` of it are shown."""

    id: str
    signal: str | None = None
    span: tuple[int, int] | None = None
    n_chars: int = 300


class Seen(NamedTuple):
    """A stretch of the text, and the characters of it that are marked."""

    look: Look
    text: str
    marks: Places


def look_at(part: Part, looks: Sequence[Look], edits: Edits | None, word_rule: str) -> list[Seen]:
    """What is seen of the documents of this part."""
    wanted: dict[str, list[Look]] = {}
    for look in looks:
        wanted.setdefault(look.id, []).append(look)
    ids = pa.Table.from_batches(read_part(part.signals, ["id"]))["id"]
    rows = np.flatnonzero(np.asarray(pc.is_in(ids, pa.array(list(wanted), pa.string()))))
    return [
        see(look, document)
        for identity, document in documents_at(part, rows, edits, word_rule)
        for look in wanted[identity]
    ]


def documents_at(part: Part, rows: Rows, edits: Edits | None, word_rule: str) -> Iterator[tuple[str, Batch]]:
    """Each document of these rows, on its own."""
    for documents, _ in texts_at(part, rows, ["id", "text"]):
        for row in documents.to_pylist():
            raw = Texts(pa.array([row["text"]], pa.string()), word_rule)
            yield row["id"], Batch(raw, edit(raw, edits))


def see(look: Look, document: Batch) -> Seen:
    spans = cause_of(look.signal, document) if look.signal else None
    if spans is not None and len(spans.start):
        return excerpt(look, spans.data, joined(zip(spans.start.tolist(), spans.end.tolist(), strict=True)))
    return excerpt(look, document.left.documents.data, [look.span] if look.span else [])


def joined(places: Iterable[tuple[int, int]]) -> Places:
    """The places, those with one byte or less between them as one.

    >>> joined([(0, 3), (4, 9), (11, 12)])
    [(0, 9), (11, 12)]
    """
    found: Places = []
    for start, end in places:
        if found and start <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def excerpt(look: Look, data: Bytes, places: Places) -> Seen:
    """`look.n_chars` of the only text in `data`, from shortly before the first place on."""
    count = running_sum(data & 0xC0 != 0x80)  # characters before each byte
    marks = [(int(count[start]), int(count[end])) for start, end in places]
    begin = max(0, marks[0][0] - BEFORE) if marks and marks[0][1] > look.n_chars else 0
    lead = CUT if begin else ""
    end = begin + look.n_chars - len(lead)
    shift = len(lead) - begin
    shown = [(max(start, begin) + shift, min(stop, end) + shift) for start, stop in marks if start < end]
    return Seen(look, lead + data.tobytes().decode()[begin:end], shown[:MAX_MARKS])
