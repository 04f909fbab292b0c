"""The shard format to the byte; writing, reading, verifying; manifests that lie."""

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs.errors import ContractError, InputError
from udfs.shards import (
    DOCS_SCHEMA,
    SUFFIXES,
    Manifest,
    Shard,
    ShardWriter,
    Tokenizer,
    check_path,
    open_shard,
    read_manifest,
    verify_shard,
    verify_tokenizer,
    write_manifest,
)

GOLDEN_BIN = bytes.fromhex("0100 0500 0200  0100 0201 0400 0200")
GOLDEN_IDX = bytes.fromhex(
    "4d4d494449445800 00"  # MMIDIDX\0\0
    "0100000000000000"  # version 1
    "08"  # uint16
    "0200000000000000 0300000000000000"  # 2 documents, 3 bounds
    "03000000 04000000"  # lengths in tokens
    "0000000000000000 0600000000000000"  # starts in bytes
    "0000000000000000 0100000000000000 0200000000000000"
)
DOCUMENTS = [[1, 5, 2], [1, 258, 4, 2]]


def row(number: int, n_bytes: int = 10) -> dict[str, Any]:
    return {
        "doc_id": f"{number:032x}",
        "source": "web",
        "url": f"https://example.org/{number}",
        "snapshot": None,
        "n_bytes": n_bytes,
        "quality": 0.5,
        "lang": "en",
        "dup_cluster": None,
    }


def write_shard(folder: Path, documents: list[list[int]], name: str = "train/web/a", vocab_size: int = 300) -> Shard:
    with ShardWriter(str(folder), name, vocab_size) as writer:
        for number, ids in enumerate(documents):
            writer.write(np.array(ids), row(number))
    return writer.shard


def manifest_of(*shards: Shard, **changes: Any) -> Manifest:
    fields: dict[str, Any] = {
        "kind": "pretrain",
        "doc_template": "[BOS] ids EOS",
        "tokenizer": Tokenizer("0" * 64, 300, 1, 2, None),
        "shuffle": {"seed": 1, "key": "doc_id"},
        "pipeline": {"run_id": "r"},
        "splits": {"train": {"web": list(shards)}},
    }
    return Manifest(**{**fields, **changes})


def test_bin_and_idx_are_the_golden_bytes(tmp_path: Path) -> None:
    write_shard(tmp_path, DOCUMENTS)
    assert (tmp_path / "train/web/a.bin").read_bytes() == GOLDEN_BIN
    assert (tmp_path / "train/web/a.idx").read_bytes() == GOLDEN_IDX


def test_a_large_vocabulary_is_stored_as_int32(tmp_path: Path) -> None:
    write_shard(tmp_path, [[1, 65_499]], vocab_size=65_500)
    assert (tmp_path / "train/web/a.bin").read_bytes() == bytes.fromhex("01000000 dbff0000")
    assert (tmp_path / "train/web/a.idx").read_bytes()[17] == 4


def test_the_record_of_a_shard_counts_what_was_written(tmp_path: Path) -> None:
    shard = write_shard(tmp_path, DOCUMENTS)
    assert (shard.path, shard.n_docs, shard.n_tokens, shard.n_text_bytes) == ("train/web/a", 2, 7, 20)
    assert (shard.min_token_id, shard.max_token_id) == (1, 258)
    assert shard.bytes == {
        kind: (tmp_path / f"train/web/a{SUFFIXES[kind]}").stat().st_size for kind in ("bin", "idx", "docs")
    }


def test_docs_parquet_describes_document_i_in_row_i(tmp_path: Path) -> None:
    write_shard(tmp_path, DOCUMENTS)
    table = pq.read_table(tmp_path / "train/web/a.docs.parquet")
    assert table.schema.equals(DOCS_SCHEMA)
    assert table["token_start"].to_pylist() == [0, 3]
    assert table["n_tokens"].to_pylist() == [3, 4]
    assert table["url"].to_pylist() == ["https://example.org/0", "https://example.org/1"]


@settings(max_examples=30, deadline=None)
@given(
    documents=st.lists(st.lists(st.integers(0, 299), min_size=1, max_size=9), min_size=1, max_size=9),
    vocab_size=st.sampled_from([300, 100_000]),
)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, documents: list[list[int]], vocab_size: int
) -> None:
    folder = tmp_path_factory.mktemp("shard")
    shard = write_shard(folder, documents, vocab_size=vocab_size)
    verify_shard(str(folder), shard)
    opened = open_shard(str(folder / shard.path))
    starts = opened.index.token_starts
    found = [opened.tokens[a : a + n].tolist() for a, n in zip(starts, opened.index.lengths, strict=True)]
    assert found == documents


def test_equal_documents_give_equal_bytes(tmp_path: Path) -> None:
    assert write_shard(tmp_path / "one", DOCUMENTS) == write_shard(tmp_path / "two", DOCUMENTS)


def test_the_loss_file_has_a_byte_per_token(tmp_path: Path) -> None:
    with ShardWriter(str(tmp_path), "a", 300, with_loss=True) as writer:
        writer.write(np.array([1, 5, 2]), row(0), loss=np.array([0, 1, 1]))
    loss = open_shard(str(tmp_path / "a")).loss
    assert loss is not None
    assert loss.tolist() == [0, 1, 1]
    verify_shard(str(tmp_path), writer.shard)


@pytest.mark.parametrize(
    ("ids", "changes", "problem"),
    [
        ([], {}, "a document has one dimension and a token"),
        ([1, 300], {}, "ids from 1 to 300; the vocabulary ends at 299"),
        ([-1], {}, "ids from -1 to -1"),
        ([1], {"text": "x"}, "expected .*doc_id"),
    ],
)
def test_a_wrong_document_is_refused_and_no_file_appears(
    tmp_path: Path, ids: list[int], changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ContractError, match=problem), ShardWriter(str(tmp_path), "a", 300) as writer:
        writer.write(np.array(ids, np.int64), {**row(1), **changes})
    assert list(tmp_path.iterdir()) == []


def test_loss_is_given_if_and_only_if_the_shard_has_a_loss_file(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="loss of shape"), ShardWriter(str(tmp_path), "a", 300) as writer:
        writer.write(np.array([1, 2]), row(0), loss=np.array([1, 1]))
    with pytest.raises(ContractError, match="loss of shape None"), ShardWriter(str(tmp_path), "a", 300, True) as writer:
        writer.write(np.array([1, 2]), row(0))


def test_a_shard_without_a_document_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="no document"), ShardWriter(str(tmp_path), "a", 300):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["bin", "idx", "docs"])
def test_verify_detects_damage_of_any_byte(tmp_path: Path, kind: str) -> None:
    shard = write_shard(tmp_path, DOCUMENTS)
    file = tmp_path / f"{shard.path}{SUFFIXES[kind]}"
    sound = file.read_bytes()
    for i in range(len(sound)):
        file.write_bytes(sound[:i] + bytes([sound[i] ^ 1]) + sound[i + 1 :])
        with pytest.raises(ContractError, match=file.name):
            verify_shard(str(tmp_path), shard)
    file.write_bytes(sound[:-1])
    with pytest.raises(ContractError, match=f"found bytes {len(sound) - 1}, expected {len(sound)}"):
        verify_shard(str(tmp_path), shard)


@pytest.mark.parametrize("n_flips", [500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_verify_detects_every_flipped_bit(tmp_path: Path, n_flips: int) -> None:
    shard, rng = write_shard(tmp_path, DOCUMENTS * 50), random.Random(n_flips)
    files = [tmp_path / f"{shard.path}{SUFFIXES[kind]}" for kind in shard.bytes]
    for _ in range(n_flips):
        (file,) = rng.choices(files, list(shard.bytes.values()))
        sound = file.read_bytes()
        place = rng.randrange(len(sound))
        file.write_bytes(sound[:place] + bytes([sound[place] ^ 1 << rng.randrange(8)]) + sound[place + 1 :])
        with pytest.raises(ContractError, match=file.name):
            verify_shard(str(tmp_path), shard)
        file.write_bytes(sound)


@pytest.mark.parametrize("bit", [0, 7])
def test_opening_detects_damage_of_any_byte_of_the_index(tmp_path: Path, bit: int) -> None:
    shard = write_shard(tmp_path, DOCUMENTS)
    file = tmp_path / f"{shard.path}.idx"
    for i in range(len(GOLDEN_IDX)):
        file.write_bytes(GOLDEN_IDX[:i] + bytes([GOLDEN_IDX[i] ^ (1 << bit)]) + GOLDEN_IDX[i + 1 :])
        with pytest.raises(ContractError):
            open_shard(str(tmp_path / shard.path))


@pytest.mark.parametrize("content", [b"", b"MMIDIDX", GOLDEN_IDX[:-8]])
def test_a_short_index_is_refused(tmp_path: Path, content: bytes) -> None:
    shard = write_shard(tmp_path, DOCUMENTS)
    (tmp_path / f"{shard.path}.idx").write_bytes(content)
    with pytest.raises(ContractError, match=r"found (bytes|7 bytes)"):
        open_shard(str(tmp_path / shard.path))


def test_a_missing_file_is_an_input_error_that_names_it(tmp_path: Path) -> None:
    shard = write_shard(tmp_path, DOCUMENTS)
    (tmp_path / f"{shard.path}.bin").unlink()
    with pytest.raises(InputError, match=r"a\.bin"):
        open_shard(str(tmp_path / shard.path))
    with pytest.raises(InputError, match=r"a\.bin"):
        verify_shard(str(tmp_path), shard)


@pytest.mark.parametrize(("field", "value"), [("n_docs", 3), ("n_tokens", 8), ("n_text_bytes", 1), ("max_token_id", 9)])
def test_verify_detects_counts_that_the_files_do_not_bear_out(tmp_path: Path, field: str, value: int) -> None:
    shard = write_shard(tmp_path, DOCUMENTS)
    with pytest.raises(ContractError, match=str(value)):
        verify_shard(str(tmp_path), Shard(**{**vars(shard), field: value}))


def test_a_manifest_is_read_back_equal(tmp_path: Path) -> None:
    manifest = manifest_of(write_shard(tmp_path, DOCUMENTS), write_shard(tmp_path, DOCUMENTS, "train/web/b-1f2e"))
    write_manifest(str(tmp_path), manifest)
    assert read_manifest(str(tmp_path)) == manifest
    assert manifest.totals["n_tokens"] == 14


def test_sha256sum_accepts_the_data_set(tmp_path: Path) -> None:
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "tokenizer/tokenizer.json").write_text("{}")
    write_manifest(str(tmp_path), manifest_of(write_shard(tmp_path, DOCUMENTS)), ["tokenizer/tokenizer.json"])
    checked = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    present = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert {line.partition(":")[0] for line in checked.stdout.splitlines()} == present - {"SHA256SUMS"}


def test_the_content_digest_ignores_names_and_sees_bytes_and_sources(tmp_path: Path) -> None:
    one, same, other = (
        write_shard(tmp_path, documents, name)
        for name, documents in (("a", DOCUMENTS), ("b", DOCUMENTS), ("c", DOCUMENTS[:1]))
    )
    digest = manifest_of(one, other).content_sha256
    assert manifest_of(other, same).content_sha256 == digest
    assert manifest_of(one, same).content_sha256 != digest
    assert manifest_of(splits={"train": {"books": [one, other]}}).content_sha256 != digest


def edited(folder: Path, **changes: Any) -> None:
    """Write the manifest of one shard with some fields changed in the JSON."""
    write_manifest(str(folder), manifest_of(write_shard(folder, DOCUMENTS)))
    data = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**data, **changes}))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"format": "other"}, "found other version 1, this program reads tokshard version 1"),
        ({"version": 2}, "found tokshard version 2"),
        ({"kind": "images"}, "found kind 'images'"),
        ({"content_sha256": "0" * 64}, "content_sha256"),
        ({"totals": {}}, "totals"),
        ({"dtype": "int32"}, "dtype"),
        ({"surprise": 1}, "surprise"),
        ({"splits": {"train": {"web": [{"path": "a"}]}}}, r"missing .* required"),
        ({"splits": []}, "not a manifest"),
        ({"tokenizer": {"sha256": "0" * 64}}, "vocab_size"),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(tmp_path: Path, changes: dict[str, Any], problem: str) -> None:
    edited(tmp_path, **changes)
    with pytest.raises(ContractError, match=problem):
        read_manifest(str(tmp_path))


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"format": "tokshard"}'])
def test_something_else_than_a_manifest_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(ContractError, match="not a manifest"):
        read_manifest(str(tmp_path))


def test_a_missing_manifest_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"manifest\.json"):
        read_manifest(str(tmp_path))


@pytest.mark.parametrize(
    "path",
    [
        "",
        "..",
        "../a",
        "a/../b",
        "/etc/passwd",
        "a//b",
        "a/",
        "a\nb",
        "a\0b",
        "s3://bucket/a",
        "a::file",
        "a\\b",
        ".a",
        "a\u202eb",
    ],
)
def test_a_path_that_could_leave_the_folder_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(ContractError, match="refused"):
        check_path(path)
    with pytest.raises(ContractError, match="refused"):
        manifest_of(Shard(**{**vars(write_shard(tmp_path, DOCUMENTS)), "path": path}))
    with pytest.raises(ContractError, match="refused"):
        ShardWriter(str(tmp_path), path, 300)


def test_two_shards_cannot_share_a_path(tmp_path: Path) -> None:
    shard = write_shard(tmp_path, DOCUMENTS)
    with pytest.raises(ContractError, match="path of another: 1"):
        manifest_of(shard, shard)


def test_ids_beyond_the_vocabulary_are_refused_by_the_manifest(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="id 258 in a vocabulary of 200"):
        manifest_of(write_shard(tmp_path, DOCUMENTS), tokenizer=Tokenizer("0" * 64, 200, 1, 2, None))


def test_another_tokenizer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "tokenizer/tokenizer.json").write_text("{}")
    sha256 = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    verify_tokenizer(str(tmp_path), manifest_of(tokenizer=Tokenizer(sha256, 300, 1, 2, None)))
    with pytest.raises(ContractError, match=r"tokenizer\.json"):
        verify_tokenizer(str(tmp_path), manifest_of())
