"""Where input comes from: the lines of settings that name it, and the files they stand for.

A path keeps only its part below the root of its source (the folder before the first wildcard), so the same corpus on
another file system gives the same ids.
"""

import re
from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, StringConstraints

from conf.model import Model
from udfs import files
from udfs.crawl_index import Selection
from udfs.errors import InputError, UsageError
from udfs.inputs import InputFile
from udfs.readers import Kind, guess_kind

WILDCARD = re.compile(r"[*?\[]")
DUMP = re.compile(r"CC-MAIN-\d{4}-\d{2}")
SourceName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


class SelectSettings(Model):
    """Which records of an index to read; an empty list chooses all."""

    places: ClassVar[frozenset[str]] = frozenset({"root"})

    root: str = ""
    """Folder below which the WARC files stand that the index names, such as s3://commoncrawl; empty for paths as they
    are."""
    domains: tuple[str, ...] = ()
    """Domains and hosts, each with all hosts below it."""
    languages: tuple[str, ...] = ()
    """ISO-639-3 codes, as the index has them; the first language of a page decides."""
    statuses: tuple[int, ...] = ()
    """HTTP statuses."""
    media_types: tuple[str, ...] = ()
    """Media types, as detected by the crawler."""


class InputSpec(Model):
    """One source: where its files are and how to read them."""

    places: ClassVar[frozenset[str]] = frozenset({"paths"})

    paths: list[str]
    """Files, folders or globs, on any file system."""
    kind: Kind | None = None
    """How to read them; null guesses from each file's name."""
    source: SourceName | None = None
    """Name of the source in tables and shards; null takes it from the path."""
    dump: str | None = None
    """Name of the crawl; null looks for CC-MAIN-YYYY-WW in the path."""
    fields: dict[Literal["text", "id", "url", "date", "set"], str] = {}
    """Where a JSON or Parquet row keeps its fields, as dotted paths; others are looked for under their usual names."""
    select: SelectSettings = SelectSettings()
    """For kind `index`, Common Crawl's index as Parquet or CDXJ: the records to read of those it names."""


def _as_spec(value: object) -> object:
    return {"paths": [value]} if isinstance(value, str) else value


Inputs = list[Annotated[InputSpec, BeforeValidator(_as_spec, json_schema_input_type=str | InputSpec)]]


def expand(inputs: Iterable[InputSpec]) -> list[InputFile]:
    """Every file of every source, by name. Raises InputError for a path without files, UsageError for a kind that
    cannot be guessed or two files of one name."""
    found: dict[str, InputFile] = {}
    for spec in inputs:
        for path in spec.paths:
            for file in _expand_path(spec, path):
                other = found.setdefault(file.name, file)
                if other.uri != file.uri:
                    reason = f"{file.uri} and {other.uri} would both be {file.name!r}"
                    raise UsageError(reason, "give the two inputs different names with `source:`")
    return [found[name] for name in sorted(found)]


def _expand_path(spec: InputSpec, path: str) -> list[InputFile]:
    fs, local = files.locate(path)
    if WILDCARD.search(local):
        root = WILDCARD.split(local)[0].rpartition("/")[0]
        matches = [match for match in fs.glob(local) if fs.isfile(match)]
    elif fs.isdir(local):
        root = local.rstrip("/")
        matches = [match for match in fs.find(local) if not _is_hidden(match.removeprefix(root))]
    else:
        root, matches = local.rpartition("/")[0], [local] if fs.exists(local) else []
    if not matches:
        raise InputError(f"inputs: {path}: no such file, or nothing matches", "correct `inputs` in the settings")
    one_file = matches == [local]
    name = spec.source or _source_name(local.rpartition("/")[2].split(".")[0] if one_file else root.rpartition("/")[2])
    remote = not files.is_local(fs)
    return [
        _input_file(
            spec, str(fs.unstrip_protocol(match)) if remote else match, match.removeprefix(root).lstrip("/"), name
        )
        for match in map(str, matches)
    ]


def _is_hidden(relative: str) -> bool:
    return any(name.startswith((".", "_")) for name in relative.strip("/").split("/"))


def _input_file(spec: InputSpec, uri: str, path: str, source: str) -> InputFile:
    if path.encode(errors="replace") != path.encode(errors="surrogateescape"):
        raise UsageError(f"{uri!r}: the name of this file is not UTF-8", "rename it")
    kind = spec.kind or guess_kind(path)
    if kind is None:
        hint = "name it in the settings: inputs: [{paths: [...], kind: warc|wet|jsonl|parquet|index}]"
        raise UsageError(f"{uri}: the name does not say what kind of file this is", hint)
    found = DUMP.search(uri)
    dump, select = spec.dump or (found[0] if found else None), Selection(**spec.select.model_dump())
    return InputFile(uri, path, source, kind, dump, {**spec.fields}, select=select)


def _source_name(name: str) -> str:
    """Name of a source that the settings do not name: its file's name up to the first dot, or its folder's."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-") or "input"
