"""Shards read by their documented layout alone: numpy, struct, sha256sum, and the SentencePiece model beside them."""

import json
import shutil
import struct
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import sentencepiece
from tiny_corpus import Command, TinyRun

from udfs.hashing import keyed_uint64

SEED = 7


def read_shard(prefix: Path) -> list[list[int]]:
    """The ids of each document, by docs/shards.md."""
    index = Path(f"{prefix}.idx").read_bytes()
    magic, version, dtype, n_documents, n_bounds = struct.unpack("<9sQBQQ", index[:34])
    assert (magic, version, dtype, n_bounds) == (b"MMIDIDX\0\0", 1, 8, n_documents + 1)
    lengths = struct.unpack_from(f"<{n_documents}i", index, 34)
    starts = struct.unpack_from(f"<{n_documents}q", index, 34 + 4 * n_documents)
    bounds = struct.unpack_from(f"<{n_bounds}q", index, 34 + 12 * n_documents)
    assert bounds == tuple(range(n_bounds))
    assert len(index) == 34 + 20 * n_documents + 8
    tokens = np.memmap(f"{prefix}.bin", np.dtype("<u2"), "r")
    assert sum(lengths) == len(tokens)
    return [tokens[start // 2 : start // 2 + n].tolist() for start, n in zip(starts, lengths, strict=True)]


def shards_of(root: Path) -> dict[str, list[dict]]:
    """prefix -> rows of docs with their ids, of every shard of the manifest."""
    manifest = json.loads((root / "shards/manifest.json").read_text())
    found = {}
    for sources in manifest["splits"].values():
        for shard in (shard for shards in sources.values() for shard in shards):
            prefix = root / "shards" / shard["path"]
            docs = pq.read_table(f"{prefix}.docs.parquet").to_pylist()
            documents = read_shard(prefix)
            found[shard["path"]] = [row | {"ids": ids} for row, ids in zip(docs, documents, strict=True)]
    return found


@pytest.fixture(scope="module")
def packed(tiny_run: TinyRun) -> list[dict]:
    """Every document of every shard."""
    return [row for rows in shards_of(tiny_run.root).values() for row in rows]


def test_sha256sum_finds_every_file_as_it_was_written(tiny_run: TinyRun):
    checked = subprocess.run(
        ["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=tiny_run.root / "shards", capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout
    on_disk = {path for path in (tiny_run.root / "shards").rglob("*") if path.is_file()}
    assert checked.stdout.count(": OK") == len(on_disk) - 1


def test_decoded_documents_are_the_text_of_clean(tiny_run: TinyRun, packed: list[dict]):
    model = sentencepiece.SentencePieceProcessor(model_file=str(tiny_run.root / "shards/tokenizer/tokenizer.model"))
    texts = {row["id"]: row["text"] for row in tiny_run.rows("clean")}
    for row in packed:
        assert (row["ids"][0], row["ids"][-1]) == (model.bos_id(), model.eos_id())
        assert model.decode(row["ids"][1:-1]) == texts[row["doc_id"]].replace("\u2581", " ")


def test_every_kept_document_is_packed_once_and_every_token_is_of_one(tiny_run: TinyRun, packed: list[dict]):
    assert Counter(row["doc_id"] for row in packed) == Counter(row["id"] for row in tiny_run.rows("clean"))
    manifest = json.loads((tiny_run.root / "shards/manifest.json").read_text())
    assert (
        manifest["totals"]["n_tokens"] == sum(row["n_tokens"] for row in packed) == sum(len(r["ids"]) for r in packed)
    )
    assert manifest["totals"]["n_docs"] == len(packed)
    control = {manifest["tokenizer"][name] for name in ("bos", "eos", "pad")}
    assert not any(control & set(row["ids"][1:-1]) for row in packed)


def test_docs_describe_their_documents(tiny_run: TinyRun, packed: list[dict]):
    clean = {row["id"]: row for row in tiny_run.rows("clean")}
    for row in packed:
        one = clean[row["doc_id"]]
        assert (row["source"], row["url"], row["snapshot"]) == (one["source"], one["url"], one["dump"])
        assert (row["lang"], row["n_bytes"]) == (one["language"], len(one["text"].encode()))
        assert row["quality"] == pytest.approx(one["quality_score"], rel=1e-6)
        assert row["dup_cluster"] == int(one["cluster_id"], 16) >> 65


def in_order(rows: list[dict]) -> bool:
    places = [keyed_uint64(SEED, f"{row['doc_id']}/0") // 2 for row in rows]
    return places == sorted(places)


def test_documents_stand_in_the_order_drawn_from_seed_and_id(tiny_run: TinyRun):
    assert all(in_order(rows) for rows in shards_of(tiny_run.root).values())


def test_no_host_is_in_both_splits(tiny_run: TinyRun):
    hosts = {"train": set(), "val": set()}
    for path, rows in shards_of(tiny_run.root).items():
        split, source, _ = path.split("/")
        assert {row["source"] for row in rows} == {source}
        hosts[split] |= {row["url"].split("/")[2] if row["url"] else row["doc_id"] for row in rows}
    assert hosts["val"]
    assert not hosts["train"] & hosts["val"]


def test_several_shards_of_a_source_are_slices_of_one_order(tiny_run: TinyRun, gristmill: Command, tmp_path: Path):
    shutil.copytree(tiny_run.root, tmp_path / "run")
    changed = [f"--set=output={tmp_path}/run", "--set=pack.shard_bytes=1024", "--set=pack.val_share=0"]
    assert gristmill("pack", "--settings", tiny_run.settings, *changed).code == 0
    by_source: dict[str, list[dict]] = {}
    shards = shards_of(tmp_path / "run")
    for path in sorted(shards):
        by_source.setdefault(path.split("/")[1], []).extend(shards[path])
    assert sum(path.startswith("train/c4/") for path in shards) > 1
    assert all(in_order(rows) for rows in by_source.values())
    assert sum(map(len, by_source.values())) == len(tiny_run.rows("clean"))
