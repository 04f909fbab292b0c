"""Byte-level BPE in the stages: trained from a run's text, its files, its ids in the shards; mixture and best fit."""

import json
import shutil
from collections import Counter
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from test_pack import shards_of
from tiny_corpus import Command, TinyRun, chinese, english
from tiny_parts import document, write_rows
from tokenizers import Tokenizer

from pipelines.flow import flow
from pipelines.pack import PackSettings, ShardName, numbers_of, write_shards
from pipelines.tables import CLEAN
from pipelines.tokenizer import CONTROL, least_count
from udfs.bpe_files import tokenizer_files
from udfs.bpe_scan import count_words
from udfs.bpe_train import train
from udfs.repeats import Repeats
from udfs.strings import strings
from udfs.text_tokenizer import TokenizerPlace
from udfs.tokenize_text import PackPlan, encode_part, split_of

SEED = 7
BPE = "--set=tokenizer={kind: bpe, vocab_size: 500}"
REPEATED = "--set=pack.mixture={epochs: {c4: 2.5, reference: 2}}"
FITTED = ["--set=pack.strategy=best_fit", "--set=pack.seq_len=16"]


def again(run: TinyRun, folder: Path, gristmill: Command, *changes: str) -> TinyRun:
    """A copy of the run with its tokenizer and its shards made again."""
    shutil.copytree(run.root, folder / "run")
    arguments = ["--settings", run.settings, f"--set=output={folder}/run", *changes]
    finished = gristmill("run", "--from=train_tokenizer", "--until=validate", *arguments)
    assert finished.code == 0, finished.err
    return TinyRun(run.corpus, folder / "run", run.settings, run.ids)


@pytest.fixture(scope="module")
def bpe(tiny_run: TinyRun, gristmill: Command, tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    return again(tiny_run, tmp_path_factory.mktemp("bpe"), gristmill, BPE)


@pytest.fixture(scope="module")
def mixed(bpe: TinyRun, gristmill: Command, tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    """Its tokenizer is the one of `bpe`, given."""
    other = f"{bpe.root}/shards/tokenizer/tokenizer.plain.json"
    given = f"--set=tokenizer={{kind: bpe, path: '{bpe.root}/tokenizer', compare: {{same: '{other}'}}}}"
    return again(bpe, tmp_path_factory.mktemp("mixed"), gristmill, given, REPEATED, *FITTED)


def test_the_run_learned_the_merges_of_all_its_text(bpe: TinyRun):
    texts = strings(pa.array([row["text"] for row in bpe.rows("clean")]))
    counted = count_words(texts, 256)
    expected = tokenizer_files(train(counted.words, counted.counts, 500 - len(CONTROL)), CONTROL)
    assert {path.name: path.read_bytes() for path in (bpe.root / "tokenizer").iterdir()} == expected
    counts = bpe.record("train_tokenizer")["committed"]["counts"]
    assert (counts["distinct_words"], counts["words"]) == (len(counted.counts), counted.counts.sum())
    assert (counts["share_learned_from"], counts["vocab_size"], counts["least_count"]) == (1.0, 500, 1)


def test_ids_in_the_shards_are_hugging_faces_and_decode_to_the_text_of_clean(bpe: TinyRun):
    plain = Tokenizer.from_file(str(bpe.root / "shards/tokenizer/tokenizer.plain.json"))
    texts = {row["id"]: row["text"] for row in bpe.rows("clean")}
    documents = [row for rows in shards_of(bpe.root).values() for row in rows]
    assert Counter(row["doc_id"] for row in documents) == Counter(list(texts))
    begin, end = (500 - len(CONTROL) + list(CONTROL).index(name) for name in ("bos", "eos"))
    for row in documents:
        text = texts[row["doc_id"]]
        assert row["ids"] == [begin, *plain.encode(text).ids, end]
        assert plain.decode(row["ids"][1:-1]) == text


def test_the_tokenizer_is_measured_by_source_and_language(bpe: TinyRun):
    counts = bpe.record("train_tokenizer")["committed"]["counts"]
    documents = [row for rows in shards_of(bpe.root).values() for row in rows]
    expected = Counter((row["source"], row["lang"]) for row in documents)
    assert {(row["source"], row["language"]): row["documents"] for row in counts["measured"]} == expected
    n_tokens = sum(row["n_tokens"] - 2 for row in documents)
    assert sum(row["tokens"] for row in counts["measured"]) == n_tokens
    assert counts["bytes_per_token"] == pytest.approx(sum(row["n_bytes"] for row in documents) / n_tokens)
    assert counts["unused_tokens"] == 500 - len({token for row in documents for token in row["ids"][1:-1]})
    chinese_rows = [row for row in counts["measured"] if row["language"] == "zh"]
    assert all(row["words"] > 0.8 * row["bytes"] / 3 for row in chinese_rows)


def test_another_tokenizer_is_measured_on_the_same_texts(bpe: TinyRun, mixed: TinyRun):
    assert bpe.record("train_tokenizer")["committed"]["counts"]["compared"] == []
    counts = mixed.record("train_tokenizer")["committed"]["counts"]
    (same,) = counts["compared"]
    assert same["tokens"] == sum(row["tokens"] for row in counts["measured"])
    assert (same["bytes_per_token"], same["tokens_per_word"]) == (counts["bytes_per_token"], counts["tokens_per_word"])
    assert set(same["languages"]) == {row["language"] for row in counts["measured"]}


def test_a_tokenizer_that_is_given_is_taken_as_it_is(bpe: TinyRun, mixed: TinyRun):
    for file in (bpe.root / "tokenizer").iterdir():
        assert (mixed.root / "tokenizer" / file.name).read_bytes() == file.read_bytes()


def test_sources_are_repeated_as_the_mixture_says_and_the_manifest_tells(mixed: TinyRun):
    found = Counter(row["doc_id"] for rows in shards_of(mixed.root).values() for row in rows)
    epochs = {"c4": {2, 3}, "reference": {2}}
    copies, documents = Counter(), Counter()
    for row in mixed.rows("clean"):
        if split_of(SEED, 0.2, row["url"], row["id"]) == "val":
            assert found[row["id"]] == 1
        else:
            assert found[row["id"]] in epochs.get(row["source"], {1})
            copies[row["source"]] += found[row["id"]]
            documents[row["source"]] += 1
    told = json.loads((mixed.root / "shards/manifest.json").read_text())["pipeline"]["mixture"]
    assert {row["source"]: (row["documents"], row["copies"]) for row in told} == {
        source: (documents[source], copies[source]) for source in documents
    }
    assert {row["source"]: row["epochs"] for row in told} == {
        **dict.fromkeys(documents, 1.0),
        "c4": 2.5,
        "reference": 2,
    }


def test_filled_windows_stand_before_the_others_and_end_between_documents(mixed: TinyRun):
    windows = json.loads((mixed.root / "shards/manifest.json").read_text())["pipeline"]["windows"]
    shards = {path: rows for path, rows in shards_of(mixed.root).items() if path.startswith("train/")}
    assert windows["tokens"] == sum(row["n_tokens"] for rows in shards.values() for row in rows)
    assert 0 < windows["tokens_in_filled_windows"] < windows["tokens"]
    starts = [row["token_start"] % 16 + row["n_tokens"] > 16 for rows in shards.values() for row in rows]
    assert windows["documents_cut"] == sum(starts) > 0
    assert windows["documents_cut_that_fit"] <= windows["documents_cut"]


@pytest.mark.parametrize("strategy", ["concat", "best_fit"])
def test_shards_are_the_same_to_the_byte_from_one_part_two_or_eight(
    spark: SparkSession, bpe: TinyRun, tmp_path: Path, strategy: str
):
    texts = [make(i) for i in range(16) for make in (english, chinese)]
    rows = [document(i, text, cluster_id="0" * 32) for i, text in enumerate(texts)]
    names = [ShardName("train", "web", f"train/web/shard-{i:05d}") for i in range(3)]
    place = TokenizerPlace(str(bpe.root / "tokenizer"), "bpe", "of bpe")
    shards = numbers_of([*names, ShardName("val", "web", "")])
    plan = PackPlan(place, SEED, True, 0.0, shards, Repeats({"web": 1.5}))
    settings = PackSettings.model_validate({"strategy": strategy, "seq_len": 64})
    written = []
    for n_parts in (1, 2, 8):
        size = len(rows) // n_parts
        uris = [write_rows(tmp_path, i, CLEAN, rows[i * size : (i + 1) * size]) for i in range(n_parts)]
        folder = tmp_path / f"shards-{n_parts}"
        encoded = flow(spark, partial(encode_part, plan=plan), uris)
        packed = write_shards(encoded, str(folder), names, 500, settings)
        files = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        written.append((packed, files))
    assert written[0] == written[1] == written[2]
    assert len(written[0][1]) == 9


def test_rare_words_are_left_out_by_a_count_that_all_of_one_count_share(spark: SparkSession):
    words = [("a", 9), ("b", 5), ("c", 5), ("d", 2), (None, 100)]
    totals = spark.createDataFrame(words, "word string, count long")
    assert [least_count(totals, limit) for limit in (1, 2, 3, 4, 10)] == [9, 9, 5, 2, 2]
