"""Rows of public corpora (JSON objects, Parquet rows): which field says what, and the Record that a row makes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from udfs.records import HEAD_BYTES, Damage, Outcome, Record

MAX_SOURCE_CHARS = 64
_NOT_SLUG = re.compile(r"[^a-z0-9]+")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Fields:
    """Where a row says what: for each thing the places to look at, of which the first that is not null counts.

    A place is the name of a field, or a dotted path into nested ones. The usual places are those of C4, the Pile,
    Dolma, RedPajama 1 and 2, SlimPajama, OSCAR 23.01, RefinedWeb, CulturaX and FineWeb.
    """

    text: tuple[str, ...] = ("text", "content", "raw_content")
    url: tuple[str, ...] = ("url", "meta.url", "metadata.url", "source_url", "warc_headers.warc-target-uri")
    date: tuple[str, ...] = (
        "date",
        "timestamp",
        "created",
        "date_download",
        "meta.timestamp",
        "metadata.timestamp",
        "metadata.date_download",
        "warc_headers.warc-date",
    )
    id: tuple[str, ...] = ("id", "doc_id", "docid", "meta.id", "metadata.id", "warc_headers.warc-record-id")
    set: tuple[str, ...] = ("meta.pile_set_name", "meta.redpajama_set_name", "metadata.pile_set_name")

    def columns(self) -> frozenset[str]:
        """The names of all fields of a row in which something is looked for."""
        places = (*self.text, *self.url, *self.date, *self.id, *self.set)
        return frozenset(places) | {place.partition(".")[0] for place in places}


USUAL_FIELDS = Fields()


def row_outcome(row: Mapping[str, Any], fields: Fields, ordinal: int, offset: int, head: bytes) -> Outcome:
    """The Record that a row makes, or Damage if it has no text; `head` shows the row there.

    NULs are removed from the text; lone surrogates, which JSON can write, become U+FFFD.
    """
    text = _find(row, fields.text)
    if not isinstance(text, str):
        detail = f"no string in {' or '.join(fields.text)}; the row has: {', '.join(map(str, row))}"
        return Damage(ordinal, offset, "no_text_field", detail[:HEAD_BYTES], head[:HEAD_BYTES])
    text, n_replaced = _SURROGATE.subn("\ufffd", text.replace("\0", ""))
    return Record(
        ordinal=ordinal,
        offset=offset,
        type="row",
        record_id=_word(row, fields.id),
        url=_word(row, fields.url),
        date=_word(row, fields.date),
        text=text,
        source=_slug(_word(row, fields.set)),
        warnings=("lone_surrogates",) if n_replaced else (),
    )


def _find(row: Mapping[str, Any], places: tuple[str, ...]) -> Any:
    for place in places:
        value = row.get(place)
        if value is None and "." in place:
            value = _follow(row, place.split("."))
        if value is not None:
            return value
    return None


def _follow(value: Any, path: list[str]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _word(row: Mapping[str, Any], places: tuple[str, ...]) -> str:
    """What stands at the first of `places`, as a string; "" for nothing and for what is no plain value."""
    value = _find(row, places)
    if value is None or isinstance(value, (Mapping, list)):
        return ""
    return _SURROGATE.sub("\ufffd", str(value))


def _slug(name: str) -> str:
    """_slug("RedPajama-CC 2023") == "redpajama-cc-2023"."""
    return _NOT_SLUG.sub("-", name.lower()).strip("-")[:MAX_SOURCE_CHARS]
