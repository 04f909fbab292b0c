"""Documents to tokens: their frame, their place in the global order, their split and their shard."""

import io

import numpy as np
import pytest
import sentencepiece
from tiny_corpus import chinese, english
from tiny_parts import document, rows_of, write_rows

from pipelines.tables import CLEAN
from udfs.hashing import keyed_uint64
from udfs.shards import ShardWriter, open_shard
from udfs.tokenize_text import (
    HALF,
    TOKENS,
    PackPlan,
    docs_row,
    encode_part,
    frame_ids,
    load_tokenizer,
    shard_of,
    split_of,
    write_shard,
)

TEXTS = [english(1), chinese(1), "</s><s> is text, not control", "", "tail \u2581"]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory) -> str:
    """The folder of a small SentencePiece model."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([english(i) for i in range(9)]),
        model_writer=model,
        model_type="bpe",
        vocab_size=350,
        byte_fallback=True,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        minloglevel=2,
        unk_id=0,
        bos_id=1,
        eos_id=2,
        pad_id=3,
    )
    folder = tmp_path_factory.mktemp("tokenizer")
    (folder / "tokenizer.model").write_bytes(model.getvalue())
    return str(folder)


def plan_of(tokenizer: str, n_shards: int = 1, bos: bool = True, val_share: float = 0.0) -> PackPlan:
    return PackPlan(
        tokenizer, 7, bos, True, val_share, {("train", "web"): (0, n_shards), ("val", "web"): (n_shards, 1)}
    )


@pytest.fixture
def clean(tmp_path) -> str:
    rows = [document(i, text, url=f"http://h{i}/", cluster_id="f" * 32) for i, text in enumerate(TEXTS)]
    return write_rows(tmp_path, 0, CLEAN, rows)


def encoded(uri: str, plan: PackPlan) -> list[dict]:
    return [row for batch in encode_part(uri, plan) for row in batch.to_pylist()]


def test_a_document_is_its_text_between_one_bos_and_one_eos(clean, tokenizer):
    processor = load_tokenizer(tokenizer)
    for row, text in zip(encoded(clean, plan_of(tokenizer)), TEXTS, strict=True):
        ids = np.frombuffer(row["tokens"], "<u2").tolist()
        assert (ids[0], ids[-1]) == (1, 2)
        assert not set(ids[1:-1]) & {0, 1, 2, 3}
        assert processor.decode(ids[1:-1]) == text.replace("\u2581", " ")
        assert row["n_bytes"] == len(text.encode())


def test_bos_is_left_out_where_it_is_not_asked_for(clean, tokenizer):
    assert np.frombuffer(encoded(clean, plan_of(tokenizer, bos=False))[3]["tokens"], "<u2").tolist() == [2]
    assert frame_ids(load_tokenizer(tokenizer), [9, 8], bos=False, eos=False) == [9, 8]


def test_the_place_in_the_order_is_drawn_from_seed_and_id_alone(clean, tokenizer):
    places = [row["place"] for row in encoded(clean, plan_of(tokenizer, n_shards=3))]
    assert places == [keyed_uint64(7, f"{i:032x}") // 2 for i in range(len(TEXTS))]


def test_shards_are_equal_slices_of_the_order(tokenizer):
    plan = plan_of(tokenizer, n_shards=4)
    row = {"url": None, "id": "x", "source": "web"}
    places = [0, HALF // 4 - 1, HALF // 4, HALF // 2, HALF - 1]
    assert [shard_of(plan, row | {"place": place}) for place in places] == [0, 0, 1, 2, 3]


def test_a_host_is_in_one_split_and_a_text_without_url_is_its_own_host():
    urls = [f"https://h{i % 40}.example.org/{i}" for i in range(400)]
    splits = {(url.split("/")[2], split_of(3, 0.25, url, str(i))) for i, url in enumerate(urls)}
    assert len(splits) == 40
    assert 3 <= sum(split == "val" for _, split in splits) <= 20
    without = [split_of(3, 0.25, None, f"{i:032x}") for i in range(400)]
    assert 60 <= without.count("val") <= 140
    assert {split_of(3, 0.0, url, "x") for url in urls} == {"train"}


def test_rows_become_a_shard_in_their_order(clean, tokenizer, tmp_path):
    batches = list(encode_part(clean, plan_of(tokenizer)))
    assert batches[0].schema == TOKENS
    vocab_size = load_tokenizer(tokenizer).get_piece_size()
    shard = write_shard(str(tmp_path), "train/web/shard-00000", vocab_size, iter(batches))
    assert shard is not None
    assert (shard.n_docs, shard.n_text_bytes) == (len(TEXTS), sum(len(text.encode()) for text in TEXTS))
    opened = open_shard(str(tmp_path / shard.path))
    assert opened.tokens.tobytes() == b"".join(row["tokens"] for batch in batches for row in batch.to_pylist())
    docs = rows_of(str(tmp_path / shard.path) + ".docs.parquet")
    assert [row["doc_id"] for row in docs] == [f"{i:032x}" for i in range(len(TEXTS))]
    assert {row["dup_cluster"] for row in docs} == {2**63 - 1}


def test_no_rows_are_no_shard(tmp_path):
    assert write_shard(str(tmp_path), "train/web/shard-00000", 350, iter([])) is None
    assert list(tmp_path.iterdir()) == []


def test_a_row_of_docs_has_what_shards_want(tokenizer, clean, tmp_path):
    row = docs_row(encoded(clean, plan_of(tokenizer))[0])
    with ShardWriter(str(tmp_path), "x", 350) as writer:
        writer.write(np.array([1, 2]), row)
    assert (row["snapshot"], row["lang"], row["url"]) == (None, None, "http://h0/")
