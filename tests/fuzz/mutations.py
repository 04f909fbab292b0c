"""Seeded mutation of bytes: what a damaged disk, a careless program or somebody hostile makes of a sound input."""

import random
from collections.abc import Sequence

ODD = (
    b"\0",
    b"\xff",
    b"\xfe\xff",
    b"\x80",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\xf4\x90\x80\x80",
    b"\r",
    b"\n\n",
    b"\t",
)
NUMBERS = (b"-1", b"0", b"99999999999999999999", b"1e999", b"NaN", b"0x7fffffff", b"\xd9\xa3")
SCRIPTS = tuple("水车 e\u0301 👩🏽\u200d🌾 \u202e \u2028 \ufeff ǅ ﬁ \U000e0041 अ İı \x85".encode().split(b" "))


def mutate(rng: random.Random, data: bytes, words: Sequence[bytes] = (), n_most: int = 6) -> bytes:
    """`data` with one to `n_most` changes; `words` are what means something in its format."""
    for _ in range(rng.randint(1, n_most)):
        data = _change(rng, data, words)
    return data


def _change(rng: random.Random, data: bytes, words: Sequence[bytes]) -> bytes:
    at = rng.randrange(len(data) + 1)
    end = min(len(data), at + rng.choice((1, 1, 2, 8, 60, 400)))
    kind = rng.randrange(8)
    if kind == 0 and at < len(data):
        return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
    if kind == 1:
        return data[:at] + data[end:]
    if kind == 2:
        return data[:at] + data[at:end] * rng.choice((2, 3, 20)) + data[end:]
    if kind == 3:
        return data[:at] + rng.randbytes(end - at) + data[end:]
    if kind == 4:
        return data[:at]
    if kind == 5:
        other = rng.randrange(len(data) + 1)
        return data[:at] + data[other : other + 200] + data[at:]
    return data[:at] + rng.choice((*ODD, *NUMBERS, *SCRIPTS, *words, *words, *words)) + data[at:]


def check(condition: object, what: object) -> None:
    """Fails, telling what was found, unless the condition holds."""
    if not condition:
        raise AssertionError(repr(what)[:2000])
