"""The block extractor from page to text: what is kept, how it is laid out, what the page says about itself."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from udfs import blocks, blocks_scan, blocks_tags
from udfs.blocks import BlockText, choose, confidence, extract_blocks
from udfs.blocks_trees import digest

SENTENCE = "The quick brown fox jumps over the lazy dog, and then it sleeps until the evening."
END = "This is the very last paragraph of the page, and it must be kept."


def page(body: str, head: str = "<title>Foxes and dogs</title>") -> str:
    return f"<html><head>{head}</head><body><article>{body}<p>{END}</p></article></body></html>"


@pytest.fixture
def keep_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every block counts as main text, so that only the layout is tested."""
    monkeypatch.setattr(blocks, "choose", lambda likely, n_words: np.ones(likely.size, bool))


def text_of(html: str | bytes) -> str:
    text = extract_blocks(html).text
    assert text is not None
    return text


def test_the_article_is_kept_and_what_surrounds_it_is_not() -> None:
    body = "".join(f"<p>{n}. {SENTENCE}</p>" for n in range(8))
    menu = "<nav><ul>" + "".join(f'<li><a href="/{n}">Topic {n}</a></li>' for n in range(9)) + "</ul></nav>"
    footer = '<footer><p><a href="/i">Imprint</a> <a href="/c">Contact</a></p></footer>'
    found = extract_blocks(page(body).replace("<body>", f"<body>{menu}").replace("</body>", f"{footer}</body>"))
    assert found.text is not None
    assert found.text.split("\n") == [*(f"{n}. {SENTENCE}" for n in range(8)), END]
    assert found.confidence > 0.9
    assert not found.truncated


@pytest.mark.parametrize(
    "html", ["", "  ", "\0", "<!-- only a comment -->", "<html/>", "<body><div>&nbsp;</div>", "<p>\u00ad</p>"]
)
def test_a_page_without_text_is_no_text(html: str) -> None:
    assert extract_blocks(html) == BlockText(None, "no_text")


def test_text_and_its_bytes_give_the_same() -> None:
    html = page(f"<p>Größe, 大きさ, размер: {SENTENCE}</p>")
    assert extract_blocks(html.encode()) == extract_blocks(html)


@pytest.mark.usefixtures("keep_all")
def test_lists_tables_and_code_are_laid_out_as_trafilatura_does_it() -> None:
    lists = "<h2>Head</h2><ul><li>one <b>bold</b><li>two<ol><li>deep</ol></ul><dl><dt>term<dd>meaning</dl>"
    table = "<table><tr><th>A<th>B<tr><td>a1<td><p>b</p><p>1</p></table>"
    code = "<pre>def f(x):\n    return  x\n\nprint(f(1))\n</pre>"
    assert text_of(page(lists + table + code)).split("\n") == [
        *("Head", "- one bold", "- two", "  - deep", "- term", "- meaning"),
        *("| A | B |", "|---|---|", "| a1 | b 1 |"),
        *("def f(x):", "    return  x", "", "print(f(1))"),
        END,
    ]


@pytest.mark.usefixtures("keep_all")
def test_tables_that_lay_out_the_page_have_no_bars() -> None:
    column = "<td>" + "<p>text</p>" * 4
    assert "|" not in text_of(f"<table><tr><td>menu{column}</tr><tr><td>alone</tr></table>")


@pytest.mark.usefixtures("keep_all")
def test_line_breaks_end_lines_and_white_space_is_one_space() -> None:
    assert text_of("<p> a\t b<br>c&nbsp; <i>d</i>\u3000e<hr>f") == "a b\nc d e\nf"


@pytest.mark.usefixtures("keep_all")
def test_references_are_decoded_once_and_unseen_characters_dropped() -> None:
    assert (
        text_of("<p>&amp;lt; &#x41;&#8217;s co\u00adop&shy;er &#1;&#0; &#99999999;\x02")
        == "&lt; A’s cooper \ufffd \ufffd"
    )


def test_pages_over_the_limit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    html = page(f"<p>{SENTENCE}</p>")
    monkeypatch.setattr(blocks, "MAX_BYTES", len(html) - 1)
    assert extract_blocks(html) == BlockText(None, "too_large")
    monkeypatch.setattr(blocks, "MAX_BYTES", len(html))
    assert extract_blocks(html).reason is None


@pytest.mark.usefixtures("keep_all")
def test_what_stands_behind_too_many_blocks_or_tags_is_missed_aloud() -> None:
    n = blocks_scan.MAX_BLOCKS
    assert not extract_blocks("<p>x" * n).truncated
    found = extract_blocks("<p>x" * (n + 1))
    assert found.truncated
    assert text_of("<p>x" * (n + 1)).count("x") == n
    assert extract_blocks("a" + "<i>" * (blocks_tags.MAX_TAGS + 1) + "b") == extract_blocks(
        "a" + "<i>" * (blocks_tags.MAX_TAGS + 2)
    )


def kept(likely: list[float], n_words: list[float]) -> list[bool]:
    return choose(np.array(likely), np.array(n_words)).tolist()


def test_the_likeliest_block_is_kept_where_none_is_likely() -> None:
    assert kept([0.01, 0.02, 0.01], [20, 20, 20]) == [False, True, False]
    assert kept([0.1, 0.2], [0, 0]) == [False, True]


def test_a_doubtful_block_is_kept_on_a_doubtful_page_only() -> None:
    assert kept([0.99, 0.99, 0.4], [50, 50, 20]) == [True, True, False]
    assert kept([0.5, 0.5, 0.4], [50, 50, 20]) == [True, True, True]


@given(st.lists(st.tuples(st.floats(0.01, 0.99), st.integers(1, 99)), min_size=1, max_size=8))
def test_no_other_number_of_likeliest_blocks_has_a_higher_expected_f_measure(rows: list[tuple[float, int]]) -> None:
    likely, n_words = np.array(rows).T
    right = likely * n_words

    def expected(chosen: NDArray[np.bool_]) -> float:
        return right[chosen].sum() / max(1.0, n_words[chosen].sum() + blocks.RECALL_WEIGHT * right.sum())

    best = max(expected(likely >= lowest) for lowest in likely)
    assert expected(choose(likely, n_words)) >= best - 1e-12


def test_confidence_is_the_expected_f1() -> None:
    likely, words, chosen = np.array([0.5, 0.5]), np.array([30.0, 10.0]), np.array([True, False])
    assert confidence(likely, words, chosen) == pytest.approx(2 * 15 / (30 + 20))
    assert confidence(likely, 0 * words, chosen) == 0


@given(
    st.lists(st.sampled_from(["<p>", "</p>", "<li>", "<td>", "<tr>", "<table>", "&amp;", "x ", "<a href=x>", "</a>"]))
)
def test_a_page_gives_the_same_whatever_came_before(parts: list[str]) -> None:
    html = "".join(parts)
    first = extract_blocks(html)
    extract_blocks(page(html))
    assert extract_blocks(html) == first


def test_the_model_card_names_the_model_that_is_shipped() -> None:
    card = Path(blocks.__file__).parents[1] / "docs" / "blocks-model.md"
    assert digest(blocks.shipped_trees()) in card.read_text("utf-8")
