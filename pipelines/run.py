"""A run directory: what each stage has committed.

`runs/<stage>.json` is the one commit point of a stage: it names every file of every table the stage wrote, with size,
SHA-256 and row digest, and it is replaced in one atomic step. Readers open it, never a directory listing; files that
no record names are leftovers of a killed run and are deleted by the next commit.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from udfs import files
from udfs.digest import add_digests
from udfs.errors import ContractError, InputError
from udfs.parts import PartFile
from udfs.shards import check_path

Json = dict[str, Any]
MAX_NAME_BYTES = 255


@dataclass(frozen=True)
class Table:
    """One committed output of a stage: a folder relative to the run directory, and its files in order."""

    name: str
    files: tuple[PartFile, ...]

    @property
    def n_rows(self) -> int:
        return sum(file.n_rows for file in self.files)

    @property
    def n_bytes(self) -> int:
        return sum(file.n_bytes for file in self.files)

    @property
    def digest(self) -> str:
        """Digest of the rows, whatever their order and files."""
        return add_digests([file.digest for file in self.files])


@dataclass(frozen=True)
class Committed:
    """What a stage last finished: `key` digests all that its result depends on (`identity`)."""

    key: str
    identity: Json
    tables: dict[str, Table]
    counts: Json
    fingerprints: Json = field(default_factory=dict)
    seconds: float = 0.0


class Run:
    """The directory of a run, on any file system that fsspec knows."""

    def __init__(self, root: str) -> None:
        self.root = root

    def path(self, *names: str) -> str:
        return files.join(self.root, *names)

    def record(self, stage: str) -> Json | None:
        """The content of runs/<stage>.json; None when the stage has never run. Raises ContractError when unreadable."""
        try:
            return json.loads(files.read_bytes(self._record_uri(stage)))
        except InputError:
            return None
        except (ValueError, RecursionError) as error:
            raise self._unreadable(stage, error) from error

    def committed(self, stage: str) -> Committed | None:
        """What the stage last finished; None when it has never. Raises ContractError when its record is unreadable."""
        record = self.record(stage)
        try:
            return _from_json(record["committed"]) if record and record["committed"] else None
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise self._unreadable(stage, error) from error

    def _record_uri(self, stage: str) -> str:
        return self.path("runs", f"{stage}.json")

    def _unreadable(self, stage: str, error: Exception) -> ContractError:
        problem = f"{type(error).__name__}: {error}"
        reason = f"{self._record_uri(stage)}: is not a run record ({problem})"
        return ContractError(reason, "delete it to run the stage again")

    def write_record(self, stage: str, record: Json) -> None:
        data = json.dumps(record, indent=1, ensure_ascii=False).encode("utf-8", "surrogateescape")
        files.write_bytes(self._record_uri(stage), data)

    def missing_file(self, committed: Committed) -> str | None:
        """The first file of a committed stage that is gone or has another size; None when all are in place."""
        for table in committed.tables.values():
            for file in table.files:
                if files.size(self.path(table.name, file.path)) != file.n_bytes:
                    return files.join(table.name, file.path)
        return None

    def delete_leftovers(self, stage: str, tables: Iterable[Table]) -> None:
        """Delete what stands in the tables' folders and is not of this version of them, and halves of the record."""
        fs, folder = files.locate(self.path("runs"))
        for path in fs.ls(folder, detail=False):
            if os.path.basename(path).startswith(f"_{stage}.json."):
                fs.rm(path)
        for table in tables:
            self._delete_unnamed(table)

    def _delete_unnamed(self, table: Table) -> None:
        named = {file.path for file in table.files}
        fs, folder = files.locate(self.path(table.name))
        if not fs.exists(folder):
            return
        for scratch in [path for path in fs.ls(folder, detail=False) if os.path.basename(path).startswith("_")]:
            fs.rm(scratch, recursive=True)
        for path in fs.find(folder):
            relative = path.removeprefix(folder.rstrip("/") + "/")
            if relative not in named:
                fs.rm(path)


def _from_json(content: Json) -> Committed:
    tables = {
        check_path(name): Table(name, tuple(_file(file) for file in table["files"]))
        for name, table in content["tables"].items()
    }
    return Committed(**{**content, "tables": tables})


def _file(content: Json) -> PartFile:
    """A file of a table, if its path is certain to stay below the table's folder."""
    file = PartFile(**content)
    names = file.path.split("/")
    is_named = all(name and len(name.encode("utf-8", "surrogateescape")) <= MAX_NAME_BYTES for name in names)
    if not is_named or ".." in names or "\0" in file.path:
        raise ValueError(f"the path of a file is {file.path!r:.200}")
    return file


def to_json(committed: Committed) -> Json:
    content = asdict(committed)
    content["tables"] = {
        name: {
            "n_rows": table.n_rows,
            "n_bytes": table.n_bytes,
            "digest": table.digest,
            "files": [asdict(f) for f in table.files],
        }
        for name, table in committed.tables.items()
    }
    return content
