"""HTTP responses as servers and crawlers mangle them."""

import contextlib
import gzip
import zlib

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.http import USUAL_HEADER_BYTES, BodyError, Response, decode_body, parse_response

MAX = 1 << 20


def parse(head: str, body: bytes = b"body") -> Response:
    return parse_response(head.encode("latin-1") + b"\r\n" + body)


def decode(body: bytes, *, partial: bool = False, **fields: str) -> Response:
    response = Response(200, {name.replace("_", "-"): value for name, value in fields.items()}, body)
    return decode_body(response, MAX, allow_partial=partial)


def test_status_fields_and_body_are_taken_apart() -> None:
    response = parse(
        'HTTP/1.1 404 Not Found\r\nContent-Type: Text/HTML; Charset="GBK"\r\nSet-Cookie: a\r\nset-cookie: b\r\n'
    )
    assert (response.status, response.media_type, response.charset) == (404, "text/html", "GBK")
    assert response.fields["set-cookie"] == "a"
    assert (response.body, response.warnings) == (b"body", ())


@pytest.mark.parametrize("line", ["HTTP/1.1 200", "HTTP/1.0 200 \u00e4\u00f6", "HTTP/2 200", "HTTP/1.1   200  OK"])
def test_odd_status_lines_are_read(line: str) -> None:
    assert parse(f"{line}\r\nX: y\r\n").status == 200


def test_bare_line_feeds_and_folded_lines_are_read() -> None:
    response = parse_response(b"HTTP/1.1 200 OK\nContent-Type: text/html;\n  charset=koi8-r\nX:y\n\nbody")
    assert (response.charset, response.fields["x"], response.body) == ("koi8-r", "y", b"body")
    assert response.warnings == ()


def test_malformed_lines_are_flagged_and_cost_only_themselves() -> None:
    response = parse("HTTP/1.1 200 OK\r\n<no colon>\r\n: no name\r\nA\x80\xff: \xe9\r\n")
    assert response.fields == {"a\x80\xff": "\xe9"}
    assert response.warnings == ("http_header_malformed",)


def test_a_block_without_a_header_is_all_body() -> None:
    response = parse_response(b"<html>x")
    assert (response.status, response.body, response.warnings) == (None, b"<html>x", ("no_http_header",))


def test_a_header_without_an_end_has_no_body() -> None:
    response = parse_response(b"HTTP/1.1 200 OK\r\nContent-Type: text/html")
    assert (response.media_type, response.body, response.warnings) == ("text/html", b"", ("http_header_without_end",))


def test_chunks_are_joined() -> None:
    response = decode(
        b"4\r\nWiki\r\n6;x=y\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\nTrailer: x\r\n\r\n",
        transfer_encoding="chunked",
    )
    assert (response.body, response.warnings) == (b"Wikipedia in \r\n\r\nchunks.", ())


@pytest.mark.parametrize(
    "body", [b"<html>", b"4\r\nWikipedia\r\n0\r\n\r\n", b"-4\r\nWiki\r\n0\r\n\r\n", b"fffffffff\r\nx"]
)
def test_wrong_chunk_sizes_leave_the_body_as_it_is(body: bytes) -> None:
    response = decode(body, transfer_encoding="Chunked")
    assert (response.body, response.warnings) == (body, ("not_chunked",))


@pytest.mark.parametrize("body", [b"4\r\nWiki\r\n6\r\nped", b"4\r\nWiki\r\n"])
def test_chunks_that_end_early_are_flagged(body: bytes) -> None:
    response = decode(body, transfer_encoding="chunked")
    assert response.body.startswith(b"Wiki")
    assert response.warnings == ("chunks_end_early",)


def bare_deflate(data: bytes) -> bytes:
    return zlib.compress(data, wbits=-15)


@pytest.mark.parametrize(
    ("coding", "encode"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", bare_deflate),
        ("br", brotli.compress),
        ("GZIP, br", lambda data: brotli.compress(gzip.compress(data))),
        ("identity", bytes),
        ("", bytes),
    ],
)
def test_content_codings_are_undone(coding: str, encode) -> None:
    page = b"<html>" + b"words and words " * 100
    response = decode(encode(page), content_encoding=coding)
    assert (response.body, response.warnings) == (page, ())


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "none", "utf-8", "text/html"])
@pytest.mark.parametrize("body", [b"<html>not coded at all</html>", b"plain words, not coded either"])
def test_a_body_that_only_says_it_is_coded_is_kept(coding: str, body: bytes) -> None:
    response = decode(body, content_encoding=coding)
    assert (response.body, response.warnings) == (body, ("content_encoding_ignored",))


@pytest.mark.parametrize(
    ("coding", "encode"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("br", brotli.compress)]
)
def test_half_a_coded_body_is_damage_unless_the_crawler_cut_it(coding: str, encode) -> None:
    page = bytes(range(256)) * 500
    half = encode(page)[: len(encode(page)) // 2]
    with pytest.raises(BodyError, match="ends early"):
        decode(half, content_encoding=coding)
    response = decode(half, partial=True, content_encoding=coding)
    assert page.startswith(response.body)
    assert response.warnings == ("content_encoding_cut",)


def test_a_gzip_body_with_a_wrong_checksum_is_damage() -> None:
    body = bytearray(gzip.compress(b"words " * 50))
    body[-6] ^= 1
    with pytest.raises(BodyError, match="incorrect data check"):
        decode(bytes(body), content_encoding="gzip")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
def test_bombs_are_capped(coding: str) -> None:
    encode = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress}[coding]
    with pytest.raises(BodyError) as raised:
        decode(encode(bytes(50 * MAX)), content_encoding=coding)
    assert raised.value.reason == "too_large"


def test_too_many_codings_are_refused() -> None:
    with pytest.raises(BodyError, match="4 content codings"):
        decode(b"x", content_encoding="gzip, gzip, gzip, gzip")


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate", "br", "gzip, br", "x"]), st.booleans())
def test_any_bytes_make_a_response_or_a_body_error(block: bytes, coding: str, partial: bool) -> None:
    response = parse_response(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + block)
    fields = {**response.fields, "content-encoding": coding}
    with contextlib.suppress(BodyError):
        assert len(decode_body(response._replace(fields=fields), MAX, partial).body) <= MAX


def test_a_header_longer_than_usual_is_read_to_its_end() -> None:
    odd = b"X-Odd: " + b"a" * USUAL_HEADER_BYTES
    response = parse_response(b"HTTP/1.1 200 OK\r\n" + odd + b"\r\nContent-Type: text/html\r\n\r\nbody")
    assert (response.status, response.media_type, response.body, response.warnings) == (200, "text/html", b"body", ())


def test_a_charset_behind_a_million_spaces_is_read_and_none_is_not_looked_for_again_and_again() -> None:
    spaces = " " * 1_000_000
    assert Response(200, {"content-type": f"text/html; charset={spaces}'{spaces}koi8-r'"}, b"").charset == "koi8-r"
    assert Response(200, {"content-type": f"text/html; charset={spaces};"}, b"").charset == ""
