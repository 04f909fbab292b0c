"""Addresses of people replaced, as FineWeb replaces them: e-mail addresses and public IPv4 addresses.

FineWeb (huggingface/datatrove, pipeline/formatters/pii.py) takes stand-ins in turn; here there is one of each, so that
a text does not depend on the texts before it, and the IP address is one reserved for documentation (RFC 5737).
Every pattern is linear in the text.
"""

import ipaddress
import re

import pyarrow as pa
import pyarrow.compute as pc

LOCAL_PART = r"[A-Za-z0-9!#$%&*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&*+/=?^_`{|}~-]+)*"
EMAIL = rf"\b{LOCAL_PART}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{{2,}}\b"
EMAIL_STAND_IN = "email@example.com"
IPV4 = r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b"
IPV4_STAND_IN = "192.0.2.1"


def replace_pii(texts: pa.Array) -> pa.Array:
    """The texts with e-mail addresses and public IPv4 addresses replaced."""
    texts = pc.replace_substring_regex(texts, EMAIL, EMAIL_STAND_IN)
    has_address = pc.match_substring_regex(texts, IPV4).fill_null(False)
    if not pc.any(has_address).as_py():
        return texts
    found = [re.sub(IPV4, _public_to_stand_in, text) for text in texts.filter(has_address).to_pylist()]
    return pc.replace_with_mask(texts, has_address, pa.array(found, texts.type))


def _public_to_stand_in(match: re.Match[str]) -> str:
    """Version numbers such as 1.2.3.400 are no address, and private ones point at nobody."""
    try:
        return IPV4_STAND_IN if ipaddress.IPv4Address(match[0]).is_global else match[0]
    except ValueError:
        return match[0]
