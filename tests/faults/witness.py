"""What a reader of a run may see: while somebody writes, after a fault, and when all is done."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

IN_PLACE = ("quality_model", "tokenizer", "shards", "validation", "report")
"""Outputs whose files keep their names from one version to the next; shards are vouched for by their own manifest."""
ENDS = ("quarantine", "ledger/ingest", "ledger/filter", "ledger/dedup", "ledger/decontaminate", "clean")


KNOWN: dict[tuple[int, int, int], str] = {}
"""SHA-256 of files read before, by inode, time of change and size."""


def sha256_of(path: Path) -> str:
    found = path.stat()
    key = found.st_ino, found.st_mtime_ns, found.st_size
    if key not in KNOWN:
        KNOWN[key] = hashlib.sha256(path.read_bytes()).hexdigest()
    return KNOWN[key]


def records(root: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted((root / "runs").glob("*.json")):
        yield path.stem, json.loads(path.read_text())


def look(root: Path) -> None:
    """Fails where a record cannot be read, or names a file that is not there whole."""
    for stage, record in records(root):
        for name, table in (record["committed"] or {"tables": {}})["tables"].items():
            if name.partition("/")[0] not in IN_PLACE:
                for file in table["files"]:
                    path = root / name / file["path"]
                    assert path.exists(), f"{stage} names {name}/{file['path']}, which is not there"
                    assert sha256_of(path) == file["sha256"], f"{path} is not what the record of {stage} says"
    look_at_shards(root / "shards")


def look_at_shards(folder: Path) -> None:
    """Where there is a manifest, every file of every shard is there whole."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
    except FileNotFoundError:
        return
    for sources in manifest["splits"].values():
        for shard in (shard for shards in sources.values() for shard in shards):
            for kind, sha256 in shard["sha256"].items():
                suffix = ".docs.parquet" if kind == "docs" else f".{kind}"
                assert sha256_of(folder / f"{shard['path']}{suffix}") == sha256


class Poller:
    """Looks at a run that another process writes. A file may go between the look at its record and the look at it, once
    a newer record no longer names it; a second look at an unchanged set of records does not forgive."""

    def __init__(self, root: Path) -> None:
        self._root, self.looks = root, 0

    def poll(self) -> None:
        while True:
            before = dict(records(self._root))
            try:
                look(self._root)
            except (AssertionError, FileNotFoundError):
                if dict(records(self._root)) == before and not self._shards_are_changing():
                    raise
                continue
            self.looks += 1
            return

    def _shards_are_changing(self) -> bool:
        return (self._root / "shards").exists() and not (self._root / "shards" / "manifest.json").exists()


def tree(root: Path) -> dict[str, str]:
    """Every file of a run's tables: path -> SHA-256."""
    paths = (path for path in sorted(root.rglob("*")) if path.is_file() and path.parent not in (root, root / "runs"))
    return {str(path.relative_to(root)): sha256_of(path) for path in paths}


def check_finished(root: Path, expected: dict[str, str]) -> None:
    """Fails unless the run holds the expected files and no other, all named by records that say 0, and its counts
    add up."""
    look(root)
    found = tree(root)
    assert found == expected, sorted(found.items() ^ expected.items())
    named = set()
    for stage, record in records(root):
        assert record["exit_code"] == 0, f"{stage}: {record['reason']}"
        for name, table in record["committed"]["tables"].items():
            named |= {f"{name}/{file['path']}" for file in table["files"]}
    assert named == set(found)
    aside = [path.name for path in (root / "runs").iterdir() if path.suffix != ".json" and path.name != ".lock"]
    assert not aside, f"left in runs/: {aside}"
    check_conservation(root)


def check_conservation(root: Path) -> None:
    """Fails unless each record of the input ended in one place."""
    counted = dict(records(root))["ingest"]["committed"]["counts"]["files"]
    n_records = sum(file["records"] - sum(file["skipped"].values()) for file in counted)
    ends = Counter(id_ for table in ENDS for id_ in ids(root / table))
    assert ends.total() == len(ends) == n_records


def ids(folder: Path) -> list[str]:
    return [
        id_ for part in folder.glob("part-*.parquet") for id_ in pq.ParquetFile(part).read(["id"])["id"].to_pylist()
    ]
