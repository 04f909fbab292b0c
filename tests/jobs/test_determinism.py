"""One core or two, few partitions or many: the same tables, model, tokenizer and shards; and damage is found."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tiny_corpus import PART_BYTES, Command, TinyRun

ONE_CORE = "spark={spark.master: 'local[1]', spark.sql.shuffle.partitions: 5, spark.driver.memory: 2g}"
PROGRAM = """if True:
    import sys, pipelines.ingest
    pipelines.ingest.MIN_PART_BYTES = int(sys.argv.pop(1))
    from jobs.__main__ import entry
    entry()"""


@pytest.fixture(scope="module")
def one_core(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    """The chain up to the shards in a process of its own: one core, other partitions, time zone, locale, hash seed."""
    root = tmp_path_factory.mktemp("one_core") / "run"
    environment = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C", "LANG": "C"}
    command = [sys.executable, "-c", PROGRAM, str(PART_BYTES), "run", "--until", "pack"]
    changes = [f"--settings={tiny_run.settings}", f"--set=output={root}", f"--set={ONE_CORE}"]
    subprocess.run(command + changes, env=environment, check=True, capture_output=True)
    return TinyRun(tiny_run.corpus, root, tiny_run.settings, tiny_run.ids)


def test_tables_model_tokenizer_and_shards_are_the_same_on_one_core(tiny_run: TinyRun, one_core: TinyRun):
    expected = {table: digest for table, digest in tiny_run.digests().items() if table not in ("validation", "report")}
    assert one_core.digests() == expected


def test_shards_are_the_same_to_the_byte(tiny_run: TinyRun, one_core: TinyRun):
    contents = [
        {path.relative_to(run.root): path.read_bytes() for path in (run.root / "shards").rglob("*") if path.is_file()}
        for run in (tiny_run, one_core)
    ]
    assert contents[0] == contents[1]


def test_verify_passes_on_both(tiny_run: TinyRun, one_core: TinyRun, gristmill: Command):
    for run in (tiny_run, one_core):
        finished = gristmill("verify", run.root)
        assert finished.code == 0
        assert "FAILED" not in finished.out
    assert len(gristmill("verify", tiny_run.root).out.splitlines()) == len(tiny_run.digests())


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
    "pattern", ["clean/part-*", "ledger/stage=dedup/part-*", "quality_model/weights.npy", "shards/train/c4/*.bin"]
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
