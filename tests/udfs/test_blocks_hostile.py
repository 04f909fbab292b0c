"""Pages made to break a reader: the block extractor gives a verdict on each, and its work grows with the bytes alone.

No test takes the time: a kernel that took the square of its input would not come to an end here.
"""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.blocks import MAX_BYTES, extract_blocks

SENTENCE = "The quick brown fox jumps over the lazy dog, and then it sleeps until the evening. "
MILLION = 1_000_000
SAMPLE = f"""<!DOCTYPE html><html lang=en><!-- c --><head><title>A &amp; B</title><script>x("</p>")</script>
<meta property='og:url' content="u"></head>
<body class="a b"><nav hidden><a href='/'>Home</a></nav><h1>\u6f22 &#x41;</h1>
<p id=x>{SENTENCE}<br/><b>bold</b>&nbsp;</p><ul><li>one<li>two</ul><table><tr><td>1<td>2</table><pre>a
 b</pre><?pi?><![CDATA[ c ]]></body></html>""".encode()

KEPT = {
    "nested blocks": "<div>" * 100_000 + SENTENCE + "</div>" * 100_000,
    "nested formatting": "<b>" * 100_000 + SENTENCE,
    "nested tables": "<div><p><b><table><tr><td>" * 20_000 + SENTENCE,
    "paragraphs": "".join(f"<p>{n} {SENTENCE}</p>" for n in range(50_000)),
    "equal paragraphs": f"<p>{SENTENCE}</p>" * 50_000,
    "attributes": "<p " + " ".join(f"a{n}=1" for n in range(100_000)) + f">{SENTENCE}",
    "classes": "<p " + " ".join(f"class=nav-{n}" for n in range(100_000)) + f">{SENTENCE}",
    "one line": SENTENCE * (9 * MILLION // len(SENTENCE)),
    "one word": "x" * (9 * MILLION),
    "less-than signs": f"{SENTENCE}" + "<" * (9 * MILLION),
    "comment without end": f"<p>{SENTENCE}<!--" + "<!-- -- >" * MILLION,
    "declaration without end": f"<p>{SENTENCE}<![CDATA[" + "]" * MILLION,
    "script without end": f"<p>{SENTENCE}<script>" + "</scrip</" * MILLION,
    "attribute without end": f"<p>{SENTENCE}<a href='" + '"' * MILLION,
    "ampersands": f"<p>{SENTENCE}" + "&" * MILLION,
    "references": f"<p>{SENTENCE}" + "&amp;lt;" * MILLION,
    "long numbers": f"<p>{SENTENCE}&#" + "9" * MILLION + ";&#x" + "f" * MILLION + ";",
    "numbers out of range": f"<p>{SENTENCE}" + "&#xD800;&#0;&#99999999;&#x110000;" * 100_000,
    "nulls": f"<p>\0{SENTENCE}\0" * 10_000,
    "lone surrogates": f"<p>\ud800{SENTENCE}\udfff" * 10_000,
    "title": f"<title>{'word ' * MILLION}</title><p>{SENTENCE}",
}
NOT_READ_TO_THE_END = {
    "blocks": f"<p>{SENTENCE}" * 60_000,
    "rows": "<table>" + "<tr><td>a<td>b c" * 500_000,
    "end tags that fit no element": f"<p>{SENTENCE}" + "<div>" * 500 + "<table><td>" + "</p>" * (2 * MILLION),
    "inline end tags": f"<p>{SENTENCE}<b>" + "<i>" * 510 + "</u>" * (2 * MILLION),
    "items": f"<p>{SENTENCE}<ul>" + "<div>" * 500 + "<li>" * (2 * MILLION),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_can_be_read_of_a_hostile_page_is_kept(name: str) -> None:
    found = extract_blocks(KEPT[name])
    assert (found.reason, found.truncated) == (None, False)
    assert name == "one word" or "fox jumps" in (found.text or "")
    (found.text or "").encode()


@pytest.mark.parametrize("name", NOT_READ_TO_THE_END)
def test_pages_of_too_many_parts_are_marked(name: str) -> None:
    assert extract_blocks(NOT_READ_TO_THE_END[name]).truncated


def test_a_page_of_twenty_megabytes_is_refused() -> None:
    assert extract_blocks("x " * MAX_BYTES).reason == "too_large"


@pytest.mark.parametrize(
    "html", ["<script>" * MILLION, "<a " * MILLION, "<p>" * (3 * MILLION), "&nbsp;" * MILLION, "\0" * MILLION]
)
def test_much_of_nothing_is_no_text(html: str) -> None:
    assert extract_blocks(html).reason == "no_text"


def test_a_page_may_end_anywhere() -> None:
    for end in range(len(SAMPLE)):
        found = extract_blocks(SAMPLE[:end])
        assert (found.text is None) == (found.reason == "no_text")


@given(st.binary(max_size=300) | st.text("<>/=\"' !-?&;#xab\u6f22\ud800\0", max_size=300))
def test_any_bytes_have_a_verdict(html: str | bytes) -> None:
    found = extract_blocks(html)
    assert (found.text is None) == (found.reason is not None)
    assert 0 <= found.confidence <= 1
    (found.text or "").encode()


@pytest.mark.parametrize("seed", range(4))
def test_damaged_pages_have_a_verdict(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(500):
        damaged = bytearray(SAMPLE)
        for _ in range(rng.randrange(1, 30)):
            start, n = rng.randrange(len(damaged)), rng.randrange(8)
            damaged[start : start + n] = rng.choice((b"", b"<", b"</td>", rng.randbytes(3), bytes(damaged[-40:])))
        extract_blocks(bytes(damaged))
