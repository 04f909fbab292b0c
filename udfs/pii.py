"""Addresses and numbers of people replaced, removed or counted: e-mail, public IPv4, telephone, Chinese identity cards,
bank cards.

FineWeb (huggingface/datatrove, pipeline/formatters/pii.py) replaces e-mail and IP addresses by stand-ins in turn; here
there is one of each kind, so that a text does not depend on the texts before it: reserved for documentation (RFC 2606,
RFC 5737), for fiction (telephone), or without a right checksum. Every pattern is linear in the text. Not here: names,
street addresses, and telephone numbers without an international prefix but China's mobile and North America's.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from udfs.spans import Floats, Ints

LOCAL_PART = r"[A-Za-z0-9!#$%&*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&*+/=?^_`{|}~-]+)*"
EMAIL = rf"\b{LOCAL_PART}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{{2,}}\b"
IPV4 = r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b"
IPV4_ALONE = rf"(?<![0-9]\.){IPV4}(?!\.[0-9])"  # four of the five numbers of 1.2.3.4.5 are no address
DATE = "(?:18|19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
ID_CARD = rf"\b[1-9][0-9]{{5}}{DATE}[0-9]{{3}}[0-9Xx]\b"
FOURS = "(?:[ -][0-9]{4}){3}"
AMEX = "3[47][0-9]{2}[ -][0-9]{6}[ -][0-9]{5}"
BANK_CARD = rf"\b(?:[2-6][0-9]{{12,18}}|62[0-9]{{2}}{FOURS}[ -][0-9]{{3}}|[2-6][0-9]{{3}}{FOURS}|{AMEX})\b"
ISSUERS = re.compile(
    "62[0-9]{14,17}|4[0-9]{12}(?:[0-9]{3}){0,2}|(?:5[1-5]|2[2-7])[0-9]{14}|3[47][0-9]{13}|6(?:011|5[0-9]{2})[0-9]{12}"
)
PHONE = "|".join(
    [
        r"(?:\+86[ -]?|\b86[ -]?|\b)1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}\b",
        r"\+[1-9][0-9]{0,2}[ .-]?\(?[0-9]{1,4}\)?(?:[ .-]?[0-9]{2,4}){2,4}\b",
        r"(?:\([2-9][0-9]{2}\) ?|\b[2-9][0-9]{2}[ .-])[2-9][0-9]{2}[ .-][0-9]{4}\b",
    ]
)


def is_public(address: str) -> bool:
    """Version numbers such as 1.2.3.400 are no address, and private ones point at nobody."""
    try:
        return ipaddress.IPv4Address(address).is_global
    except ValueError:
        return False


def is_id_card(number: str) -> bool:
    """Whether the last digit is the checksum of the others (GB 11643-1999, ISO 7064 MOD 11-2)."""
    weighted = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(number[:17]))
    return "10X98765432"[weighted % 11] == number[17].upper()


def is_bank_card(text: str) -> bool:
    """Whether the number is of an issuer's range and length, and its last digit Luhn's checksum (ISO/IEC 7812-1)."""
    number = re.sub("[ -]", "", text)
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number))]
    return ISSUERS.fullmatch(number) is not None and sum(sum(divmod(one, 10)) for one in doubled) % 10 == 0


@dataclass(frozen=True)
class Kind:
    """What to look for (RE2 syntax), what may stand in its place, and what a match must pass beyond the pattern."""

    pattern: str
    stand_in: str
    holds: Callable[[str], bool] | None = None
    alone: str | None = None
    """The pattern again, where RE2 cannot say all of it."""


KINDS = {
    "email": Kind(EMAIL, "email@example.com"),
    "ip": Kind(IPV4, "192.0.2.1", is_public, IPV4_ALONE),
    "id_card": Kind(ID_CARD, "000000000000000000", is_id_card),
    "bank_card": Kind(BANK_CARD, "0000 0000 0000 0000", is_bank_card),
    "phone": Kind(PHONE, "555-0100"),
}
REPLACE = {"email": "replace", "ip": "replace", "id_card": "replace", "bank_card": "replace"}
"""What is done unasked; without a checksum a telephone number is too often something else."""


def replace_pii(texts: pa.Array, actions: Mapping[str, str] = REPLACE) -> pa.Array:
    """The texts with each kind of `actions` replaced by its stand-in or removed (`replace`, `remove`)."""
    for name, kind in KINDS.items():
        if name in actions:
            texts = _replace(texts, kind, kind.stand_in if actions[name] == "replace" else "")
    return texts


def replace_and_count(texts: pa.Array, actions: Mapping[str, str]) -> tuple[pa.Array, dict[str, Ints]]:
    """(what `replace_pii` makes of the texts, kind -> how many of it stood in each text that was changed for it)."""
    found: dict[str, Ints] = {}
    for name in [name for name in KINDS if name in actions]:
        left = replace_pii(texts, {name: actions[name]})
        changed = pc.not_equal(texts, left).fill_null(False)
        found[name] = np.zeros(len(texts), np.int64)
        found[name][np.asarray(changed)] = count_pii(texts.filter(changed), name)
        texts = left
    return texts, found


def _replace(texts: pa.Array, kind: Kind, stand_in: str) -> pa.Array:
    if kind.holds is None:
        return pc.replace_substring_regex(texts, kind.pattern, stand_in)
    holds, suspects = kind.holds, _suspects(texts, kind)
    if not pc.any(suspects).as_py():
        return texts

    def stand_in_for(match: re.Match[str]) -> str:
        return stand_in if holds(match[0]) else match[0]

    found = [re.sub(_strict(kind), stand_in_for, text) for text in texts.filter(suspects).to_pylist()]
    return pc.replace_with_mask(texts, suspects, pa.array(found, texts.type))


def count_pii(texts: pa.Array, name: str) -> Floats:
    """How often each text holds what `KINDS` has under `name`."""
    kind = KINDS[name]
    if kind.holds is None:
        return np.asarray(pc.count_substring_regex(texts, kind.pattern)).astype(np.float64)
    suspects = np.asarray(_suspects(texts, kind))
    counts = np.zeros(len(texts))
    for row in np.flatnonzero(suspects):
        counts[row] = sum(map(kind.holds, re.findall(_strict(kind), texts[row].as_py())))
    return counts


def _suspects(texts: pa.Array, kind: Kind) -> Any:
    """Flags of the texts in which the pattern is found."""
    return pc.match_substring_regex(texts, kind.pattern).fill_null(False)


def _strict(kind: Kind) -> re.Pattern[str]:
    r"""The pattern for Python, with `\b` as RE2 has it: beside letters of other scripts too."""
    return re.compile(kind.alone or kind.pattern, re.ASCII)
