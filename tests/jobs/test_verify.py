"""`gristmill verify` passes a run as it was left, and names every file that has changed since."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tiny_corpus import Command, TinyRun


def test_a_run_as_it_was_left_passes(tiny_run: TinyRun, gristmill: Command):
    finished = gristmill("verify", tiny_run.root)
    assert finished.code == 0
    assert "FAILED" not in finished.out
    for table, digest in tiny_run.digests().items():
        assert any(line.split()[1] == digest and line.endswith(f"  {table}") for line in finished.out.splitlines())


@contextmanager
def replaced(file: Path, content: bytes) -> Iterator[None]:
    before = file.read_bytes()
    file.write_bytes(content)
    yield
    file.write_bytes(before)


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "pattern", ["clean/part-*", "ledger/dedup/part-*", "quality_model/weights.npy", "shards/train/c4/*.bin"]
)
def test_verify_finds_a_changed_byte_and_names_the_file(tiny_run: TinyRun, gristmill: Command, pattern: str):
    file = next(tiny_run.root.glob(pattern))
    with replaced(file, flipped(file.read_bytes())):
        finished = gristmill("verify", tiny_run.root)
    assert finished.code == 65
    assert str(file) in finished.err
    assert finished.out.count("FAILED") == 1


def test_verify_finds_a_cut_and_a_missing_shard(tiny_run: TinyRun, gristmill: Command):
    file = next(tiny_run.root.glob("shards/train/reference/*.bin"))
    with replaced(file, file.read_bytes()[:-2]):
        finished = gristmill("verify", tiny_run.root)
    assert (finished.code, str(file) in finished.err) == (65, True)
    content = file.read_bytes()
    file.unlink()
    finished = gristmill("verify", tiny_run.root)
    file.write_bytes(content)
    assert (finished.code, f"{file}: no such file" in finished.err) == (65, True)


def test_verify_of_what_is_no_run_says_so(gristmill: Command, tmp_path: Path):
    finished = gristmill("verify", tmp_path)
    assert finished.code == 66
    assert "holds no run" in finished.err
