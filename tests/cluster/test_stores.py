"""Files on HDFS and in S3, as on a disk: there whole or not at all, and made by one of two."""

import os

import pytest
from applications import HDFS

from pipelines import lock
from pipelines.lock import exclusive
from pipelines.run import Run
from udfs import files
from udfs.errors import BusyError

pytestmark = pytest.mark.cluster
LONG = b"more than one piece of an upload " * (files.CHUNK_BYTES // 16)


@pytest.fixture(params=[HDFS, "s3a://gristmill"], ids=["hdfs", "s3"])
def folder(request: pytest.FixtureRequest) -> str:
    fs, root = files.locate(request.param)
    fs.makedirs(root, exist_ok=True)
    return f"{request.param}/stores/{os.getpid()}"


def names(folder: str) -> list[str]:
    fs, path = files.locate(folder)
    return sorted(os.path.basename(found) for found in fs.ls(path, detail=False))


def test_a_file_is_not_there_before_it_is_whole(folder: str):
    with files.publish(f"{folder}/whole/file") as writer:
        writer.write(LONG)
        assert not files.exists(f"{folder}/whole/file")
    assert files.read_bytes(f"{folder}/whole/file") == LONG
    assert files.fingerprint(f"{folder}/whole/file").sha256 == writer.sha256
    assert names(f"{folder}/whole") == ["file"]


@pytest.mark.parametrize("half", [b"half", LONG], ids=["short", "long"])
def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(folder: str, half: bytes):
    files.write_bytes(f"{folder}/{len(half)}/file", b"old")
    with pytest.raises(RuntimeError), files.publish(f"{folder}/{len(half)}/file") as writer:  # noqa: PT012
        writer.write(half)
        raise RuntimeError
    assert files.read_bytes(f"{folder}/{len(half)}/file") == b"old"
    assert names(f"{folder}/{len(half)}") == ["file"]


def test_of_two_that_create_a_file_the_second_is_told(folder: str):
    files.create(f"{folder}/created", b"first")
    with pytest.raises(FileExistsError):
        files.create(f"{folder}/created", b"second")
    assert files.read_bytes(f"{folder}/created") == b"first"


def test_a_second_command_is_refused_while_the_first_is_alive(folder: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lock, "BEAT", 0.5)
    run = Run(f"{folder}/run")
    with exclusive(run, "gristmill run"), pytest.raises(BusyError, match="gristmill run"), exclusive(run, "other"):
        pass
    with exclusive(run, "other"):
        pass
    assert not files.exists(run.path("runs", ".lock"))
