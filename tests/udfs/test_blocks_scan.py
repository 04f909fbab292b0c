"""From bytes to blocks: where text is cut, in which element it lies, what is counted of it; the kernels' limits."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs import blocks_scan
from udfs.blocks_features import N_FEATURES, features
from udfs.blocks_scan import Page, make_kinds, scan
from udfs.blocks_text import plain, raw_texts
from udfs.blocks_vocabulary import TAG, TAGS
from udfs.unicode_classes import character_classes

KINDS = make_kinds(character_classes())


def scanned(html: str | bytes) -> tuple[Page, bytes]:
    data = html.encode("utf-8", "replace") if isinstance(html, str) else html
    return scan(np.frombuffer(data, np.uint8), KINDS), data


def texts(html: str | bytes) -> list[str]:
    page, data = scanned(html)
    return [plain(raw) for raw in raw_texts(data, page, np.arange(page.element.size))]


def count(html: str, column: int) -> int:
    page, _ = scanned(html)
    assert page.element.size == 1
    return int(page.counts[0, column])


def path(html: str) -> list[str]:
    """Names of the elements around the last block."""
    page, _ = scanned(html)
    element, names = page.element[-1], []
    while element:
        names.append(TAGS[page.tag[element]])
        element = page.parent[element]
    return names[::-1]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>a<p>b</p>c<div>d</div>e", ["a", "b", "c", "d", "e"]),
        ("<p>a <b>b</b> <i> c</i><br/>d<hr>e</br>f", ["a b c", "d", "e", "f"]),
        ("a<script>if (a<b) '<p>x'</script>b<style>p{}</style><title>t</title>c", ["abc"]),
        ("a<script src=x />b", ["ab"]),
        ("a<script>b", ["a"]),
        ("<textarea>x</texta</textarea >y", ["y"]),
        ("a<!-- <p>b -->c<!-->d<!--->e<!doctype f><?php g ?>h</ i>j", ["acdehj"]),
        ("a<!-- b", ["a"]),
        ("a<![CDATA[ b > c ]]>d", ["a c ]]>d"]),
        ("1 < 2 <3 a<b", ["1 < 2 <3 a"]),
        ("<p title='<p>x'>a<p data-x=\"a>b\" c=d>e", ["a", "e"]),
        ("<p class='x>a", []),
        ("<select><option>x</select>a<svg><text>y</text></svg>b<button>z</button>c", ["a", "b", "c"]),
        ("<noscript><p>a</p></noscript>", ["a"]),
        ("<P>a<DiV>b</dIv>", ["a", "b"]),
        ("<p>&nbsp;<p>&#160;<p>\u3000<p>a&nbsp;b", ["a b"]),
        ("<x-y>a</x-y> <o:p/>b", ["a b"]),
    ],
)
def test_text_is_cut_where_browsers_begin_a_new_line(html: str, expected: list[str]) -> None:
    assert texts(html) == expected


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<div><p>a<p>b", "div p"),
        ("<p>a<div>b", "div"),
        ("<ul><li>a<li>b", "ul li"),
        ("<ul><li>a<ul><li>b", "ul li ul li"),
        ("<dl><dt>a<dd>b", "dl dd"),
        ("<table><tr><td>a<td>b<tr><td>c", "table tr td"),
        ("<table><tr><td><table><tr><td>a</table>b", "table tr td"),
        ("<table><thead><tr><th>a<tbody><tr><td>b", "table tbody tr td"),
        ("<div><table><tr><td></div>a", "div table tr td"),
        ("<div><b><p></b>a", "div b p"),
        ("<a>x<a>y", "a"),
        ("<div><p>a</div>b</p>c", ""),
        ("<head><meta><title>t</title><body class=x>a", "body"),
        ("<div></html></body>a", "div"),
        ("</p></div>a", ""),
    ],
)
def test_elements_end_as_in_browsers(html: str, expected: str) -> None:
    assert path(html) == expected.split()


def test_what_lies_too_deep_stands_at_the_greatest_depth() -> None:
    html = "<div>" * (blocks_scan.MAX_DEPTH + 9) + "a" + "</div>" * 9 + "b"
    assert len(path(html[:-1])) == blocks_scan.MAX_DEPTH
    assert texts(html) == ["a", "b"]


def test_characters_are_counted_by_kind() -> None:
    html = '<p><b>Two</b> <a href=x>links</a>, 3&amp;4 don\u2019t <img src=x>"Stop."<a>\u6f22\u5b57</a>\u3002'
    expected = {"CAPITAL": 2, "SMALL": 2 + 5 + 4 + 3, "DIGIT": 2, "CHARACTER": 2, "STOP": 2, "COMMA": 1, "INNER": 1}
    expected |= {"WORDS": 6, "LINKS": 2, "LINK_CHARS": 7, "BOLD_CHARS": 3, "IMAGES": 1, "LAST": blocks_scan.STOP}
    assert {name: count(html, getattr(blocks_scan, name)) for name in expected} == expected


@pytest.mark.parametrize(
    "word", ["don't", "don&#39;t", "don&#x27;t", "don\u2019t", "d&ouml;n't", "\u0434\u043e\u043d-\u0442", "co\u00adop"]
)
def test_a_word_is_one_however_it_is_written(word: str) -> None:
    assert count(f"<p>{word}", blocks_scan.WORDS) == 1


def test_hints_come_from_class_id_role_itemprop_and_style_alone() -> None:
    hinted = ["class=nav", "ID='main-nav'", 'role="navigation"', "itemprop=topNav", "style='display:none'", "hidden"]
    for attribute in hinted:
        assert scanned(f"<div {attribute}>x")[0].hints[1] != 0
    for attribute in ["title=nav", "class=unnavy", "class='n av'", "style=nav", "data-class=nav", "class"]:
        assert scanned(f"<div {attribute}>x")[0].hints[1] == 0, attribute


def test_looks_are_equal_for_items_that_differ_in_digits() -> None:
    page, _ = scanned('<p class="item-1 x">a</p><p class="item-22 x">b</p><p class="other">c</p>')
    assert page.look[1] == page.look[2] != page.look[3]


@given(st.text("<>/=\"' \n!-?&;#apbrtdlix\u00e9\u6f22\ud800", max_size=200) | st.binary(max_size=200))
def test_any_bytes_make_a_page_whose_parts_lie_in_it(html: str | bytes) -> None:
    page, data = scanned(html)
    assert page.stop == len(data)
    assert (page.parent[1:] < np.arange(1, page.parent.size)).all()
    assert (page.tags[:, 0] < page.tags[:, 1]).all()
    assert page.tags.size == 0 or page.tags[:, :2].max() <= len(data)
    assert (np.diff(page.tags[:, :2].ravel()) >= 0).all()
    assert (np.diff(page.pieces[:, :2].ravel()) >= 0).all()
    assert set(page.pieces[:, 2].tolist()) == set(range(page.element.size))
    seen = features(page, np.frombuffer(data, np.uint8), (0, 0))
    assert seen.shape == (page.element.size, N_FEATURES)
    assert np.isfinite(seen).all()


def test_features_do_not_depend_on_where_the_page_lies_in_memory() -> None:
    html = b"<div class=article><h1>A title</h1>" + b"<p>Some text, of eight words and a stop.</p>" * 5
    rows = [features(scanned(html)[0], np.frombuffer(html, np.uint8), (24, 31)) for _ in range(3)]
    for row in rows[1:]:
        np.testing.assert_array_equal(row, rows[0])


def test_names_of_tags_are_found_whatever_their_case() -> None:
    rng = random.Random(3)
    for number, name in enumerate(TAGS[2:], 2):
        cased = "".join(rng.choice((c.lower(), c.upper())) for c in name)
        assert scanned(f"<{cased}>")[0].tags[0, 2] == number == TAG[name]
        assert scanned(f"<{name}x>")[0].tags[0, 2] in (0, TAG.get(f"{name}x"))
