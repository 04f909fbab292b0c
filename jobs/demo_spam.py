"""Pages that machines made for machines, of which a crawl of the web is full: spam, listings, dumps, filler.

RefinedWeb's authors found keyword lists, boilerplate and runs of special characters to be a large part of Common Crawl,
and their rules drop about half of the documents that are English (Penedo et al. 2023, arXiv 2306.01116, section 3 and
figure 2). So there is one of these pages for each page of text in the demo's crawl. Every sentence is ours; names and
single words come from the demo's texts. None of it is labelled for the quality model.
"""

import base64
import html
from collections.abc import Callable, Sequence
from itertools import count

from jobs.demo_archives import Response
from jobs.demo_languages import TEXTS
from jobs.demo_pages import SECTIONS, site_page
from udfs.hashing import keyed_uint64

SITES_PER_KIND = 8
PARAGRAPHS = (3, 12)
FRAGMENT_WORDS = (5, 9)
"""Of a text in a result of a search: less than the 13 words that tell an evaluation question."""

PRAISE = ("best", "cheap", "top", "free", "official", "discount", "trusted", "premium", "instant", "certified")
GOODS = ("hammer", "kettle", "mattress", "router", "printer", "sofa", "charger", "jacket", "blender", "lamp", "tent")
TOWNS = ("Ashford", "Brelton", "Carrow", "Dunmere", "Eastleigh", "Glenrock", "Harwick", "Norvale", "Redwater")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LATIN = ("dolor", "sit", "amet", "elit", "sed", "do", "tempor", "ut", "labore", "et", "magna", "aliqua", "quis", "nisi")
BUTTONS = ("Quote", "Report post", "Back to top", "Reply with quote", "Send private message", "Find all posts", "Like")
SPUN = (
    "If you are looking for {a} {b}, then you have come to the right {place}.",
    "There are many {people} who want to {get} {a} {b} without spending too much {cost}.",
    "In this {text} we will tell you everything that you need to know about {a} {b}.",
    "{A} {b} is one of the most {fine} things that {people} can {get} for the {place}.",
    "It is {fine} to note that {a} {b} will save you {cost} and give you a {fine} result.",
    "Before you {get} {a} {b}, you should always read a {fine} {text} from other {people}.",
    "We hope that this {text} was {fine}, and that you will {get} {a} {b} from us.",
)
SYNONYMS = {
    "place": ("place", "spot", "site", "page", "shop"),
    "people": ("people", "folks", "buyers", "users", "individuals", "customers"),
    "get": ("get", "purchase", "obtain", "order", "acquire", "find"),
    "cost": ("money", "cash", "time", "effort"),
    "text": ("article", "post", "guide", "write-up", "review"),
    "fine": ("important", "great", "useful", "helpful", "wonderful", "amazing", "vital"),
}
AGENTS = ("Crawler/2.1", "Feedfetch/0.9", "Mozilla/5.0 (compatible)", "Probe/1.4 (+monitor)")


class Draw:
    """Choices that stand for random ones: the same for the same seed and key, in every process."""

    def __init__(self, seed: int, key: str) -> None:
        self._numbers = (keyed_uint64(seed, f"{key} {n}") for n in count())

    def below(self, limit: int) -> int:
        return next(self._numbers) % limit

    def within(self, bounds: tuple[int, int]) -> int:
        return bounds[0] + self.below(bounds[1] - bounds[0] + 1)

    def one(self, choices: Sequence[str]) -> str:
        return choices[self.below(len(choices))]

    def some(self, choices: Sequence[str], n: int) -> list[str]:
        return [self.one(choices) for _ in range(n)]


def _keywords(draw: Draw, words: Sequence[str]) -> str:
    goods, town = draw.one(GOODS), draw.one(TOWNS)
    return ", ".join(f"{draw.one(PRAISE)} {goods} {draw.one(words)} {town}" for _ in range(18))


def _products(draw: Draw, words: Sequence[str]) -> str:
    def line() -> str:
        name = f"{draw.one(TOWNS)} {draw.one(GOODS)} {draw.one(words)} {draw.below(999_999):06d}"
        return f"{name} EUR {draw.below(900)}.{draw.below(10)}9 | {draw.below(90)} in stock | Add to cart"

    return "\n".join(line() for _ in range(9))


def _tags(draw: Draw, words: Sequence[str]) -> str:
    return " | ".join(f"{draw.one(words)} {draw.one(GOODS)} ({draw.below(400)})" for _ in range(36))


def _links(draw: Draw, words: Sequence[str]) -> str:
    return "\n".join(
        f"www.{draw.one(PRAISE)}-{draw.one(GOODS)}-{draw.below(99)}.example/{draw.one(words)}/{draw.one(TOWNS)}"
        for _ in range(12)
    )


def _spun(draw: Draw, words: Sequence[str]) -> str:
    def sentence() -> str:
        about = draw.one(words)
        chosen = {slot: draw.one(choices) for slot, choices in SYNONYMS.items()}
        return draw.one(SPUN).format(a=about, A=about.capitalize(), b=draw.one(GOODS), **chosen)

    return " ".join(sentence() for _ in range(7))


def _results(draw: Draw, words: Sequence[str]) -> str:
    def snippet() -> str:
        return " ".join(draw.some(words, draw.within(FRAGMENT_WORDS))) + " ..."

    return "\n".join(snippet() for _ in range(8))


def _calendar(draw: Draw, words: Sequence[str]) -> str:
    days = (f"{DAYS[day % 7]} {day + 1} {draw.below(9)} events" for day in range(28))
    return f"<- {draw.one(MONTHS)} {1990 + draw.below(50)} -> {' '.join(days)}"


def _forum(draw: Draw, words: Sequence[str]) -> str:
    def post() -> str:
        who = f"{draw.one(words)}{draw.below(99)} Joined: {_time(draw)} Posts: {draw.below(9000)}"
        return f"{who} Posted: {_time(draw)} {' '.join(draw.some(BUTTONS, 4))}"

    return "\n".join(post() for _ in range(4))


def _numbers(draw: Draw, words: Sequence[str]) -> str:
    def row() -> str:
        return " ".join(f"{draw.below(100_000) / 100:.2f}" for _ in range(12))

    return "\n".join(row() for _ in range(7))


def _log(draw: Draw, words: Sequence[str]) -> str:
    def line() -> str:
        address = ".".join(str(draw.below(256)) for _ in range(4))
        request = f'"GET /{draw.one(words)} HTTP/1.1" {draw.below(90_000)}'
        return f'{address} - - [{_time(draw)}] {request} "{draw.one(AGENTS)}"'

    return "\n".join(line() for _ in range(6))


def _time(draw: Draw) -> str:
    return f"{draw.below(28) + 1} {draw.one(MONTHS)} {2001 + draw.below(25)} {draw.below(24):02d}:{draw.below(60):02d}"


def _encoded(draw: Draw, words: Sequence[str]) -> str:
    data = b"".join(draw.below(1 << 64).to_bytes(8, "little") for _ in range(48))
    text = base64.b64encode(data).decode()
    return "\n".join(text[start : start + 76] for start in range(0, len(text), 76))


def _translated(draw: Draw, words: Sequence[str]) -> str:
    foreign = TEXTS[draw.one(("de", "fr", "es", "pt", "ru"))].split()
    return " ".join(draw.some(foreign, 70)) + "."


def _filler(draw: Draw, words: Sequence[str]) -> str:
    return ". ".join(f"Lorem ipsum {' '.join(draw.some(LATIN, 12))}" for _ in range(6)) + "."


def _slogan(draw: Draw, words: Sequence[str]) -> str:
    slogan = f"Buy {draw.one(GOODS)} {draw.one(words)} in {draw.one(TOWNS)} today, {draw.one(PRAISE)} price!"
    return " ".join([slogan] * 8)


KINDS: dict[str, Callable[[Draw, Sequence[str]], str]] = {
    "keywords": _keywords,
    "products": _products,
    "tags": _tags,
    "links": _links,
    "spun": _spun,
    "results": _results,
    "calendar": _calendar,
    "forum": _forum,
    "numbers": _numbers,
    "log": _log,
    "encoded": _encoded,
    "translated": _translated,
    "filler": _filler,
    "slogan": _slogan,
}
"""Kind -> what makes a paragraph of its pages, of one or several lines, from draws and words of the demo's texts."""


def spam_pages(n: int, words: Sequence[str], seed: int) -> list[Response]:
    """So many pages, each kind in turn, on a few sites; `words` are names and words of the demo's texts."""
    return [_page(number, words, seed) for number in range(n)]


def _page(number: int, words: Sequence[str], seed: int) -> Response:
    round_, place = divmod(number, len(KINDS))
    kind = [*KINDS][place]
    draw = Draw(seed, f"{kind} {round_}")
    title = f"{draw.one(GOODS)} {draw.one(TOWNS)}".capitalize()
    paragraphs = (KINDS[kind](draw, words) for _ in range(draw.within(PARAGRAPHS)))
    blocks = ("<br>".join(html.escape(paragraph).split("\n")) for paragraph in paragraphs)
    content = f"<h1>{title}</h1>\n" + "".join(f"<p>{block}</p>\n" for block in blocks)
    url = f"https://{kind}-{round_ % SITES_PER_KIND}.example/{round_:03d}.html"
    return site_page(url, title, content, SECTIONS[:4], seed)
