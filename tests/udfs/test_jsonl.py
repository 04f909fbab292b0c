"""JSON lines of public corpora, and lines and streams that are damaged."""

import gzip
import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from udfs.jsonl import read_jsonl
from udfs.members import Limits
from udfs.records import Damage, Record
from udfs.rows import Fields


def read(data: bytes, fields: Fields | None = None, **limits: int) -> list[Any]:
    return list(read_jsonl(io.BytesIO(data), Limits(**limits), fields or Fields()))


def lines(*rows: Any) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


ROWS = [{"text": f"text number {n}"} for n in range(5)]


@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstandard.compress])
def test_every_line_is_a_record_at_its_offset(compress: Any) -> None:
    outcomes = read(compress(lines(*ROWS)))
    assert [(o.ordinal, o.text) for o in outcomes] == [(n, row["text"]) for n, row in enumerate(ROWS)]
    assert [o.offset for o in outcomes] == [n * len(lines(ROWS[0])) for n in range(5)]


def test_several_members_are_one_stream_even_where_they_split_a_line() -> None:
    data = lines(*ROWS)
    for compress in (gzip.compress, zstandard.compress):
        assert read(compress(data[:33]) + compress(b"") + compress(data[33:])) == read(data)


def test_blank_lines_are_nothing_and_the_last_newline_is_optional() -> None:
    data = b"\n  \r\n" + lines(ROWS[0]) + b"\n\n" + lines(ROWS[1]).rstrip()
    assert [o.text for o in read(data)] == ["text number 0", "text number 1"]
    assert read(b"") == []


def test_a_byte_order_mark_and_crlf_are_tolerated() -> None:
    assert [o.text for o in read(b"\xef\xbb\xbf" + lines(*ROWS).replace(b"\n", b"\r\n"))] == [r["text"] for r in ROWS]


SHAPES = {
    "C4": {"text": "t", "url": "http://a/", "timestamp": "2019"},
    "the Pile": {"text": "t", "meta": {"pile_set_name": "Pile-CC / x"}},
    "Dolma": {"text": "t", "id": "http://a/", "created": "2019", "metadata": {"url": "http://a/"}},
    "RedPajama": {
        "text": "t",
        "meta": {"url": "http://a/", "timestamp": "2019", "redpajama_set_name": "RedPajamaArXiv"},
    },
    "RedPajama 2": {"raw_content": "t", "url": "http://a/", "date_download": "2019", "doc_id": 7},
    "OSCAR": {
        "content": "t",
        "warc_headers": {"warc-target-uri": "http://a/", "warc-date": "2019", "warc-record-id": "<x>"},
    },
    "dots in names": {"text": "t", "meta.url": "http://a/", "meta.timestamp": "2019", "meta.id": "x"},
}


def test_the_usual_corpora_are_understood() -> None:
    found = {name: read(lines(row))[0] for name, row in SHAPES.items()}
    assert all(record.text == "t" and record.type == "row" for record in found.values())
    assert {name for name, record in found.items() if record.url == "http://a/"} == SHAPES.keys() - {"the Pile"}
    assert {name for name, record in found.items() if record.date == "2019"} == SHAPES.keys() - {"the Pile"}
    assert (found["the Pile"].source, found["RedPajama"].source) == ("pile-cc-x", "redpajamaarxiv")
    assert (found["RedPajama 2"].record_id, found["OSCAR"].record_id) == ("7", "<x>")


def test_fields_can_be_named() -> None:
    row = {"body": {"plain": "here"}, "text": "not here", "id": {"no": "word"}}
    (record,) = read(lines(row), Fields(text=("body.plain",)))
    assert (record.text, record.record_id) == ("here", "")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{not json}", "not_json"),
        (b'{"text": "cut', "not_json"),
        (b"[" * 100_000, "not_json"),
        (b'["text"]', "not_an_object"),
        (b'"text"', "not_an_object"),
        (b"{}", "no_text_field"),
        (b'{"text": null}', "no_text_field"),
        (b'{"text": 5}', "no_text_field"),
        (b'{"text": "a\xff"}', "invalid_utf8"),
        (b'{"text": "\xed\xa0\x80"}', "invalid_utf8"),
        (b'{"text": "' + b"x" * 2_000_000 + b'"}', "too_large"),
        (b'{"text": 1' + b"0" * 5_000 + b"}", "not_json"),
    ],
)
def test_a_bad_line_costs_itself(line: bytes, reason: str) -> None:
    good = lines(ROWS[0])
    first, damage, last = read(good + line + b"\n" + lines(ROWS[1]), record_bytes=1_500_000)
    assert (first.text, last.text) == ("text number 0", "text number 1")
    assert (damage.reason, damage.ordinal, damage.offset) == (reason, 1, len(good))
    assert damage.head == line[:1024]
    assert last.offset == len(good) + len(line) + 1


def test_nuls_go_and_lone_surrogates_are_replaced() -> None:
    (record,) = read(b'{"text": "a\\u0000b\\ud800c\\ud83d\\ude00", "url": "http://\\udfff/"}\n')
    assert (record.text, record.url) == ("ab\ufffdc\U0001f600", "http://\ufffd/")
    assert record.warnings == ("lone_surrogates",)


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_a_cut_stream_gives_its_whole_lines_and_one_damage(compress: Any) -> None:
    rows = [{"text": f"{n} " + "words " * 2_000} for n in range(200)]
    data = compress(lines(*rows))
    for cut in range(1, len(data), len(data) // 40):
        *records, damage = read(data[:cut])
        assert [r.text for r in records] == [row["text"] for row in rows[: len(records)]]
        assert isinstance(damage, Damage)
        assert damage.ordinal == len(records)
        assert damage.offset == sum(len(lines(row)) for row in rows[: len(records)])
        assert damage.reason == "truncated" or cut < 4


def test_a_damaged_stream_gives_the_lines_before_the_damage() -> None:
    rows = [{"text": f"{n} " + "words " * (n % 97)} for n in range(2_000)]
    data = bytearray(gzip.compress(lines(*rows)))
    data[len(data) // 2] ^= 0xFF
    *records, damage = read(bytes(data))
    assert len(records) > 500
    assert damage.reason in ("damaged_compression", "checksum")


def test_a_bomb_of_one_line_is_too_large_and_costs_little() -> None:
    data = gzip.compress(lines(ROWS[0]) + b" " * (100 << 20) + b"\n" + lines(ROWS[1]))
    tracemalloc.start()
    outcomes = read(data, record_bytes=1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [getattr(o, "reason", "") for o in outcomes] == ["", "too_large", ""]
    assert peak < 10 << 20


@given(st.binary(max_size=200))
def test_any_bytes_make_as_many_outcomes_as_lines(data: bytes) -> None:
    data = b" " + data  # not the start of a compressed file
    outcomes = read(data)
    assert len(outcomes) == sum(bool(line.strip()) for line in data.split(b"\n"))
    assert [o.ordinal for o in outcomes] == list(range(len(outcomes)))


def test_real_shards_are_read_without_damage(shared_data: Path) -> None:
    expected = {"c4-en": 150, "dolma-cc_en_head-0091": 10, "pile-sample": 22, "redpajama-stackexchange-raw": 70}
    for file in shared_data.glob("shards/*.jsonl*"):
        with file.open("rb") as stream:
            outcomes = list(read_jsonl(stream))
        assert len(outcomes) == expected[file.name.partition(".")[0]]
        assert all(isinstance(o, Record) and o.text for o in outcomes)
