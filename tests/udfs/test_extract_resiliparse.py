"""resiliparse: what it keeps, and what is refused for its cost."""

import pytest

from udfs import extract_resiliparse as module
from udfs.extract_resiliparse import extract_resiliparse
from udfs.extraction import Extraction, Options

SENTENCE = "The quick brown fox jumps over the lazy dog, and then it sleeps until the evening. "
COSTLY = {
    "too_large": "x" * 10_000_001,
    "too_many_elements": "<p>x" * 500_001,
    "too_many_attributes": "<p " + " ".join(f"a{i}=1" for i in range(10_001)) + ">x</p>",
    "too_deep": "<div>" * 100_000,
}
FURTHER = {
    "formatting that never ends": "".join(f"<p><b class={i}>x" for i in range(3_000)),
    "end tags that fit no element": "<div>" * 500 + "<table><td>" + "</p>" * 200_000,
}
KEPT = {
    "paragraphs": f"<p>{SENTENCE}</p>" * 50_000,
    "one line": SENTENCE * 100_000,
    "cells": "<table>" + ("<tr>" + "<td>1</td>" * 10 + "</tr>") * 10_000 + "</table>",
    "drawings": "<svg>" + "<path d=m />" * 50_000 + "</svg>",
    "lone surrogates": "<p>\ud800\udfff" * 10_000,
}


def extract(html: str) -> Extraction:
    return extract_resiliparse(html.encode("utf-8", "replace"), Options())


def test_the_article_is_kept_and_what_surrounds_it_is_not() -> None:
    body = "".join(f"<p>{n}. {SENTENCE}</p>" for n in range(5))
    html = f"<html><body><nav><a href=/>Home</a></nav><article>{body}</article><footer>Imprint</footer></body></html>"
    text = extract(html).text or ""
    assert text.split() == " ".join(f"{n}. {SENTENCE}" for n in range(5)).split()


@pytest.mark.parametrize("html", ["", "  ", "<!-- only a comment -->", "<html/>", "<div> </div>", "\0"])
def test_a_page_without_text_is_no_text(html: str) -> None:
    assert extract(html) == Extraction(None, "no_text")


@pytest.mark.parametrize(("reason", "html"), [*COSTLY.items(), *(("too_deep", html) for html in FURTHER.values())])
def test_pages_over_the_budget_are_refused_before_the_dear_part(reason, html, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "extract_plain_text", lambda *_, **__: pytest.fail("the page was extracted"))
    assert extract(html) == Extraction(None, reason)


@pytest.mark.parametrize("name", KEPT)
def test_large_pages_within_the_budget_are_kept_to_the_end(name: str) -> None:
    found = extract(f"<body>{KEPT[name]}<p>{SENTENCE}</p><p>The end.</p>")
    assert (found.text or "").endswith("The end.")
    (found.text or "").encode()


def test_an_error_inside_the_library_costs_the_page_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError

    monkeypatch.setattr(module, "extract_plain_text", fail)
    assert extract("x") == Extraction(None, "extractor_failed")
