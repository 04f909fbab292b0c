"""Mutated files that are no pages: rows, indexes of shards, manifests, records of runs, settings; see fuzz_pages."""

import io
import json
import random
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from mutations import check, mutate
from tiny_corpus import C4, chinese, english, json_lines

from conf.load import SettingsError, load_settings
from jobs.settings import Settings
from pipelines.run import Run
from trainer.settings import Settings as TrainerSettings
from udfs import megatron_index
from udfs.errors import GristmillError
from udfs.readers import read
from udfs.records import Record, Skipped
from udfs.shards import Manifest, Shard, Tokenizer, read_manifest, write_manifest

ROOT = Path(__file__).resolve().parents[2]


def jsonl(rng: random.Random) -> int:
    """Each line that is not blank has one outcome, in order."""
    words = (b'{"text": ', b'"', b"}", b"\n", b"[", b"null", b"\\ud800", b"\\u0000", b"[" * 2000, b'{"a":' * 500)
    data = mutate(rng, json_lines(list(C4.values())[-8:]), words, 8)
    outcomes = list(read("jsonl", io.BytesIO(data)))
    if data[:2] == b"\x1f\x8b" or data[:4] == b"\x28\xb5\x2f\xfd":
        return 1
    check([one.ordinal for one in outcomes] == list(range(len(outcomes))), data)
    check(len(outcomes) == sum(bool(line.strip()) for line in data.split(b"\n")), (len(outcomes), data))
    return 1


@cache
def parquet_file() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": ["a", "b"], "text": [english(1, 1), chinese(1, 2)]}), sink)
    return sink.getvalue()


def parquet(rng: random.Random) -> int:
    """Damage, or rows whose texts can be written."""
    outcomes = list(read("parquet", io.BytesIO(mutate(rng, parquet_file(), (), 3))))
    check([one.ordinal for one in outcomes] == list(range(len(outcomes))), outcomes)
    check(not any(isinstance(one, Skipped) for one in outcomes), outcomes)
    for one in outcomes:
        if isinstance(one, Record):
            (one.text or "").encode()
    return 1


def idx(rng: random.Random) -> int:
    """What is taken for an index is one: it makes the same bytes again."""
    lengths = np.array([rng.randint(1, 300) for _ in range(rng.randint(1, 6))], np.int32)
    for _ in range(20):
        data = megatron_index.to_bytes(lengths, megatron_index.token_dtype(rng.choice((300, 100_000))))
        damaged = mutate(rng, data, (b"MMIDIDX\0\0", b"\xff" * 8, b"\0" * 8, b"\x7f" + b"\xff" * 7), 3)
        try:
            found = megatron_index.from_bytes(damaged, "x.idx")
        except GristmillError:
            continue
        check(megatron_index.to_bytes(found.lengths, found.dtype) == damaged, damaged)
    return 20


@cache
def scratch() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="gristmill-fuzz-"))
    (folder / "runs").mkdir()
    return folder


@cache
def manifest() -> bytes:
    files = {"bin": 14, "idx": 90, "docs": 9}
    shard = Shard("train/web/a", 7, 2, 20, files, dict.fromkeys(files, "0" * 64), 1, 258)
    tokenizer = Tokenizer("0" * 64, 300, 1, 2, None)
    write_manifest(
        str(scratch()), Manifest("pretrain", "ids EOS", tokenizer, {"seed": 1}, {}, {"train": {"web": [shard]}})
    )
    return (scratch() / "manifest.json").read_bytes()


RECORD = {
    "stage": "ingest", "exit_code": 0, "reason": "", "hint": "", "command": "x", "started": "", "seconds": 1.0,
    "committed": {"key": "k", "identity": {"tables": {}}, "counts": {}, "fingerprints": {}, "seconds": 0.1, "tables": {
        "documents": {"n_rows": 1, "n_bytes": 2, "digest": "0" * 32, "files": [
            {"path": "part-00000-0.parquet", "n_rows": 1, "n_bytes": 2, "sha256": "0" * 64, "digest": "0" * 32}]}}},
}  # fmt: skip
JSON = (b"null", b"[]", b"{}", b'"x"', b"-1", b"1e400", b"true", b",", b":", b"{", b"}", b"[" * 3000, b"..", b"\\u0000")


def read_only_gristmill_errors(reading: Callable[[], object]) -> None:
    try:
        reading()
    except GristmillError as error:
        check(bool(error.reason), error)


def manifests(rng: random.Random) -> int:
    (scratch() / "manifest.json").write_bytes(mutate(rng, manifest(), JSON, 3))
    read_only_gristmill_errors(lambda: read_manifest(str(scratch())))
    return 1


def run_records(rng: random.Random) -> int:
    (scratch() / "runs" / "ingest.json").write_bytes(mutate(rng, json.dumps(RECORD).encode(), JSON, 3))
    run = Run(str(scratch()))

    def reading() -> None:
        if committed := run.committed("ingest"):
            run.missing_file(committed)

    read_only_gristmill_errors(reading)
    return 1


YAML = (
    *(
        b"\n",
        b": ",
        b"- ",
        b"  ",
        b"&a ",
        b"*a",
        b"<<: *a",
        b"!!python/object:os.system ",
        b"{",
        b"}",
        b"[",
        b"]",
        b"null",
    ),
    *(
        b"recipe: fineweb\n",
        b"inputs: [x.jsonl]\n",
        b"|\n",
        b"2024-01-01",
        b".inf",
        b"1_000",
        b"? ",
        b"#",
        b"---\n",
        b"'",
    ),
)


@cache
def settings_files() -> list[tuple[bytes, type]]:
    found = [(path.read_bytes(), path.name) for path in sorted((ROOT / "conf").glob("*.yaml"))]
    return [(data, TrainerSettings if name.startswith("train") else Settings) for data, name in found]


def settings(rng: random.Random) -> int:
    data, model = rng.choice(settings_files())
    (scratch() / "settings.yaml").write_bytes(mutate(rng, data, YAML, 4))
    overrides = [
        mutate(rng, b"filter.bounds.gopher.word_count.min=5", (*YAML, b"=", b"."), 3).decode("utf-8", "replace")
    ]
    try:
        load_settings(str(scratch() / "settings.yaml"), overrides[: rng.randrange(2)], model)
    except (SettingsError, GristmillError) as error:
        check(bool(str(error)), data)
    return 1
