"""Main text of pages: what is kept, what is refused for its cost, and that pages do not see one another."""

import random
import tarfile
from collections import Counter
from pathlib import Path

import pytest
import trafilatura

from udfs import extract_trafilatura as module
from udfs.charset import decode
from udfs.extract_trafilatura import extract_trafilatura
from udfs.extraction import USUAL_OPTIONS, Extraction, Options, plain_text

SENTENCE = "The quick brown fox jumps over the lazy dog, and then it sleeps until the evening. "
END = "This is the very last paragraph of the page, and it must be kept."


def extract(html: str, options: Options = USUAL_OPTIONS) -> Extraction:
    return extract_trafilatura(html.encode("utf-8", "replace"), options)


def page(body: str) -> str:
    return f"<html><head><title>T</title></head><body><article>{body}<p>{END}</p></article></body></html>"


def test_the_article_is_kept_and_what_surrounds_it_is_not() -> None:
    body = "".join(f"<p>{n}. {SENTENCE}</p>" for n in range(5))
    found = extract(f"<html><nav><a href=/>Home</a></nav>{page(body)}<footer>Imprint</footer></html>")
    assert found.reason is None
    assert found.text is not None
    assert found.text.split("\n")[0] == f"0. {SENTENCE.strip()}"
    assert found.text.endswith(END)
    assert "Imprint" not in found.text


@pytest.mark.parametrize(
    "html", ["", "  ", "<!-- only a comment -->", "<html/>", "<html><body><div> </div></body></html>", "\x01"]
)
def test_a_page_without_text_is_no_text(html: str) -> None:
    assert extract(html) == Extraction(None, "no_text")


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("favor", ["balance", "recall", "precision"])
def test_comments_are_left_out_in_every_mode(fast: bool, favor: str) -> None:
    comments = '<section id="comments"><div class="comment"><p>First! I was here before all others.</p></div></section>'
    html = page(f"<p>{SENTENCE * 9}</p>").replace("</article>", f"</article>{comments}")
    text = extract(html, Options(fast=fast, favor=favor)).text  # type: ignore[arg-type]
    assert text is not None
    assert END in text
    assert "First!" not in text


@pytest.mark.parametrize("depth", [10, 250, 300, 450])
@pytest.mark.parametrize("tag", ["div", "blockquote", "b", "ul><li"])
def test_deep_pages_are_kept_to_the_end(depth: int, tag: str) -> None:
    """trafilatura alone loses everything from a depth of about 256 on."""
    n = depth // (tag.count("<") + 1)
    html = page(f"<{tag}>" * n + SENTENCE + f"</{tag.replace('><', '></')}>" * n)
    found = extract(html)
    assert not found.truncated
    assert found.text is None or found.text.endswith(END)
    assert found.text is not None or trafilatura.extract(html, fast=True) is None


@pytest.mark.parametrize("depth", [600, 3_000, 15_000])
@pytest.mark.parametrize("tag", ["div", "b", "table><tr><td", "ul><li"])
def test_what_is_too_deep_is_missed_aloud(depth: int, tag: str) -> None:
    found = extract(page(f"<p>{SENTENCE}</p>" + f"<{tag}>" * (depth // (tag.count("<") + 1))))
    assert found.truncated
    assert found.reason != "extractor_failed"


@pytest.mark.parametrize(
    "reference", ["&#1;", "&#x1f;", "&#xFFFE;", "&#65535;", "&#0;", "&#xD800;", "&#x110000;", "\x02", "\0"]
)
def test_characters_that_xml_has_not_do_not_cost_the_page(reference: str) -> None:
    """One such reference makes trafilatura drop the whole page."""
    text = extract(page(f"<p>{SENTENCE}{reference}{SENTENCE}</p>")).text
    assert text is not None
    assert text.endswith(END)
    text.encode("utf-8")


def test_numbers_that_only_begin_like_a_control_character_stay() -> None:
    assert "ĉ\u2019" in (extract(page(f"<p>&#265;&#x2019; {SENTENCE}</p>")).text or "")


EXPENSIVE = {
    "too_large": "x" * 10_000_001,
    "too_many_elements": "<p>x</p>" * 20_001,
    "too_many_attributes": "<p " + " ".join(f"a{i}=1" for i in range(10_001)) + ">x</p>",
    "too_many_inline_elements": "<p>" + "<b>x</b> y " * 5_001 + "</p>",
}


@pytest.mark.parametrize("reason", EXPENSIVE)
def test_pages_over_the_budget_are_refused_before_the_dear_part(reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trafilatura, "extract", lambda *_, **__: pytest.fail("the page was extracted"))
    assert extract(page(EXPENSIVE[reason])) == Extraction(None, reason)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "body",
    [
        "".join(f"<p>{n} {SENTENCE}</p>" for n in range(9_000)),
        "<table>" + "<tr><td>a</td><td>b c</td></tr>" * 6_000 + "</table>",
        "<p>" + "<b>x</b> y " * 4_900 + "</p>",
        "<p>" + f"{SENTENCE}<br>" * 15_000 + "</p>",
        "<p " + " ".join(f"a{i}=1" for i in range(9_000)) + f">{SENTENCE}</p>",
        f"<p>{SENTENCE * 50_000}</p>",
    ],
)
def test_large_pages_within_the_budget_are_kept_to_the_end(body: str) -> None:
    assert (extract(page(body)).text or "").endswith(END)


def test_an_error_inside_the_libraries_costs_the_page_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RecursionError

    monkeypatch.setattr(trafilatura, "extract", fail)
    assert extract(page("x")) == Extraction(None, "extractor_failed")


def pages(shared_data: Path, archive: str) -> list[str]:
    with tarfile.open(shared_data / "html" / archive) as tar:
        contents = [
            tar.extractfile(member) for member in tar.getmembers() if "/html/" in member.name and member.isfile()
        ]
        return [decode(content.read()).text for content in contents if content]


def test_a_page_gives_what_trafilatura_gives_for_it_alone_whatever_came_before(shared_data: Path) -> None:
    """In two orders, each page twice, with the caches full and reset."""
    some = pages(shared_data, "article-extraction-benchmark.tar.gz")[:25]
    alone = [trafilatura.extract(html, fast=True, include_comments=False) for html in some]
    assert Counter(text is None for text in alone)[False] > 20
    order = [*range(len(some)), *range(len(some))]
    random.Random(7).shuffle(order)
    assert all(extract(some[i]).text == alone[i] for i in order)
    trafilatura.meta.reset_caches()
    assert [extract(html).text for html in some] == alone


def test_caches_are_reset_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[bool] = []
    monkeypatch.setattr(module, "PAGES_BETWEEN_RESETS", 3)
    monkeypatch.setattr(trafilatura.meta, "reset_caches", lambda: calls.append(True))
    for _ in range(9):
        extract(page("x"))
    assert len(calls) == 3


def test_plain_text_passes_with_newlines_made_alike() -> None:
    assert plain_text("a\r\nb\rc\n\nd ") == Extraction("a\nb\nc\n\nd ")
    assert plain_text(" \r\n") == Extraction(None, "no_text")
