"""Text that every machine with Python carries: docstrings, language reference, READMEs, licences and source code.

Nothing is imported for its text and nothing is downloaded: docstrings are read from source files with `ast`, the rest
from the metadata of installed distributions. Pages that need an import are made in `demo_pydoc`.
"""

import ast
import importlib.util
import inspect
import re
import tokenize
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackagePath, distributions
from pathlib import Path

from udfs.hashing import keyed_uint64

MIN_DOCUMENT_WORDS = 25
MIN_PARAGRAPH_WORDS = 8
MAX_SOURCE_BYTES = 40_000
FILES_PER_PACKAGE = 20
DOCUMENTS_PER_PACKAGE = 40
LICENCES_PER_PACKAGE = 6
LICENCE_BYTES = range(300, 60_000)

NOT_PROSE = re.compile(r">>>|^[-=~^*#.]{3,}\s*$|^\s*[|+]|^\s*:\w|\A\s{3,}|</?[a-z]+[ >]|\]\(", re.MULTILINE)
LICENCE_NAME = re.compile(r"(licen[cs]e|notice|copying|authors)[^/]*$", re.IGNORECASE)
NO_DOCUMENTS = frozenset(
    {"test", "tests", "testing", "idle_test", "_vendor", "vendor", "vendored", "..", "__pycache__"}
)
CODE_SUFFIXES = frozenset({".py", ".pyc", ".js", ".json", ".html", ".so"})

SourceFile = tuple[str, Path]
"""The name of a module, and the file it is read from."""


@dataclass(frozen=True)
class Document:
    """Prose under one name ("json.decoder.JSONDecoder"), one line a paragraph, and the package it came with."""

    name: str
    package: str
    paragraphs: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.paragraphs)

    @property
    def n_words(self) -> int:
        return len(self.text.split())


@dataclass(frozen=True)
class Package:
    """An installed distribution: its name in lower case with dashes, one-line summary, README and media type."""

    name: str
    summary: str
    readme: str
    readme_type: str
    files: tuple[PackagePath, ...]


def installed_packages(limit: int | None = None) -> list[Package]:
    """At most `limit` installed distributions in name order, without this project: its text changes with its code."""
    named = {_normal_name(found): found for found in reversed([*distributions()])}  # the first on the path counts
    return [_package(name, named[name]) for name in sorted(named) if name != "gristmill"][:limit]


def _normal_name(distribution: Distribution) -> str:
    """The name in the form of PEP 503; a damaged distribution without a name goes under "unknown"."""
    return re.sub(r"[-_.]+", "-", distribution.name or "unknown").lower()


def _package(name: str, distribution: Distribution) -> Package:
    fields = distribution.metadata.json
    described = (str(fields.get(key) or "") for key in ("summary", "description", "description_content_type"))
    return Package(name, *described, files=tuple(sorted(distribution.files or ())))


def library_files(modules: Iterable[str]) -> list[SourceFile]:
    """The files of these modules of the standard library and of their submodules, in name order."""
    roots = sorted({name.partition(".")[0] for name in modules})
    return [(_module_name(file, folder), file) for root in roots for folder, file in _source_files(root)]


def _source_files(root: str) -> Iterator[tuple[Path, Path]]:
    """(folder the module's name starts from, file) of a top-level module; nothing for one that is compiled in."""
    spec = importlib.util.find_spec(root)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return
    file = Path(spec.origin)
    if not spec.submodule_search_locations:
        yield file.parent, file
        return
    for found in sorted(file.parent.rglob("*.py")):
        if not NO_DOCUMENTS & set(found.relative_to(file.parent).parts):
            yield file.parent.parent, found


def _module_name(file: Path | PackagePath, folder: Path | str = "") -> str:
    return ".".join(file.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")


def read_source(file: Path) -> str:
    """Python source in the encoding that it declares."""
    with tokenize.open(file) as stream:
        return stream.read()


def documents_in(source: str, module: str, package: str) -> list[Document]:
    """A document for the module and its functions, and one for each class and its methods, if they hold enough prose.

    Raises SyntaxError or ValueError where `source` is not Python of this version.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old escapes in other people's strings
        tree = ast.parse(source)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    groups = [(module, _documented(tree)), *((f"{module}.{node.name}", _documented(node)) for node in classes)]
    found = {name: Document(name, package, tuple(dict.fromkeys(paragraphs))) for name, paragraphs in groups}
    return [document for document in found.values() if document.n_words >= MIN_DOCUMENT_WORDS]


def _documented(node: ast.Module | ast.ClassDef) -> Iterator[str]:
    """Paragraphs of the docstrings of `node` and of the functions directly in it."""
    functions = (child for child in node.body if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef))
    for documented in (node, *functions):
        yield from prose(ast.get_docstring(documented) or "")


def prose(text: str) -> list[str]:
    """The paragraphs of `text`, each on one line, without examples, tables, headings, tags, links and short lines."""
    blocks = re.split(r"\n\s*\n", inspect.cleandoc(text))
    lines = (" ".join(block.split()) for block in blocks if not NOT_PROSE.search(block))
    return [line for line in lines if len(line.split()) >= MIN_PARAGRAPH_WORDS]


def reference_topics() -> list[Document]:
    """The chapters of Python's language reference that `help()` shows; none where Python came without them."""
    try:
        from pydoc_data.topics import topics
    except ImportError:
        return []
    return [Document(f"reference.{name}", "python", tuple(prose(text))) for name, text in sorted(topics.items())]


def package_files(package: Package, seed: int) -> list[SourceFile]:
    """The files of a few modules of a package, drawn by a hash of their paths."""
    modules = [file for file in package.files if file.suffix == ".py" and not NO_DOCUMENTS & set(file.parts)]
    drawn = sorted(modules, key=lambda file: keyed_uint64(seed, str(file)))
    existing = ((_module_name(file), Path(str(file.locate()))) for file in drawn)
    readable = [(name, file) for name, file in existing if file.is_file() and file.stat().st_size <= MAX_SOURCE_BYTES]
    return readable[:FILES_PER_PACKAGE]


def licences(package: Package) -> list[tuple[str, str]]:
    """(path, text) of the licence and notice files of a package: the first few that are neither empty nor huge."""
    named = [file for file in package.files if LICENCE_NAME.search(str(file)) and file.suffix not in CODE_SUFFIXES]
    existing = ((str(file), Path(str(file.locate()))) for file in named)
    sized = [(name, file) for name, file in existing if file.is_file() and file.stat().st_size in LICENCE_BYTES]
    return [(name, file.read_text(encoding="utf-8", errors="replace")) for name, file in sized[:LICENCES_PER_PACKAGE]]
