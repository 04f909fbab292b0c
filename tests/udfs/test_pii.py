"""Addresses of people: what is replaced, what only looks like one, and the rest of the text untouched."""

import ipaddress
import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.pii import KINDS, count_pii, is_bank_card, is_id_card, replace_and_count, replace_pii


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
        ("地址8.8.8.8，邮箱a@b.cn。", "地址192.0.2.1，邮箱email@example.com。"),
        ("身份证11010519491231002X，", "身份证000000000000000000，"),
        ("11010519491231002x or 110105194912310021", "000000000000000000 or 110105194912310021"),
        ("card 4111 1111 1111 1111, 4111-1111-1111-1112", "card 0000 0000 0000 0000, 4111-1111-1111-1112"),
        ("3782 822463 10005, 6222 0202 0000 0000 006", "0000 0000 0000 0000, 0000 0000 0000 0000"),
        ("378282246310005 and 5555555555554444", "0000 0000 0000 0000 and 0000 0000 0000 0000"),
        ("call 13812345678 or +44 20 7946 0958", None),
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


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("call 13812345678 now", "call  now"),
        ("电话138-1234-5678。", "电话。"),
        ("+8613812345678, +86 138 1234 5678", ", "),
        ("+44 20 7946 0958 (London)", " (London)"),
        ("(202) 555-0175 or 202-555-0175", " or "),
        ("in 2024-2025, 12345678901, 1.2.3, 138123456789", None),
    ],
)
def test_telephone_numbers_go_where_that_is_asked_for(text, left):
    assert replace_pii(pa.array([text]), {"phone": "remove"}).to_pylist() == [text if left is None else left]


def test_what_is_replaced_is_what_is_counted_and_stays_replaced():
    text = "a@b.org c@d.org 8.8.8.8 10.0.0.1 11010519491231002X 4111111111111111 4111111111111112 202-555-0175"
    texts = pa.array([text, "", text * 2])
    counts = {"email": 2, "ip": 1, "id_card": 1, "bank_card": 1, "phone": 1}
    assert {name: count_pii(texts, name).tolist()[:2] for name in KINDS} == {name: [n, 0] for name, n in counts.items()}
    once = replace_pii(texts, dict.fromkeys(KINDS, "replace"))
    assert replace_pii(once, dict.fromkeys(KINDS, "replace")) == once
    gone = replace_pii(texts, dict.fromkeys(KINDS, "remove"))
    assert gone[0].as_py() == "   10.0.0.1   4111111111111112 "


@given(st.integers(10**16, 10**17 - 1), st.integers(0, 10))
def test_of_eleven_last_characters_one_makes_an_identity_card(number, place):
    found = [one for one in "0123456789X" if is_id_card(f"{number}{one}")]
    assert len(found) == 1
    wrong = str(number)[: place % 17] + str((int(str(number)[place % 17]) + 1) % 10) + str(number)[place % 17 + 1 :]
    assert not is_id_card(f"{wrong}{found[0]}"), "one digit changed is always noticed"


@given(st.integers(10**14, 10**15 - 1))
def test_of_ten_last_digits_one_makes_a_bank_card(number):
    assert sum(is_bank_card(f"4{str(number)[1:]}{digit}") for digit in range(10)) == 1


@pytest.mark.parametrize("attack", ["a." * 50_000, "1." * 50_000, "4111 " * 20_000, "+1" * 50_000, "(202) " * 20_000])
def test_hostile_texts_are_read_to_the_end(attack):
    assert replace_pii(pa.array([attack]), dict.fromkeys(KINDS, "remove")).to_pylist()[0] is not None


def test_what_is_replaced_is_counted_text_by_text():
    texts = pa.array(["a@example.org and b@example.org, 8.8.8.8", None, "10.0.0.1", "email@example.com"], pa.string())
    left, found = replace_and_count(texts, {"email": "replace", "ip": "remove"})
    assert left.to_pylist() == ["email@example.com and email@example.com, ", None, "10.0.0.1", "email@example.com"]
    assert {kind: counts.tolist() for kind, counts in found.items()} == {"email": [2, 0, 0, 0], "ip": [1, 0, 0, 0]}
