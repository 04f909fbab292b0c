"""The gold sets of pages, and how near a text comes to their gold: what benchmarks/extraction.py,
scripts/train_blocks.py and the quality tests share.

Four sets, three measures. `article-extraction-benchmark` and `daniel`: token F1 with the whole text, mean over pages.
`trafilatura-eval`: F over snippets, kept where they must be (true positives) or where they must not (false ones).
`goose3-content`: share of the pages whose first twelve gold tokens come in a row, because its gold is often the start
only. `crawls` has no gold: there, what another extractor finds is compared.
"""

import hashlib
import importlib
import json
import pydoc
import re
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zstandard
from courlan import extract_domain
from fastwarc.warc import ArchiveIterator, WarcRecordType

from udfs.charset import decode

ARTICLES, DANIEL, SNIPPETS, STARTS = "article-extraction-benchmark", "daniel", "trafilatura-eval", "goose3-content"
GOLD_SETS = (ARTICLES, DANIEL, SNIPPETS, STARTS)
CRAWLS = ("commoncrawl/cc2008-excerpt", "crawls/aut-example-screened", "crawls/dolma-sample-0000")
"""Crawls beside hplt-cc100, files of warc/."""
N_START_TOKENS = 12
_TOKEN = re.compile(r"[\u4e00-\u9fff\u3040-\u30ff]|\w+")


@dataclass(frozen=True)
class GoldPage:
    """A page of a set; `group` is its registered domain, `gold` a row of gold.jsonl or nothing."""

    set: str
    id: str
    group: str
    html: str
    gold: dict[str, Any] = field(default_factory=dict)


def tokens(text: str) -> list[str]:
    """Words in small letters, and single characters of Han and kana."""
    return _TOKEN.findall(text.lower())


def token_f1(found: str, wanted: str) -> float:
    """F1 of the multisets of tokens; 1 for two texts without any."""
    mine, theirs = Counter(tokens(found)), Counter(tokens(wanted))
    n_all = mine.total() + theirs.total()
    return 2 * (mine & theirs).total() / n_all if n_all else 1.0


def _domain(url: str, otherwise: str) -> str:
    return extract_domain(url if "//" in url else f"http://{url}") or otherwise


def read_gold(data: Path, name: str) -> list[GoldPage]:
    """The pages of a gold set, in the order of their ids; pages without bytes are left out."""
    with tarfile.open(data / "html" / f"{name}.tar.gz") as archive:
        members = {Path(member.name).name: archive.extractfile(member) for member in archive if member.isfile()}
        contents = {file: stream.read() for file, stream in members.items() if stream}
    rows = [json.loads(line) for line in contents.pop("gold.jsonl").splitlines()]
    pages = [
        GoldPage(name, row["id"], _domain(row.get("url") or row.get("host") or "", row["id"]), html, row)
        for row in rows
        if (html := decode(contents[f"{row['id']}.html"]).text)
    ]
    return sorted(pages, key=lambda page: page.id)


def read_hplt(data: Path) -> list[GoldPage]:
    """The 95 random crawled pages of hplt-cc100."""
    with zstandard.open(data / "html" / "hplt-cc100.jsonl.zst", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [GoldPage("hplt-cc100", row["url"], _domain(row["url"], row["url"]), row["html"]) for row in rows]


def read_crawls(data: Path) -> list[GoldPage]:
    """The HTML pages of other crawls, of 2008 and of research home pages, each text once."""
    pages = {page.html: page for name in CRAWLS for page in _read_warc(data / "warc" / f"{name}.warc.gz")}
    return sorted(pages.values(), key=lambda page: page.id)


def _read_warc(file: Path) -> Iterator[GoldPage]:
    with file.open("rb") as stream:
        for record in ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=True):
            if record.http_headers and record.http_headers.status_code == 200:
                content = record.reader.read()
                url = record.headers["WARC-Target-URI"].strip("<>")
                if "html" in (record.http_content_type or "") and b"<" in content:
                    yield GoldPage("crawls", url, _domain(url, url), decode(content, record.http_charset or "").text)


def snippet_counts(text: str, gold: dict[str, Any]) -> Counter[str]:
    """Counts of wanted and unwanted snippets that are in the text, and of wanted ones that are not."""
    joined = " ".join(text.split())
    kept = sum(" ".join(snippet.split()) in joined for snippet in gold["with"])
    wrong = sum(" ".join(snippet.split()) in joined for snippet in gold["without"])
    return Counter(kept=kept, wrong=wrong, missing=len(gold["with"]) - kept)


def _keeps_start(text: str, gold: dict[str, Any]) -> bool | None:
    start = tokens(gold["expected"].get("cleaned_text") or "")[:N_START_TOKENS]
    return None if len(start) < 3 else " ".join(start) in " ".join(tokens(text))


def score(pages: list[GoldPage], texts: list[str]) -> dict[str, float]:
    """The measure of each set, and of each language of daniel, for the texts found on these pages."""
    values: dict[str, list[float]] = {}
    snippets: Counter[str] = Counter()
    for page, text in zip(pages, texts, strict=True):
        if page.set in (ARTICLES, DANIEL):
            names = (page.set, f"{page.set} {page.gold['lang']}") if page.set == DANIEL else (page.set,)
            value = token_f1(text, page.gold["text"])
        elif page.set == SNIPPETS:
            snippets += snippet_counts(text, page.gold)
            continue
        elif page.set == STARTS and (value := _keeps_start(text, page.gold)) is not None:
            names = (STARTS,)
        else:
            continue
        for name in names:
            values.setdefault(name, []).append(float(value))
    if snippets:
        wanted, found = snippets["kept"] + snippets["missing"], snippets["kept"] + snippets["wrong"]
        values[SNIPPETS] = [2 * snippets["kept"] / (wanted + found)]
    return {name: sum(some) / len(some) for name, some in sorted(values.items())}


N_PER_FOLDER = 60
PYDOC_MODULES = """abc argparse ast asyncio.events base64 bisect calendar cmd code codecs collections configparser
contextlib copy csv dataclasses datetime decimal difflib dis email.message enum fileinput fractions functools gettext
glob hashlib heapq html.parser http.client inspect io ipaddress itertools json json.decoder logging mailbox math
mimetypes operator os.path pathlib pickle platform pprint queue random re sched secrets shutil socket sqlite3 statistics
string subprocess tarfile tempfile textwrap threading timeit tokenize traceback typing urllib.parse uuid zipfile"""


def read_folder(name: str, folder: Path) -> list[GoldPage]:
    """Sixty pages of the HTML files in a folder, as the hashes of their paths have it; all of one group."""
    files = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*.html") if file.is_file()}
    chosen = sorted(files, key=lambda path: hashlib.sha256(path.encode()).digest())[:N_PER_FOLDER]
    return [GoldPage("documentation", f"{name}/{path}", name, decode(files[path].read_bytes()).text) for path in chosen]


def make_pydoc() -> list[GoldPage]:
    """What pydoc writes about modules of this Python."""
    modules = {name: importlib.import_module(name) for name in PYDOC_MODULES.split()}
    pages = {name: pydoc.html.page(name, pydoc.html.document(module, name)) for name, module in modules.items()}
    return [GoldPage("documentation", f"pydoc/{name}", "pydoc", page) for name, page in pages.items()]
