"""What pages state in their heads."""

import pytest

from udfs.page_head import NO_HEAD, read_head


def page(head: str) -> bytes:
    start = "<!doctype html><html class=x lang='en-GB'><head>"
    return f"{start}{head}</head><body><title>No</title><p>Text.</body></html>".encode()


def test_a_page_states_title_language_address_date_and_what_it_asks_of_robots() -> None:
    head = """<title> Foxes &amp;
        dogs </title><link href="https://a.example/1" rel=canonical>
        <meta name=ROBOTS content="NoIndex,noai"><meta name="robots" content="noimageai">
        <meta property="article:published_time" content="2024-05-06T07:08:09Z">"""
    stated = ("Foxes & dogs", "en-GB", "https://a.example/1", "2024-05-06", "noindex, noai, noimageai")
    assert read_head(page(head)) == stated


@pytest.mark.parametrize(
    ("html", "date"),
    [
        ('<script type="application/ld+json">{"datePublished" : "2023-01-02T00:00"}</script>', "2023-01-02"),
        ('<meta name="date" content="2024-01-01"><meta name="DC.Date" content="2021-05-06">', "2024-01-01"),
        ('<meta name="date" content="yesterday"><meta name="pubdate" content="2021-05-06">', "2021-05-06"),
        ('<meta name="date" content="2021-99-01">', ""),
    ],
)
def test_the_date_is_the_one_of_publication_if_it_has_the_form_of_one(html: str, date: str) -> None:
    assert read_head(page(html)).date == date


@pytest.mark.parametrize(
    "html", ["", "no tags", "<title>", "<meta", "<title></title><body><title>x</title>", "\ud800<p>"]
)
def test_what_is_not_stated_is_empty(html: str) -> None:
    assert read_head(html.encode("utf-8", "replace")) == NO_HEAD


def test_an_address_beside_the_canonical_one_counts_where_there_is_no_other() -> None:
    other = '<meta property="og:url" content="https://b.example/">'
    assert read_head(page(other)).url == "https://b.example/"
    assert read_head(page(other + '<link rel="canonical" href="/1">')).url == "/1"
