"""Hosts, block lists and keys of URLs."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

import udfs.urls
from udfs.errors import InputError
from udfs.urls import BlockFiles, BlockLists, bare_url, blocked, host, load_lists, url_hash, url_key


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(udfs.urls).failed == 0


def test_brackets_around_a_url_are_removed() -> None:
    assert bare_url("<http://a/ b>") == bare_url(" http://a/ b ") == "http://a/ b"


def test_a_url_with_a_million_spaces_is_read_to_its_end() -> None:
    url = f"http://a/{' ' * 1_000_000}b"
    assert bare_url(f" <{url}> ") == url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://a.example.org/x", "a.example.org"),
        ("HTTP://A.Example.ORG:80", "a.example.org"),
        ("//example.org/x", "example.org"),
        ("http://[2001:db8::1]:80/", "2001:db8::1"),
        ("http://[broken/", ""),
        ("dns:example.org", ""),
        ("", ""),
        ("http://例え.jp/", "例え.jp"),
        ("http://A.Example%7EUser/", "a.example%7euser"),
    ],
)
def test_hosts_are_found(url: str, expected: str) -> None:
    assert host(url) == expected


LISTS = BlockLists(
    domains=frozenset({"bad.org", "sub.fair.net"}),
    urls=frozenset({"http://fair.net/one"}),
    words=frozenset({"casino"}),
    soft_words=frozenset({"free", "girls", "hot"}),
    substrings=frozenset({"xxxvideo"}),
)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://bad.org/", "url_domain"),
        ("http://www.bad.org/x", "url_domain"),
        ("http://notbad.org/", None),
        ("http://sub.fair.net/", "url_domain"),
        ("http://fair.net/", None),
        ("http://fair.net/one", "url_listed"),
        ("http://fair.net/Best-CASINO", "url_word"),
        ("http://fair.net/casinos", None),
        ("http://fair.net/free_hot", "url_soft_words"),
        ("http://fair.net/free/free", None),
        ("http://fair.net/xxx-Video", "url_substring"),
        ("", None),
    ],
)
def test_urls_are_blocked_as_in_fineweb(url: str, reason: str | None) -> None:
    assert blocked(url, LISTS) == reason
    assert blocked(url, BlockLists()) is None


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://www.a.org/", "a.org"),
        ("https://a.org", "a.org"),
        ("http://a.org/p/?utm_source=x&y=1", "a.org/p"),
        ("http://a.org/p?ref=x", "a.org/p"),
        ("http://a.org/p?feed=rss2", "a.org/p"),
        ("http://a.org/p?x=1&utm_source=y", "a.org/p?x=1&utm_source=y"),
        ("http://", ""),
    ],
)
def test_keys_follow_c4(url: str, key: str) -> None:
    assert url_key(url) == key


def test_a_hash_is_the_same_for_the_same_key_and_fits_int64() -> None:
    assert url_hash("http://www.a.org/") == url_hash("https://a.org?utm_x") != url_hash("http://b.org")
    assert url_hash("http://a.org/") == 8269806698078457697
    assert url_hash("") is None


@given(st.text(max_size=50))
def test_any_text_has_a_key_a_host_and_a_verdict(url: str) -> None:
    assert isinstance(host(url), str)
    assert blocked(url, LISTS) in (None, "url_domain", "url_listed", "url_word", "url_soft_words", "url_substring")
    value = url_hash(url)
    assert value is None or -(2**63) <= value < 2**63


def test_lists_are_read_from_files_without_comments_and_blank_lines(tmp_path):
    (tmp_path / "domains").write_text("# a comment\nBad.example\n\n worse.example \n")
    (tmp_path / "urls").write_text("http://fine.example/Page\n")
    lists = load_lists(BlockFiles(domains=(str(tmp_path / "domains"),), urls=(str(tmp_path / "urls"),)))
    assert lists == BlockLists(domains={"bad.example", "worse.example"}, urls={"http://fine.example/Page"})
    assert blocked("http://www.bad.example/", lists) == "url_domain"


def test_a_list_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_lists(BlockFiles(words=(str(tmp_path / "words"),)))
