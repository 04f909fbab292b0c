"""Documents to tokens: their frame, their places in the global order, their split and their shard."""

from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from text_tokenizers import KINDS, tokenizer_of
from tiny_corpus import chinese, english
from tiny_parts import document, rows_of, write_rows

from pipelines.tables import CLEAN
from udfs.hashing import keyed_uint64
from udfs.pack_shard import docs_row, write_shard
from udfs.repeats import Repeats
from udfs.shards import ShardWriter, open_shard
from udfs.text_tokenizer import TokenizerPlace, load_tokenizer
from udfs.tokenize_text import (
    HALF,
    TOKENS,
    PackPlan,
    Weight,
    encode_part,
    shard_of,
    split_of,
    weigh_part,
)

TEXTS = [english(1), chinese(1), "</s><s><|end_of_text|> is text, not control", "", "tail \u2581"]


@pytest.fixture(scope="module", params=KINDS)
def tokenizer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TokenizerPlace:
    return tokenizer_of(request.param, tmp_path_factory.mktemp("tokenizer"))


def plan_of(tokenizer: TokenizerPlace, n_shards: int = 1, bos: bool = True, epochs: float = 1.0) -> PackPlan:
    shards = {("train", "web"): (0, n_shards), ("val", "web"): (n_shards, 1)}
    return PackPlan(tokenizer, 7, bos, 0.0, shards, Repeats({"web": epochs}))


@pytest.fixture
def clean(tmp_path: Path) -> str:
    rows = [document(i, text, url=f"http://h{i}/", cluster_id="f" * 32) for i, text in enumerate(TEXTS)]
    return write_rows(tmp_path, 0, CLEAN, rows)


def encoded(uri: str, plan: PackPlan) -> list[dict]:
    return [row for batch in encode_part(uri, plan) for row in batch.to_pylist()]


def test_a_document_is_its_text_between_one_bos_and_one_eos(clean: str, tokenizer: TokenizerPlace):
    loaded = load_tokenizer(tokenizer)
    for row, text in zip(encoded(clean, plan_of(tokenizer)), TEXTS, strict=True):
        ids = np.frombuffer(row["tokens"], "<u2").astype(np.int32)
        assert (ids[0], ids[-1]) == (loaded.bos, loaded.eos)
        assert not set(ids[1:-1].tolist()) & {loaded.bos, loaded.eos, loaded.pad}
        expected = text.replace("\u2581", " ") if tokenizer.kind == "sentencepiece" else text
        assert loaded.decode(ids[1:-1]) == expected
        assert row["n_bytes"] == len(text.encode())


def test_bos_is_left_out_where_it_is_not_asked_for(clean: str, tokenizer: TokenizerPlace):
    row = encoded(clean, plan_of(tokenizer, bos=False))[3]
    assert np.frombuffer(row["tokens"], "<u2").tolist() == [load_tokenizer(tokenizer).eos]


def test_the_place_in_the_order_is_drawn_from_seed_id_and_epoch_alone(clean: str, tokenizer: TokenizerPlace):
    places = [row["place"] for row in encoded(clean, plan_of(tokenizer, n_shards=3))]
    assert places == [keyed_uint64(7, f"{i:032x}/0") // 2 for i in range(len(TEXTS))]


def test_each_epoch_has_a_place_of_its_own_for_every_document(clean: str, tokenizer: TokenizerPlace):
    rows = encoded(clean, plan_of(tokenizer, epochs=3.0))
    places = {(row["id"], row["place"]) for row in rows}
    assert places == {(f"{i:032x}", keyed_uint64(7, f"{i:032x}/{k}") // 2) for i in range(len(TEXTS)) for k in range(3)}
    assert len(rows) == 3 * len(TEXTS)
    assert len({(row["id"], row["tokens"]) for row in rows}) == len(TEXTS)


def test_by_host_the_documents_of_a_host_stand_together_and_hosts_are_shuffled(
    tmp_path: Path, tokenizer: TokenizerPlace
):
    rows = [document(i, "x", url=f"http://h{i % 5}/{i}", cluster_id="f" * 32) for i in range(40)]
    rows.append(document(40, "x", cluster_id="f" * 32))  # without URL a host of its own
    uri = write_rows(tmp_path, 0, CLEAN, rows)
    found = sorted(encoded(uri, replace(plan_of(tokenizer, epochs=2.0), by_host=True)), key=lambda row: row["place"])
    hosts = [row["url"].split("/")[2] if row["url"] else "" for row in found]
    assert len([host for host, _ in groupby(hosts)]) <= 12  # each host once an epoch
    assert [host for host, _ in groupby(hosts)] != sorted({*hosts})
    assert 0 <= found[0]["place"] < found[-1]["place"] < HALF


def test_documents_that_are_left_out_give_no_rows(clean: str, tokenizer: TokenizerPlace):
    assert encoded(clean, plan_of(tokenizer, epochs=0.0)) == []


def test_shards_are_equal_slices_of_the_order():
    places = [0, HALF // 4 - 1, HALF // 4, HALF // 2, HALF - 1]
    assert [shard_of({("val", "web"): (10, 4)}, "val", "web", place) for place in places] == [10, 10, 11, 12, 13]


def test_a_host_is_in_one_split_and_a_text_without_url_is_its_own_host():
    urls = [f"https://h{i % 40}.example.org/{i}" for i in range(400)]
    splits = {(url.split("/")[2], split_of(3, 0.25, url, str(i))) for i, url in enumerate(urls)}
    assert len(splits) == 40
    assert 3 <= sum(split == "val" for _, split in splits) <= 20
    without = [split_of(3, 0.25, None, f"{i:032x}") for i in range(400)]
    assert 60 <= without.count("val") <= 140
    assert {split_of(3, 0.0, url, "x") for url in urls} == {"train"}


def test_held_out_documents_stand_once_whatever_the_epochs(clean: str, tokenizer: TokenizerPlace):
    plan = replace(plan_of(tokenizer, epochs=2.0), val_share=0.5)
    counts = {row["id"]: 0 for row in encoded(clean, plan)}
    for row in encoded(clean, plan):
        counts[row["id"]] += 1
    held_out = {f"{i:032x}" for i in range(len(TEXTS)) if split_of(7, 0.5, f"http://h{i}/", "") == "val"}
    assert counts == {f"{i:032x}": 1 if f"{i:032x}" in held_out else 2 for i in range(len(TEXTS))}
    assert 0 < len(held_out) < len(TEXTS)


def test_a_part_is_weighed_by_documents_copies_and_bytes(tmp_path: Path):
    rows = [document(i, "é" * (i + 1), url="http://h/", quality_score=i / 4, cluster_size=1) for i in range(4)]
    uri = write_rows(tmp_path, 0, CLEAN, rows)
    repeats = Repeats({}, quality=((0.5, 2.0), (0.25, 1.0)))
    assert weigh_part(uri, 0, 0.0, repeats) == {("train", "web"): Weight(4, 5.0, 4 + 2 * 6 + 2 * 8)}
    assert weigh_part(uri, 0, 0.999_999, repeats) == {("val", "web"): Weight(4, 4.0, 20.0)}


def test_rows_become_a_shard_in_their_order(clean: str, tokenizer: TokenizerPlace, tmp_path: Path):
    batches = list(encode_part(clean, plan_of(tokenizer)))
    assert batches[0].schema == TOKENS
    vocab_size = load_tokenizer(tokenizer).vocab_size
    rows = sorted((row for batch in batches for row in batch.to_pylist()), key=lambda row: (row["place"], row["id"]))
    packed = write_shard(str(tmp_path), "train/web/shard-00000", vocab_size, reversed(batches), 64, fit=False)
    assert packed is not None
    shard = packed.shard
    assert (shard.n_docs, shard.n_text_bytes) == (len(TEXTS), sum(len(text.encode()) for text in TEXTS))
    opened = open_shard(str(tmp_path / shard.path))
    assert opened.tokens.tobytes() == b"".join(row["tokens"] for row in rows)
    docs = rows_of(str(tmp_path / shard.path) + ".docs.parquet")
    assert [row["doc_id"] for row in docs] == [row["id"] for row in rows]
    assert {row["id"] for row in rows} == {f"{i:032x}" for i in range(len(TEXTS))}
    assert {row["dup_cluster"] for row in docs} == {2**63 - 1}


def test_best_fit_changes_the_order_of_rows_and_nothing_else(tmp_path: Path):
    lengths = [6, 8, 23, 10, 4, 5, 7]  # as in test_best_fit.py: 6 and 4, then 23 and 7, then 10 fill windows of 10
    rows = [
        {"id": f"{i}", "n_bytes": i, "cluster_id": "0" * 32, "tokens": np.full(n, i, "<u2").tobytes()}
        for i, n in enumerate(lengths)
    ]
    packed = write_shard(str(tmp_path), "x", 300, [batch_of(rows)], 10, fit=True)
    assert packed is not None
    opened = open_shard(str(tmp_path / "x"))
    assert opened.index.lengths.tolist() == [6, 4, 23, 7, 10, 8, 5]
    assert opened.tokens.tolist() == [i for i in (0, 4, 2, 6, 3, 1, 5) for _ in range(lengths[i])]
    assert [row["doc_id"] for row in rows_of(str(tmp_path / "x.docs.parquet"))] == list("0426315")
    assert (packed.cut, packed.cut_short, packed.filled, packed.padded_windows) == (2, 1, 50, 7)


def batch_of(rows: list[dict]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([{name: row.get(name) for name in TOKENS.names} for row in rows], TOKENS)


def test_no_rows_are_no_shard(tmp_path: Path):
    for fit in (False, True):
        assert write_shard(str(tmp_path), "train/web/shard-00000", 350, [batch_of([])], 64, fit) is None
    assert list(tmp_path.iterdir()) == []


def test_a_row_of_docs_has_what_shards_want(tokenizer: TokenizerPlace, clean: str, tmp_path: Path):
    row = docs_row(encoded(clean, plan_of(tokenizer))[0])
    with ShardWriter(str(tmp_path), "x", 350) as writer:
        writer.write(np.array([1, 2]), row)
    assert (row["snapshot"], row["lang"], row["url"]) == (None, None, "http://h0/")
