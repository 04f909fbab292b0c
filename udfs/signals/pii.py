"""Addresses and numbers of people, counted in the text after its edits and before they are replaced.

Definitions: udfs/pii.py, where FineWeb's (arXiv 2406.17557) replacement of e-mail and IP addresses is done.
"""

from udfs.pii import count_pii
from udfs.spans import Floats
from udfs.text import Texts


def emails(texts: Texts) -> Floats:
    """Number of e-mail addresses (FineWeb replaces them)."""
    return count_pii(texts.arrow, "email")


def ips(texts: Texts) -> Floats:
    """Number of public IPv4 addresses (FineWeb replaces them)."""
    return count_pii(texts.arrow, "ip")


def id_cards(texts: Texts) -> Floats:
    """Number of Chinese identity-card numbers with a right checksum (GB 11643-1999)."""
    return count_pii(texts.arrow, "id_card")


def bank_cards(texts: Texts) -> Floats:
    """Number of bank-card numbers with a right checksum (ISO/IEC 7812-1)."""
    return count_pii(texts.arrow, "bank_card")


def phones(texts: Texts) -> Floats:
    """Number of telephone numbers: international (E.164), China's mobile, North America's."""
    return count_pii(texts.arrow, "phone")
