"""The corpus of `gristmill demo`: a small crawl and some shards made from what this machine's Python carries.

Nothing is downloaded and no data is shipped: pydoc pages, docstrings, READMEs and licences of installed packages
become WARC, WET, C4-like, Pile-like and Parquet files, with damage, duplicates, boilerplate, spam and a few planted
evaluation questions, so that every stage finds something to do. The same environment and seed give the same bytes;
another environment has other packages, hence another corpus.
"""

import importlib.resources
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.demo_archives import Response, crawl_date, json_line, write_lines, write_warc, write_wet
from jobs.demo_chat import chat_rows
from jobs.demo_labels import bad_rows, good_rows
from jobs.demo_languages import language_pages
from jobs.demo_pages import boilerplate_pages, document_page, mirror_pages, odd_responses, readme_page, tracked_copies
from jobs.demo_pydoc import MODULES, module_pages
from jobs.demo_questions import questions
from jobs.demo_sources import (
    DOCUMENTS_PER_PACKAGE,
    Document,
    Package,
    SourceFile,
    documents_in,
    installed_packages,
    library_files,
    licences,
    package_files,
    prose,
    read_source,
    reference_topics,
)
from jobs.demo_spam import spam_pages
from udfs import files
from udfs.errors import OutputError
from udfs.hashing import keyed_uint64

LIBRARY_SITE = "https://docs.python.example/3/library"
WARC_FILES = {"stdlib": 2, "packages": 3, "web": 1}
LICENCES = "wet/licences.warc.wet.gz"
C4 = "c4/c4-demo.00000-of-00001.jsonl.gz"
PILE = "pile/demo.jsonl.zst"
PARQUET = "parquet/reference.parquet"
GOOD = "quality/good.jsonl.gz"
BAD = "quality/bad.jsonl.gz"
QUESTIONS = "evals/questions.jsonl"

# A hash of a document's text draws one place. The same two draws are "good" in both rows, so that a text that stands in
# the library and in a package is never both labelled and crawled.
LIBRARY_SHARES = ("good", "good", "c4", "c4", "c4", "c4", "c4", "c4", "c4", "crawl")
PACKAGE_SHARES = ("good", "good", "crawl", "crawl", "crawl", "crawl", "pile", "pile", "pile", "parquet")
README_SHARES = ("good", "crawl", "crawl", "crawl", "crawl")
QUESTIONS_PLANTED = {"crawl": 4, "c4": 3, "pile": 2, "parquet": 1}
MIN_PLANTED_WORDS = 100
MIN_README_CHARS = 200
MAX_PILE_SOURCE_CHARS = 20_000
MIRRORS = 60
MIN_MIRRORED_PARAGRAPHS = 8
TRACKED_COPIES = 15
BOILERPLATE_SITES = 20
PLAIN_WORD = re.compile("[a-z]{3,}")

DAMAGED_LINES = (
    b'{"text": "This line was cut when the disk was full, so it has no clo',
    b"<html><body>A page among the JSON lines</body></html>",
    b'{"url": "https://docs.python.example/no-text", "timestamp": "2026-01-05T00:00:00Z"}',
    b'{"text": null, "url": "https://docs.python.example/null", "timestamp": "2026-01-05T00:00:00Z"}',
    b'["a list", "where an object should be"]',
    b'{"text": "Bytes that are not UTF-8: \xff\xfe\xfd", "url": "https://docs.python.example/bytes"}',
)

TEMPLATE = importlib.resources.files("conf") / "demo.yaml"
TEMPLATE_ROOT = '"demo-run/'


@dataclass(frozen=True)
class DemoCorpus:
    """What was written: records per file (path relative to `folder`), the modules that could not be used, and how many
    documents hold an evaluation question."""

    folder: Path
    records: dict[str, int]
    left_out: tuple[str, ...]
    n_planted: int

    @property
    def n_input_records(self) -> int:
        """Records that `ingest` reads: labelled texts, questions and conversations are not among them."""
        return sum(n for name, n in self.records.items() if not name.startswith(("quality/", "evals/", "chat/")))


Shares = dict[str, list[Document]]


def write_demo(folder: str) -> Path:
    """The settings file of the demo, written into `folder` beside a new corpus. Raises OutputError."""
    root = Path(folder).resolve()
    write_corpus(root / "corpus")
    files.write_bytes(str(root / "settings.yaml"), demo_settings(root).encode())
    return root / "settings.yaml"


def demo_settings(root: Path) -> str:
    """conf/demo.yaml with `root` in its paths. A JSON string is a YAML string, so `root` may hold any character."""
    prefix = json.dumps(f"{root}/", ensure_ascii=False).removesuffix('"')
    return TEMPLATE.read_text(encoding="utf-8").replace(TEMPLATE_ROOT, prefix)


def write_corpus(
    folder: Path, seed: int = 0, *, max_modules: int | None = None, max_packages: int | None = None
) -> DemoCorpus:
    """The corpus written under `folder`, over an earlier one; the two limits make a smaller one. Raises OutputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot make this folder: {error.strerror}", "name another folder") from error
    names = MODULES[:max_modules]
    packages = installed_packages(max_packages)
    html, left_out = module_pages(names)
    modules = library_files(names)
    shares = _shares(modules, packages, seed)
    n_planted = _plant(shares)
    records = _write_crawl(folder, html, packages, shares["crawl"], seed)
    records |= _write_shards(folder, packages, modules, shares)
    records |= _write_evaluation(folder, shares, seed)
    chats = chat_rows(modules, seed)
    records |= {name: write_lines(folder / name, map(json_line, rows)) for name, rows in chats.items()}
    return DemoCorpus(folder, records, tuple(left_out), n_planted)


def _shares(modules: list[SourceFile], packages: list[Package], seed: int) -> Shares:
    """The documents of each part of the corpus."""
    shares: Shares = {"crawl": [], "c4": [], "pile": [], "parquet": reference_topics(), "good": []}
    for package in _readmes(packages, "good", seed):
        shares["good"].append(Document("readme", package.name, tuple(prose(package.readme))))
    for document in _documents(modules, "python"):
        shares[_drawn(LIBRARY_SHARES, document.text, seed)].append(document)
    for package in packages:
        for document in _documents(package_files(package, seed), package.name)[:DOCUMENTS_PER_PACKAGE]:
            shares[_drawn(PACKAGE_SHARES, document.text, seed)].append(document)
    return shares


def _drawn(choices: tuple[str, ...], key: str, seed: int) -> str:
    return choices[keyed_uint64(seed, key) % len(choices)]


def _documents(sources: list[SourceFile], package: str) -> list[Document]:
    """Documents in these files; a file that is not Python of this version (a template, say) has none."""
    found = []
    for module, file in sources:
        try:
            found += documents_in(read_source(file), module, package)
        except (SyntaxError, ValueError):
            continue
    return found


def _plant(shares: Shares) -> int:
    """Put evaluation questions, each once, into the first long documents of the parts; returns how many."""
    items = questions()
    n_planted = 0
    for share, limit in QUESTIONS_PLANTED.items():
        documents = shares[share]
        hosts = [i for i, document in enumerate(documents) if document.n_words >= MIN_PLANTED_WORDS][:limit]
        for i, item in zip(hosts, items[n_planted:], strict=False):
            first, *others = documents[i].paragraphs
            line = f"{item['question']} The answer is: {item['answer']}."
            documents[i] = replace(documents[i], paragraphs=(first, line, *others))
        n_planted += len(hosts)
    return n_planted


def _readmes(packages: list[Package], share: str, seed: int) -> list[Package]:
    """The packages whose README goes to this share."""
    long = (package for package in packages if len(package.readme) >= MIN_README_CHARS)
    return [package for package in long if _drawn(README_SHARES, package.name, seed) == share]


def _write_crawl(
    folder: Path, html: dict[str, str], packages: list[Package], documents: list[Document], seed: int
) -> dict[str, int]:
    """Records per WARC file: each group of pages is dealt in turn to its files."""
    related = [document.name for document in documents[:6]]
    readmes = [readme_page(package, seed) for package in _readmes(packages, "crawl", seed)]
    names = [*html, *(package.name for package in packages)]
    pages = {
        "stdlib": [Response(f"{LIBRARY_SITE}/{name}.html", page.encode()) for name, page in html.items()],
        "packages": readmes + [document_page(document, related, seed) for document in documents],
        "web": _web_pages(readmes, documents, names, len(html) + len(readmes) + len(documents), seed),
    }
    shards = {f"warc/{group}-{i:05d}.warc.gz": pages[group][i::n] for group, n in WARC_FILES.items() for i in range(n)}
    return {name: write_warc(folder / name, responses) for name, responses in shards.items()}


def _web_pages(
    readmes: list[Response], documents: list[Document], names: list[str], n_spam: int, seed: int
) -> list[Response]:
    long = [document for document in documents if len(document.paragraphs) >= MIN_MIRRORED_PARAGRAPHS]
    portals = {f"portal-{number:02d}.example": names[number::BOILERPLATE_SITES] for number in range(BOILERPLATE_SITES)}
    return [
        *mirror_pages(long[:MIRRORS], seed),
        *tracked_copies(readmes[:TRACKED_COPIES]),
        *(page for site in portals for page in boilerplate_pages(site, portals[site], seed)),
        *language_pages(seed),
        *odd_responses(seed),
        *spam_pages(n_spam, [*names, *_words(documents)], seed),
    ]


def _words(documents: list[Document]) -> list[str]:
    """The plain lower-case words of these documents, for pages that no one wrote."""
    words = dict.fromkeys(word for document in documents for word in document.text.split())
    return sorted(word for word in words if PLAIN_WORD.fullmatch(word))


def _write_shards(folder: Path, packages: list[Package], modules: list[SourceFile], shares: Shares) -> dict[str, int]:
    """Records per file of the inputs that are no crawl."""
    notices = [
        (f"https://{package.name}.example/{path}", text) for package in packages for path, text in licences(package)
    ]
    return {
        LICENCES: write_wet(folder / LICENCES, notices),
        C4: write_lines(folder / C4, _c4_lines(shares["c4"])),
        PILE: write_lines(folder / PILE, _pile_lines(modules, shares["pile"])),
        PARQUET: _write_parquet(folder / PARQUET, shares["parquet"]),
    }


def _c4_lines(documents: list[Document]) -> list[bytes]:
    """Rows {text, timestamp, url} with the damaged lines spread among them."""
    lines = [
        json_line({"text": document.text, "timestamp": crawl_date(ordinal), "url": _url(document)})
        for ordinal, document in enumerate(documents)
    ]
    for number, damaged in enumerate(DAMAGED_LINES):
        lines.insert(number * len(lines) // len(DAMAGED_LINES), damaged)
    return lines


def _pile_lines(modules: list[SourceFile], documents: list[Document]) -> list[bytes]:
    """Rows {text, meta: {pile_set_name}}: the source of small modules, then the documents."""
    sources = [text for _, file in modules if 0 < len(text := read_source(file)) <= MAX_PILE_SOURCE_CHARS]
    sets = {"PythonStdlib": sources, "PackageDocs": [document.text for document in documents]}
    return [json_line({"text": text, "meta": {"pile_set_name": name}}) for name in sets for text in sets[name]]


def _write_parquet(path: Path, documents: list[Document]) -> int:
    """The number of rows (id, text, url, date) written."""
    rows = [
        {"id": document.name, "text": document.text, "url": _url(document), "date": crawl_date(ordinal)[:10]}
        for ordinal, document in enumerate(documents)
    ]
    schema = pa.schema([(name, pa.string()) for name in ("id", "text", "url", "date")])
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema), sink, compression="zstd")
    files.write_bytes(str(path), sink.getvalue().to_pybytes())
    return len(rows)


def _url(document: Document) -> str:
    return f"https://{document.package}.example/api/{document.name}"


def _write_evaluation(folder: Path, shares: Shares, seed: int) -> dict[str, int]:
    """Records per file of what is held out: labelled texts and questions."""
    everything = [document for share in shares.values() for document in share]
    return {
        GOOD: write_lines(folder / GOOD, map(json_line, good_rows(shares["good"]))),
        BAD: write_lines(folder / BAD, map(json_line, bad_rows(everything, seed))),
        QUESTIONS: write_lines(folder / QUESTIONS, map(json_line, questions())),
    }
