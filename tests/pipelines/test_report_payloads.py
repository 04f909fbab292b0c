"""A thousand payloads where a crawl or a user can put text: the page has the elements and attributes it has without."""

import json
from collections import Counter
from html.parser import HTMLParser
from itertools import count, cycle, product
from typing import Any

import pytest
from tiny_corpus import TinyRun

from pipelines.comparison import compare
from pipelines.figures_run import history
from pipelines.report import tables
from pipelines.report_page import render, render_comparison
from pipelines.run import Run

BEFORE = ("", '"', "'", "`", ">", "-->", "]]>", "</td>", "</script>", "</style>", "</title>", "\\", "\0", "\u202e")
MARKUP = r"""
<script>alert(1)</script>
<script src=//x.example/x.js>
<ScRiPt>alert`1`</sCrIpT>
<img src=x onerror=alert(1)>
<svg onload=alert(1)>
<svg><script>alert(1)</script></svg>
<body onload=alert(1)>
<iframe src=//x.example>
<iframe srcdoc='<script>alert(1)</script>'>
<object data=x>
<embed src=x>
<link rel=stylesheet href=//x.example>
<base href=//x.example>
<meta http-equiv=refresh content='0;url=//x.example'>
<form action=//x.example><input name=a>
<a href='javascript:alert(1)'>
<a href='data:text/html,<script>alert(1)</script>'>
javascript:alert(1)
<style>@import url(//x.example)</style>
<div style='background:url(//x.example)'>
<!--
<!DOCTYPE html>
<?xml
<![CDATA[<script>alert(1)</script>]]>
<math><mi xlink:href=javascript:alert(1)>
<template><script>1</script>
<details open ontoggle=alert(1)>
<video><source onerror=alert(1)>
<audio src=x onerror=alert(1)>
<input autofocus onfocus=alert(1)>
<select><option>
<textarea>
<plaintext>
<noscript><p title='</noscript>'>
 onmouseover=alert(1) x=
 autofocus onfocus=alert(1) x=
 style=x:expression(alert(1))
{{ 7 * 7 }}
{% raw %}
{{ config }}
${7*7}
#{7*7}
<%= 7*7 %>
&lt;script&gt;alert(1)&lt;/script&gt;
&#60;script&#62;
&
&amp;
%3Cscript%3E
＜script＞
';alert(1)//
";alert(1)//
</bdi><script>
</code></pre><script>
<b
<
>
<a<b<c
<script
</
<x:y z>
<table><tr><td>
</table></main>
<h1>
=cmd|'/c calc'!A0
@SUM(1)
+1+1
-1-1
"""
ESCAPES = ("<\u200bscript>", "<scr\0ipt>", "\x1b[31mred", "\x1b]0;title\x07", "\r\n\r\n<script>", "\u2028alert(1)//")
BODIES = (*MARKUP.strip("\n").split("\n"), *ESCAPES)
PAYLOADS = [before + body for before, body in product(BEFORE, BODIES)]
FREE_TEXT = frozenset(
    ("url", "excerpt", "detail", "source", "host", "language", "file", "input", "text", "advice", "set", "figure")
)
NAMED = frozenset(("by_source", "by_language", "versions", "bounds"))


class Shape(HTMLParser):
    """How often each element, and each attribute of it, stands on a page; and the addresses on it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: Counter[tuple[str, ...]] = Counter()
        self.addresses: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found[tag,] += 1
        for name, value in attrs:
            self.found[tag, name] += 1
            if name in ("href", "src"):
                self.addresses.add((value or "").partition("#")[0])


def filled(tree: Any, fill: Any, key: str = "") -> Any:
    """The tree with `fill()` for all that a crawl or a user can write."""
    if isinstance(tree, dict):
        return {fill() if key in NAMED else name: filled(value, fill, name) for name, value in tree.items()}
    if isinstance(tree, list):
        return [filled(item, fill, key) for item in tree]
    return fill() if isinstance(tree, str) and key in FREE_TEXT else tree


@pytest.fixture(scope="module")
def report(tiny_run: TinyRun) -> dict[str, Any]:
    return json.loads((tiny_run.root / "report/report.json").read_text())


def test_no_payload_becomes_an_element_or_an_attribute(report: dict[str, Any], tiny_run: TinyRun) -> None:
    past = history(Run(str(tiny_run.root)))
    numbers, payloads = count(), cycle(PAYLOADS)
    expected = Shape(render(filled(report, lambda: f"name {next(numbers)}"), past).decode())
    placed = count()
    while next(placed) < len(PAYLOADS):
        # Numbered, so that no two are alike: some rows are grouped by them.
        page = Shape(render(filled(report, lambda: f"{next(payloads)}{next(placed)}"), past).decode())
        assert page.found == expected.found
        assert page.addresses == expected.addresses
    assert len(set(PAYLOADS)) >= 1000


def test_nor_on_the_page_of_two_runs(report: dict[str, Any]) -> None:
    payloads = cycle(PAYLOADS)
    expected = Shape(render_comparison(("a", "b"), compare(report, report)).decode())
    hostile = filled(report, lambda: next(payloads))
    for payload in PAYLOADS[:: len(PAYLOADS) // 8]:
        page = Shape(render_comparison((payload, payload), compare(hostile, hostile)).decode())
        assert set(page.found) <= set(expected.found)
        assert page.addresses == expected.addresses


def test_no_cell_of_a_table_begins_like_a_formula(report: dict[str, Any]) -> None:
    payloads = cycle(PAYLOADS)
    for table in tables(filled(report, lambda: next(payloads))).values():
        assert "\n=" not in table
        assert ",=" not in table
        assert ",@" not in table
