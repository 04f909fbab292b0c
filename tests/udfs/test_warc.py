"""Intact WARC files in every storage, and the small faults that are tolerated."""

import io
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
import zstandard
from warc_bytes import (
    END,
    STORAGES,
    gzip_member,
    http_block,
    page,
    response,
    sha1,
    store,
    warc_record,
    words,
    zstd_frame,
)

from udfs.errors import InputError
from udfs.members import Limits
from udfs.records import Damage, Record, Skipped
from udfs.warc import cut_warc, read_warc


def read(data: bytes, **limits: int) -> list[Any]:
    return list(read_warc(io.BytesIO(data), Limits(**limits)))


def mixed_records() -> list[bytes]:
    info = warc_record(0, b"software: x\r\n", {"WARC-Type": "warcinfo", "Content-Type": "application/warc-fields"})
    request = warc_record(1, b"GET / HTTP/1.1\r\n\r\n", {"WARC-Type": "request"})
    text = warc_record(3, b"plain words\n", {"WARC-Type": "conversion", "Content-Type": "text/plain"})
    return [info, request, response(2), text, response(4, 200_000), response(5, 0)]


DICTIONARY = words(7, 4_000)


def dictionary_file(dictionary_frame: bytes) -> bytes:
    """Three records, each in a frame that needs DICTIONARY, behind the frame that should hold it."""
    compressor = zstandard.ZstdCompressor(dict_data=zstandard.ZstdCompressionDict(DICTIONARY), write_checksum=True)
    frames = [compressor.compress(warc_record(n, DICTIONARY[100 * n :])) for n in range(3)]
    return dictionary_frame + b"".join(frames)


def skippable_frame(content: bytes) -> bytes:
    return b"\x5d\x2a\x4d\x18" + len(content).to_bytes(4, "little") + content


@pytest.mark.parametrize("content", [DICTIONARY, zstandard.compress(DICTIONARY)])
def test_a_zstd_dictionary_in_the_first_frame_serves_the_others(content: bytes) -> None:
    data = dictionary_file(skippable_frame(content))
    assert [record.payload for record in read(data)] == [DICTIONARY[100 * n :] for n in range(3)]
    spans = cut_warc(io.BytesIO(data), Limits(), 100)
    assert len(spans) > 1
    in_spans = [record for span in spans for record in read_warc(io.BytesIO(data), Limits(), span)]
    assert in_spans == read(data)


@pytest.mark.parametrize(
    "frame", [b"", skippable_frame(DICTIONARY[::-1]), skippable_frame(zstandard.MAGIC_NUMBER.to_bytes(4, "little"))]
)
def test_frames_without_their_dictionary_are_damage(frame: bytes) -> None:
    outcomes = read(dictionary_file(frame))
    assert outcomes
    assert all(isinstance(outcome, Damage) for outcome in outcomes)


@pytest.mark.parametrize("storage", STORAGES)
def test_every_record_comes_out_once_and_in_order(storage: str) -> None:
    stored = store(mixed_records(), storage)
    outcomes = read(stored.data)
    assert [type(o) for o in outcomes] == [Skipped, Skipped, Record, Record, Record, Record]
    assert [o.ordinal for o in outcomes] == [0, 1, 2, 3, 4, 5]
    assert [o.offset for o in outcomes[2:]] == stored.offsets[2:]
    assert [o.payload for o in outcomes[2:]] == [page(2), b"plain words\n", page(4, 200_000), page(5, 0)]
    assert not any(o.warnings for o in outcomes[2:])


def test_a_record_says_what_its_headers_say() -> None:
    headers = "Content-Type: Text/HTML; charset=KOI8-R\r\nX: y\r\n"
    fields = {"WARC-Target-URI": "<https://example.org/a b>", "WARC-Truncated": "length"}
    (record,) = read(warc_record(7, http_block(b"<p>", headers), fields))
    assert (record.url, record.date) == ("https://example.org/a b", "2024-01-02T03:04:05Z")
    assert record.record_id == "urn:uuid:00000000-0000-0000-0000-000000000007"
    assert (record.status, record.media_type, record.charset) == (200, "text/html", "KOI8-R")
    assert record.truncated


def test_a_resource_has_the_media_type_of_its_record() -> None:
    (record,) = read(warc_record(1, b"%PDF", {"WARC-Type": "resource", "Content-Type": "application/pdf"}))
    assert (record.type, record.status, record.media_type, record.payload) == (
        "resource",
        None,
        "application/pdf",
        b"%PDF",
    )


@pytest.mark.parametrize("kind", ["warcinfo", "request", "metadata", "revisit", "continuation"])
def test_types_without_content_are_skipped(kind: str) -> None:
    assert read(warc_record(1, b"x", {"WARC-Type": kind})) == [Skipped(0, kind)]


def test_an_unknown_type_is_damage() -> None:
    (damage,) = read(response(1, WARC_Type="respXnse"))
    assert damage.reason == "unknown_type"


def test_version_1_1_and_bare_line_feeds_are_read() -> None:
    record = response(1).replace(b"WARC/1.0", b"WARC/1.1")
    header, block = record[: record.index(END) + 4], record[record.index(END) + 4 :]
    outcomes = read(record + header.replace(b"\r\n", b"\n") + block)
    assert [o.payload for o in outcomes] == [page(1), page(1)]


@pytest.mark.parametrize("compress", [gzip_member, zstd_frame])
def test_empty_members_between_records_are_no_records(compress: Any) -> None:
    empty = compress(b"")
    data = empty + compress(response(1)) + empty * 3 + compress(response(2)) + empty
    assert [o.payload for o in read(data)] == [page(1), page(2)]


def test_several_records_in_each_member_are_read() -> None:
    data = gzip_member(response(1) + response(2)) + gzip_member(response(3) + response(4))
    assert [o.payload for o in read(data)] == [page(n) for n in (1, 2, 3, 4)]


def test_skippable_zstd_frames_are_passed_over() -> None:
    skippable = b"\x5d\x2a\x4d\x18" + (300_000).to_bytes(4, "little") + bytes(300_000)
    data = skippable + zstd_frame(response(1)) + skippable + zstd_frame(response(2))
    assert [o.payload for o in read(data)] == [page(1), page(2)]


@pytest.mark.parametrize("level", [0, 1, 9])
def test_stored_and_compressed_deflate_blocks_are_read(level: int) -> None:
    deflater = zlib.compressobj(level, zlib.DEFLATED, 31)
    data = deflater.compress(response(1, 70_000)) + deflater.flush()
    assert [o.payload for o in read(data * 2)] == [page(1, 70_000)] * 2


@pytest.mark.parametrize("size", [0, 1, 127, 128, 131_072, 131_073, 400_000])
def test_zstd_frames_of_any_shape_are_read(size: int) -> None:
    compressors = (
        zstandard.ZstdCompressor(level=1, write_checksum=False),
        zstandard.ZstdCompressor(level=19, write_checksum=True, write_content_size=False),
    )
    for body in (bytes(size), words(1, size)):
        record = warc_record(1, http_block(body))
        for compressor in compressors:
            assert [o.payload for o in read(compressor.compress(record) * 2)] == [body, body]


class OneByteAtATime(io.RawIOBase):
    """A stream that gives as little as it may."""

    def __init__(self, data: bytes) -> None:
        self._bytes = iter(data)

    def read(self, size: int = -1) -> bytes:
        return bytes([byte]) if (byte := next(self._bytes, None)) is not None else b""


@pytest.mark.parametrize("storage", STORAGES)
def test_short_reads_make_no_difference(storage: str) -> None:
    data = store(mixed_records()[:4], storage).data
    assert list(read_warc(OneByteAtATime(data))) == read(data)  # type: ignore[arg-type]


def in_each_storage(first: bytes) -> Iterator[list[Any]]:
    """The outcomes of `first` and an intact record after it."""
    for storage in STORAGES:
        yield read(store([first, response(9)], storage).data)


@pytest.mark.parametrize("error", [-4, -2, -1, 1, 2, 4])
@pytest.mark.parametrize("digest", [True, False])
def test_a_length_off_by_a_few_bytes_is_mended(error: int, digest: bool) -> None:
    block = http_block(page(1))
    fields = {"Content-Length": str(len(block) + error), "WARC-Block-Digest": sha1(block) if digest else None}
    for outcomes in in_each_storage(warc_record(1, block, fields)):
        assert [o.payload for o in outcomes] == [page(1), page(9)]
        assert outcomes[0].warnings == ("content_length_off",)


def test_extra_newlines_after_a_record_are_tolerated() -> None:
    for outcomes in in_each_storage(response(1) + b"\r\n\r\n"):
        assert [o.payload for o in outcomes] == [page(1), page(9)]


def test_the_responses_of_the_crawl_of_august_2018_are_read() -> None:
    """Their blocks are followed by one CRLF too many, and their length is two too large."""
    block = http_block(page(1))
    fields = {"Content-Length": str(len(block) + 2), "WARC-Block-Digest": sha1(block + b"\r\n")}
    for outcomes in in_each_storage(warc_record(1, block, fields) + b"\r\n"):
        assert [o.payload.rstrip() for o in outcomes] == [page(1), page(9)]


@pytest.mark.parametrize(
    "length", ["-5", "NaN", "", "1e3", "99999999999999999999", "9223372036854775807", "50", "5000"]
)
def test_a_lying_length_costs_its_own_record_only(length: str) -> None:
    for outcomes in in_each_storage(response(1, Content_Length=length)):
        assert [(type(o), o.ordinal) for o in outcomes] == [(Damage, 0), (Record, 1)]
        assert outcomes[0].reason == "length"
        assert outcomes[0].offset == 0
        assert outcomes[1].payload == page(9)


def test_a_missing_or_second_length_is_damage() -> None:
    twice = response(1).replace(b"Content-Length", b"Content-Length: 7\r\nContent-Length", 1)
    for record in (response(1, Content_Length=None), twice):
        for outcomes in in_each_storage(record):
            assert [getattr(o, "reason", o.ordinal) for o in outcomes] == ["length", 1]


def test_two_headers_that_ran_together_are_damage() -> None:
    first, second = response(1), response(2)
    torn = first[: first.index(b"WARC-Target-URI")] + second[second.index(b"WARC-Date") :]
    assert [getattr(o, "reason", "") for o in read(torn + response(3))] == ["bad_header", ""]
    concurrent = response(1).replace(b"WARC-Date", b"WARC-Concurrent-To: <a>\r\nWARC-Concurrent-To: <b>\r\nWARC-Date")
    assert read(concurrent)[0].payload == page(1)


def test_a_length_that_swallows_the_next_record_is_found_out_by_the_digest() -> None:
    """The length is right for two records in one, so only the digest tells."""
    block = http_block(page(1))
    swallowed = block + END + response(2)[: -len(END)]
    first = warc_record(1, swallowed, {"WARC-Block-Digest": sha1(block)})
    for storage in ("plain", "gzip_one", "zstd_one"):
        outcomes = read(store([first, response(3)], storage).data)
        assert [getattr(o, "payload", None) for o in outcomes] == [None, page(2), page(3)]
        assert outcomes[0].reason == "length"


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
@pytest.mark.parametrize("name", ["WARC-Block-Digest", "WARC-Payload-Digest"])
def test_digests_are_verified(algorithm: str, name: str) -> None:
    import hashlib

    block = http_block(page(1))
    right = hashlib.new(algorithm, block if "Block" in name else page(1)).hexdigest()
    wrong = ("0" if right[0] != "0" else "1") + right[1:]
    outcomes = [
        read(warc_record(1, block, {"WARC-Block-Digest": None, name: f"{algorithm}:{digest}"}))[0]
        for digest in (right, right.upper(), wrong)
    ]
    assert [getattr(o, "reason", None) for o in outcomes] == [None, None, "digest"]


@pytest.mark.parametrize("digest", ["blake3:abcdef", "sha1:short", "nonsense", ""])
def test_a_digest_that_cannot_be_verified_is_not(digest: str) -> None:
    assert isinstance(read(response(1, WARC_Block_Digest=digest))[0], Record)
    payload_only = {"WARC-Block-Digest": None, "WARC-Payload-Digest": digest}
    assert isinstance(read(warc_record(1, http_block(page(1)), payload_only))[0], Record)


def test_the_payload_digest_of_a_coded_body_cannot_prove_damage() -> None:
    block = http_block(b"5\r\nhello\r\n0\r\n\r\n", "Transfer-Encoding: chunked\r\n")
    fields = {"WARC-Block-Digest": None, "WARC-Payload-Digest": sha1(b"hello")}
    assert read(warc_record(1, block, fields))[0].payload == b"hello"


def test_a_malformed_record_id_is_damage_and_a_missing_one_is_not() -> None:
    assert read(response(1, WARC_Record_ID="<urn:uuid:1234-zz>"))[0].reason == "bad_header"
    assert read(response(1, WARC_Record_ID=None))[0].warnings == ("warc_header_malformed",)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"PK\x03\x04" + bytes(500), "not_warc"),
        (b"<html>no records here</html>", "not_warc"),
        (b"WARC/1.0", "truncated"),
        (gzip_member(b"<html>no records here</html>"), "bad_header"),
        (gzip_member(response(1))[:9], "truncated"),
        (b"\x1f\x8b", "not_warc"),
    ],
)
def test_what_is_no_warc_file_makes_one_damage(data: bytes, reason: str) -> None:
    (damage,) = read(data)
    assert (damage.reason, damage.offset, damage.head) == (reason, 0, damage.head[:1024])


@pytest.mark.parametrize("storage", ["plain", "gzip", "gzip_one"])
def test_arc_files_are_refused_with_advice(storage: str) -> None:
    arc = b"filedesc://x.arc 0.0.0.0 20080509190241 text/plain 76\n1 0 Archive\nURL IP-address\n\n"
    with pytest.raises(InputError, match="ARC") as raised:
        read(store([arc], storage).data)
    assert "warcio recompress" in raised.value.hint


def test_a_record_over_the_cap_is_too_large_and_the_next_one_is_read() -> None:
    for storage in STORAGES:
        outcomes = read(store([response(1), response(2, 300_000), response(3)], storage).data, record_bytes=100_000)
        assert [getattr(o, "reason", "") for o in outcomes] == ["", "too_large", ""]


def test_a_plain_file_with_megabytes_before_its_first_record_keeps_its_records() -> None:
    junk = b"no record here, " * 200_000
    outcomes = read(junk + response(1) + response(2))
    assert [(o.offset, getattr(o, "reason", "")) for o in outcomes] == [
        (0, "bad_header"),
        (len(junk), ""),
        (len(junk) + len(response(1)), ""),
    ]


def test_a_file_of_false_starts_only_is_given_up() -> None:
    (outcome,) = read(b"x" + b"WARC/1.0 begins nothing\n" * 100, n_members=10)
    assert (outcome.reason, outcome.offset) == ("not_warc", 0)


def test_a_body_that_is_not_what_its_coding_says_is_damage() -> None:
    block = http_block(bytes(range(200)), "Content-Type: text/html\r\nContent-Encoding: br\r\n")
    damage, record = read(warc_record(1, block) + response(2))
    assert (damage.reason, damage.offset, damage.head) == ("content_encoding", 0, block)
    assert record.payload == page(2)


@pytest.mark.parametrize(("stated", "reason"), [(b"plain words", ""), (b"other words", "digest")])
def test_the_payload_of_a_resource_is_its_block(stated: bytes, reason: str) -> None:
    fields = {"WARC-Type": "resource", "WARC-Block-Digest": None, "WARC-Payload-Digest": sha1(stated)}
    (outcome,) = read(warc_record(1, b"plain words", fields))
    assert getattr(outcome, "reason", "") == reason
