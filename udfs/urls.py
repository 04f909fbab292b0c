"""What is decided about a page from its URL alone: its host, whether it is blocked, and the key of exact duplicates.

No list of public suffixes is needed: a listed domain blocks every host below it. Lists are files, one entry a line.
"""

import functools
import hashlib
import re
from collections.abc import Set
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from udfs import files

_SEPARATORS = re.compile(r"[^A-Za-z0-9]+")
_SCHEME = re.compile(r"https?://(?:www\.)?")
_TRACKING = re.compile(r"\?(?:utm_|ref|feed).*", re.DOTALL)

Blocked = Literal["url_domain", "url_listed", "url_word", "url_soft_words", "url_substring"]


def bare_url(url: str) -> str:
    """The URL without the <...> that some crawlers write around WARC-Target-URI."""
    return url.strip().removeprefix("<").removesuffix(">").strip()


def host(url: str) -> str:
    """The host in lower case, without port and final dot; "" when there is none.

    >>> host("https://User@WWW.Example.org.:8080/a")
    'www.example.org'
    """
    try:
        return (urlsplit(url).hostname or "").lower().rstrip(".")  # it leaves what stands behind a % as it is
    except ValueError:
        return ""


@dataclass(frozen=True)
class BlockFiles:
    """URIs of the lists to block by, each with one entry a line; lines that start with # are comments.

    The categories of UT1 (dsi.ut-capitole.fr/blacklists) are such files: `adult/domains`, `adult/urls`.
    """

    domains: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    soft_words: tuple[str, ...] = ()
    substrings: tuple[str, ...] = ()


@dataclass(frozen=True)
class BlockLists:
    """What to block: words, substrings and domains in lower case, URLs as the crawl writes them."""

    domains: Set[str] = frozenset()
    """Domains or hosts; each stands for itself and all hosts below it."""
    urls: Set[str] = frozenset()
    words: Set[str] = frozenset()
    soft_words: Set[str] = frozenset()
    n_soft_words: int = 2
    """So many different soft words block a URL."""
    substrings: Set[str] = frozenset()
    """Looked for in the URL without all that is not a letter or digit."""


@functools.lru_cache(maxsize=1)
def load_lists(block: BlockFiles) -> BlockLists:
    """The content of the lists, kept by the process. Raises InputError for a file that is not there."""

    def entries(uris: tuple[str, ...]) -> set[str]:
        lines = (line.strip() for uri in uris for line in files.read_bytes(uri).decode("utf-8", "replace").splitlines())
        return {line for line in lines if line and not line.startswith("#")}

    def lower(uris: tuple[str, ...]) -> set[str]:
        return {entry.lower() for entry in entries(uris)}

    return BlockLists(
        domains=lower(block.domains),
        urls=entries(block.urls),
        words=lower(block.words),
        soft_words=lower(block.soft_words),
        substrings=lower(block.substrings),
    )


def blocked(url: str, lists: BlockLists) -> Blocked | None:
    """Why the URL is blocked, or None.

    The rules of FineWeb (huggingface/datatrove, src/datatrove/pipeline/filters/url_filter.py), but a listed domain is
    compared with every domain above the host, not only with the registered one.
    """
    name = host(url)
    parents = (name[i:] for i in range(len(name)) if i == 0 or name[i - 1] == ".")
    if any(parent in lists.domains for parent in parents):
        return "url_domain"
    if url in lists.urls:
        return "url_listed"
    spaced = _SEPARATORS.sub(" ", url).lower()
    words = set(spaced.split())
    if not words.isdisjoint(lists.words):
        return "url_word"
    if len(words & lists.soft_words) >= lists.n_soft_words:
        return "url_soft_words"
    joined = spaced.replace(" ", "")
    return "url_substring" if any(part in joined for part in lists.substrings) else None


def url_key(url: str) -> str:
    """What the URLs of one page have in common; "" when that is nothing.

    The rule of C4 (tensorflow/datasets, tensorflow_datasets/text/c4_utils.py): no scheme, no "www.", nothing from
    "?utm_", "?ref" or "?feed" on, no final "/".

    >>> url_key("https://www.example.org/a/?utm_source=x")
    'example.org/a'
    """
    return _TRACKING.sub("", _SCHEME.sub("", url.strip())).rstrip("/")


def url_hash(url: str) -> int | None:
    """int64 hash of the URL's key; None without a URL, which is no duplicate of others without one."""
    key = url_key(url)
    if not key:
        return None
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)
