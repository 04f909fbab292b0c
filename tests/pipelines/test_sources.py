"""Paths of the settings to input files: the same names wherever the corpus stands."""

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from pipelines.sources import Inputs, expand
from udfs.errors import InputError, UsageError


@pytest.fixture(params=["here", "there/deeper"])
def corpus(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The same small tree, under one root or another."""
    root = tmp_path / request.param
    for name in (
        "crawl/CC-MAIN-2024-10/a.warc.gz",
        "crawl/CC-MAIN-2024-18/a.warc.gz",
        "crawl/CC-MAIN-2024-18/.hidden/b.warc.gz",
        "crawl/_temporary/c.warc.gz",
        "c4/en/c4-train.00000-of-00001.json.gz",
        "notes.txt",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def found(*inputs: Any) -> list[tuple[str, str, str | None]]:
    """(name, kind, dump) of every file."""
    return [(file.name, file.kind, file.dump) for file in expand(TypeAdapter(Inputs).validate_python(list(inputs)))]


def test_a_glob_keeps_the_path_below_its_first_wildcard(corpus: Path):
    assert found(f"{corpus}/crawl/CC-*/*.warc.gz") == [
        ("crawl/CC-MAIN-2024-10/a.warc.gz", "warc", "CC-MAIN-2024-10"),
        ("crawl/CC-MAIN-2024-18/a.warc.gz", "warc", "CC-MAIN-2024-18"),
    ]


def test_a_folder_gives_what_is_not_hidden(corpus: Path):
    assert found(f"{corpus}/crawl") == found(f"{corpus}/crawl/") == found(f"{corpus}/crawl/CC-*/*.warc.gz")


def test_a_file_is_its_own_source_and_its_name_the_path(corpus: Path):
    assert found(f"{corpus}/c4/en/c4-train.00000-of-00001.json.gz") == [
        ("c4-train/c4-train.00000-of-00001.json.gz", "jsonl", None)
    ]


def test_source_dump_and_kind_can_be_given(corpus: Path):
    assert found({"paths": [f"{corpus}/notes.txt"], "kind": "jsonl", "source": "mine", "dump": "2024"}) == [
        ("mine/notes.txt", "jsonl", "2024")
    ]


def test_files_come_by_name_whatever_the_order_of_the_settings(corpus: Path):
    inputs = [f"{corpus}/crawl", {"paths": [f"{corpus}/c4"], "source": "a"}]
    assert found(*inputs) == found(*reversed(inputs))


def test_a_file_named_twice_is_read_once(corpus: Path):
    assert len(found(f"{corpus}/crawl", f"{corpus}/crawl/*/a.warc.gz")) == 2


def test_two_files_of_one_name_are_refused(corpus: Path):
    with pytest.raises(UsageError, match=r"would both be 'x/a\.warc\.gz'"):
        found({"paths": [f"{corpus}/crawl/CC-MAIN-2024-{week}/a.warc.gz" for week in (10, 18)], "source": "x"})


@pytest.mark.parametrize("path", ["nothing.jsonl", "nothing/*.jsonl", "crawl/_temporary/*.jsonl"])
def test_a_path_without_files_is_named(corpus: Path, path: str):
    with pytest.raises(InputError, match="no such file, or nothing matches"):
        found(f"{corpus}/{path}")


@pytest.mark.parametrize("source", ["../up", "a/b", "", ".hidden", "a b"])
def test_a_source_cannot_lead_out_of_its_folder(corpus: Path, source: str):
    with pytest.raises(ValueError, match="source"):
        found({"paths": [f"{corpus}/c4"], "source": source})


def test_a_path_may_hold_anything_that_a_file_name_may(tmp_path: Path):
    name = "with space, ünïcode & 'quotes'.jsonl"
    (tmp_path / "odd #1").mkdir()
    (tmp_path / "odd #1" / name).touch()
    assert found(f"{tmp_path}/odd #1") == [(f"odd-1/{name}", "jsonl", None)]


def test_a_name_that_is_not_utf_8_is_refused(tmp_path: Path):
    """It could stand in no table."""
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff.jsonl")).touch()
    with pytest.raises(UsageError, match=r"a\\udcff\.jsonl.* is not UTF-8"):
        found(str(tmp_path))
