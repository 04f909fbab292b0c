"""Addresses of people: what is replaced, what only looks like one, and the rest of the text untouched."""

import ipaddress
import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.pii import replace_pii


def replaced(text: str) -> str | None:
    return replace_pii(pa.array([text], pa.string())).to_pylist()[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write to anna.b+mill@old-mill.example.org.", "Write to email@example.com."),
        ("<a@b.co>, C_D@E.ORG", "<email@example.com>, email@example.com"),
        ("mailto:x@sub.domain.example.museum?s=1", "mailto:email@example.com?s=1"),
        ("two@at@example.org", "two@email@example.com"),
        ("no@tld, @handle, a@b, user@-x.org", None),
        ("Ping 8.8.8.8, then 10.0.0.1 and 192.168.1.1.", "Ping 192.0.2.1, then 10.0.0.1 and 192.168.1.1."),
        ("127.0.0.1 is home, 1.2.3.400 a version", None),
        ("at 1.1.1.1:53/udp", "at 192.0.2.1:53/udp"),
        ("v1.2.3.4.5", None),
        ("８.8.8.8", None),
    ],
)
def test_what_is_replaced(text, expected):
    assert replaced(text) == (text if expected is None else expected)


def test_nulls_and_order_stay():
    texts = pa.array(["a@b.org", None, "plain", "8.8.4.4"])
    assert replace_pii(texts).to_pylist() == ["email@example.com", None, "plain", "192.0.2.1"]


@given(st.lists(st.one_of(st.ip_addresses(v=4).map(str), st.sampled_from(["the", "mill", "1.2.3", "."])), max_size=6))
def test_exactly_the_public_addresses_go(words):
    expected = ["192.0.2.1" if is_public(word) else word for word in words]
    assert replaced(" , ".join(words)) == " , ".join(expected)


def is_public(word: str) -> bool:
    try:
        return ipaddress.IPv4Address(word).is_global
    except ValueError:
        return False


@given(st.text())
def test_a_text_without_at_and_digit_is_left_as_it_is(text):
    text = re.sub(r"[@\d]", "", text)
    assert replaced(text) == text
