"""What a result depends on besides input and settings: our sources, the interpreter, libraries that decide bytes."""

import contextlib
import functools
import hashlib
import importlib.metadata
import importlib.resources
import platform
from collections.abc import Iterator
from importlib.resources.abc import Traversable

PACKAGES = ("conf", "pipelines", "udfs")
LIBRARIES = (
    "fasttext-community",
    "great-expectations",
    "lxml",
    "numba",
    "numpy",
    "pyarrow",
    "pyspark",
    "sentencepiece",
    "trafilatura",
)
OPTIONAL = ("kenlm", "rjieba", "ufal.kenlm")
"""Libraries of extras, which count where they are installed."""
NOT_CODE = (".pyc", ".nbi", ".nbc", ".yaml", ".properties")  # caches; settings, which count by their values


@functools.cache
def code_version() -> dict[str, str]:
    """Digest of our sources, and the versions of Python and of the libraries."""
    versions = {name: importlib.metadata.version(name) for name in LIBRARIES}
    for name in OPTIONAL:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return {"sources": sources_digest(PACKAGES), "python": ".".join(platform.python_version_tuple()[:2]), **versions}


@functools.cache
def sources_digest(packages: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for package in packages:
        for name, content in sorted(_sources(importlib.resources.files(package), package)):
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _sources(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for item in folder.iterdir():
        if item.is_dir():
            yield from _sources(item, f"{prefix}/{item.name}")
        elif not item.name.endswith(NOT_CODE):
            yield f"{prefix}/{item.name}", item.read_bytes()
