"""Mutated texts and addresses, in what makes numbers and tokens of them; see fuzz_pages."""

import math
import random
from functools import cache

import numpy as np
import pyarrow as pa
from bpe_oracle import learn
from mutations import SCRIPTS, check, mutate
from tiny_corpus import chinese, english

from udfs.bpe_encode import Encoder
from udfs.edits import Edits
from udfs.extraction import plain_text
from udfs.language import LanguagePlan, default_model, identify
from udfs.measure import MeasurePlan, measure_batch
from udfs.pii import replace_pii
from udfs.strings import strings
from udfs.urls import bare_url, host, url_hash, url_key

TEXT_BATCH = 50
URLS = (
    "https://www.example.org:8080/a/b.html?utm_source=x&ref=1#top", "http://[::1]/", "http://user:pw@münchen.example/ä",
    "<https://example.com/a>", "//x", "dns:example.org", "http://a.b.c.d.example.co.uk./%7Euser/%zz", "",
)  # fmt: skip


def urls(rng: random.Random) -> int:
    words = (
        b"http://",
        b"[",
        b"]",
        b":",
        b"%00",
        b"?utm_",
        b"?ref",
        b"/" * 50,
        b"www.",
        b"@",
        b"..",
        b"<",
        b">",
        b"\\",
    )
    for _ in range(20):
        url = mutate(rng, rng.choice(URLS).encode(), words).decode("utf-8", rng.choice(("replace", "surrogateescape")))
        check(bare_url(url) in url, url)
        check("/" not in host(url) and host(url) == host(url).lower(), url)
        check(not url_key(url).endswith("/"), url)
        found = url_hash(url)
        check(found is None or -(2**63) <= found < 2**63, url)
    return 20


@cache
def sentences() -> list[bytes]:
    made = [english(n, 6) for n in range(8)] + [chinese(n, 6) for n in range(4)]
    odd = [
        "* * *\n…\n{ lorem ipsum } javascript\n[1] [edit]\nterms of use.\n" * 3,
        "".join(script.decode() for script in SCRIPTS) * 5,
        "mail me@example.org or 8.8.8.8, 110101199003074514, 4111 1111 1111 1111, +49 30 1234567\n",
        "نص عربي قصير. हिन्दी वाक्य। 日本語の文。 한국어 문장입니다. Το ελληνικό κείμενο. İstanbul'da ılık bir gün.\n",
        "",
        " \t\n\u3000",
    ]
    return [text.encode() for text in [*made, *odd]]


def texts_of(rng: random.Random, n: int) -> list[str]:
    words = (
        b"\n",
        b" ",
        b". ",
        b"javascript",
        b"{",
        b"lorem ipsum",
        b"http://x.y/z",
        b"@",
        b"a" * 1100,
        b"\xe2\x80\xa6",
    )
    return [mutate(rng, rng.choice(sentences()), words).decode("utf-8", "replace") for _ in range(n)]


@cache
def measure_plan() -> MeasurePlan:
    return MeasurePlan("cjk", Edits(), LanguagePlan(default_model()), None, "word", 5, bands=4, rows=4)


def measured(texts: list[str]) -> dict[str, pa.Array]:
    n = len(texts)
    columns = {
        "id": [str(i) for i in range(n)],
        "source": ["web"] * n,
        "url": pa.nulls(n, pa.string()),
        "date": pa.nulls(n, pa.string()),
        "text": pa.array(texts, pa.string()),
    }
    return measure_batch(pa.RecordBatch.from_pydict(columns), measure_plan())


def measure(rng: random.Random) -> int:
    """Every signal is a number, a share lies in its bounds, and no text changes what is said of another."""
    texts = texts_of(rng, TEXT_BATCH)
    together = measured(texts)
    for name, column in together.items():
        check(len(column) == len(texts), name)
        for child in column.flatten() if pa.types.is_struct(column.type) else [column]:
            if pa.types.is_floating(child.type):
                check(np.isfinite(child.drop_null().to_numpy(zero_copy_only=False)).all(), (name, texts))
    alone = rng.randrange(len(texts))
    for name, column in measured([texts[alone]]).items():
        if name != "id":
            check(column[0].as_py() == together[name][alone].as_py(), (name, texts[alone]))
    return len(texts)


def text(rng: random.Random) -> int:
    """Cleaning what is clean changes nothing; stand-ins for addresses are no addresses."""
    texts = texts_of(rng, TEXT_BATCH)
    for one in texts:
        found = plain_text(one)
        check((found.text is None) == (found.reason is not None), one)
        check(found.text is None or plain_text(found.text).text == found.text, one)
    once = replace_pii(pa.array(texts))
    twice = replace_pii(once)
    check(once.equals(twice), [(a, b) for a, b in zip(once.to_pylist(), twice.to_pylist(), strict=True) if a != b])
    return len(texts)


def language(rng: random.Random) -> int:
    found = identify(pa.array(texts_of(rng, TEXT_BATCH)), measure_plan().language)
    for name in ("language_score", "language_group_score"):
        check(all(0 <= score <= 1.001 and math.isfinite(score) for score in found[name].to_pylist()), found)
    check(all(found["language"].to_pylist()), found)
    return TEXT_BATCH


@cache
def encoder() -> Encoder:
    return Encoder(learn([text.decode() for text in sentences() * 2], 900))


def bpe(rng: random.Random) -> int:
    """Ids are those of the vocabulary, and give back the bytes."""
    texts = texts_of(rng, TEXT_BATCH)
    ids, offsets = encoder().encode(strings(pa.array(texts, pa.large_string())))
    check(len(offsets) == len(texts) + 1, texts)
    check(ids.size == 0 or (ids.min() >= 0 and ids.max() < 900), texts)
    check(encoder().decode(ids) == "".join(texts).encode(), texts)
    return len(texts)
