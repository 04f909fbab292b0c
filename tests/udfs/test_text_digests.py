"""The digest of a text is the hash that other tools can compute of it."""

import hashlib

import pyarrow as pa

from udfs.measure import text_digests
from udfs.text import Texts


def test_a_text_is_digested_with_its_white_space_folded():
    texts = ["", " \n", "a b", "\u3000a\r\n\x1cb ", "é" * 100 + "\xa0\t " + "字" * 300, None, "a  c\0"]
    expected = [hashlib.blake2b("\n".join((text or "").split()).encode(), digest_size=16).hexdigest() for text in texts]
    assert text_digests(Texts(pa.array(texts))).to_pylist() == expected
    assert text_digests(Texts(pa.array(texts).slice(2, 4))).to_pylist() == expected[2:6]
