"""Which reader reads a file: its kind by its name, and one function for all kinds."""

from collections.abc import Iterator
from typing import IO, Literal

from udfs.crawl_index import EVERYTHING, Selection, read_index
from udfs.jsonl import cut_jsonl, read_jsonl
from udfs.members import USUAL_LIMITS, Limits
from udfs.parquet_rows import read_parquet
from udfs.records import WHOLE, Outcome, Span
from udfs.rows import USUAL_FIELDS, Fields
from udfs.warc import cut_warc, read_warc

Kind = Literal["warc", "wet", "wat", "arc", "jsonl", "parquet", "index"]

_COMPRESSED = (".gz", ".zst", ".zstd")
_KINDS: dict[str, Kind] = {
    "warc": "warc",
    "wet": "wet",
    "wat": "wat",
    "arc": "arc",
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "json": "jsonl",
    "parquet": "parquet",
    "cdx": "index",
    "cdxj": "index",
}


def guess_kind(name: str) -> Kind | None:
    """The kind of the file of this name or path; None when the name does not tell.

    >>> guess_kind("crawl/CC-MAIN-0001.warc.wet.gz"), guess_kind("c4-train.00000-of-01024.json.gz"), guess_kind("a.txt")
    ('wet', 'jsonl', None)
    """
    name = name.lower()
    for ending in _COMPRESSED:
        name = name.removesuffix(ending)
    return _KINDS.get(name.rpartition(".")[2])


def read(
    kind: Kind,
    stream: IO[bytes],
    limits: Limits = USUAL_LIMITS,
    fields: Fields = USUAL_FIELDS,
    span: Span = WHOLE,
    select: Selection = EVERYTHING,
) -> Iterator[Outcome]:
    """Every record of the file, or of one of its spans, in order; see `udfs.records`.

    WAT files hold metadata only, so all of it is skipped. Only Parquet, indexes and spans need a stream that can seek.
    Raises InputError for an ARC file.
    """
    if kind == "jsonl":
        return read_jsonl(stream, limits, fields, span)
    if kind == "parquet":
        return read_parquet(stream, limits, fields)
    if kind == "index":
        return read_index(stream, limits, select)
    return read_warc(stream, limits, span)


def cut(kind: Kind, stream: IO[bytes], limits: Limits, n_bytes: int) -> list[Span]:
    """Spans of about `n_bytes` that can be read apart and together hold the records of the file, in order.

    WARC files of one record a member, plain ones and plain JSON lines can be cut, by reading them once; others are one
    span.
    """
    if kind == "jsonl":
        return cut_jsonl(stream, limits, n_bytes)
    return [WHOLE] if kind in ("parquet", "index") else cut_warc(stream, limits, n_bytes)
