"""Batches: tokens as stored, targets within documents, positions per document; and what the data set must satisfy."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from conf.load import SettingsError
from trainer.cache import Cache
from trainer.data import NO_TARGET, Split, open_data, verify_data
from trainer.order import Places
from trainer.settings import Settings
from trainer.stream import Stream
from udfs.errors import ContractError
from udfs.shards import SUFFIXES, Manifest, ShardWriter, Tokenizer, read_manifest, verify_shard

MakeSettings = Callable[..., Settings]
T = 8
DOCUMENTS = [[9, 5, 6], [9, 7], [9, 1, 2, 3, 4, 5, 6, 7, 8, 8, 8, 8], [9]]


@pytest.fixture
def split(tmp_path: Path) -> Split:
    """One shard of the documents above: 18 tokens, so two windows of 8."""
    with ShardWriter(str(tmp_path), "a", 10) as writer:
        for i, ids in enumerate(DOCUMENTS):
            row: dict[str, Any] = {"doc_id": str(i), "source": "s", "url": f"u{i}", "n_bytes": 10 * len(ids)}
            writer.write(np.array(ids), {**row, "snapshot": None, "quality": None, "lang": None, "dup_cluster": None})
    tokenizer = Tokenizer("", 10, 9, None, None)
    manifest = Manifest("pretrain", "[BOS] ids", tokenizer, {}, {}, {"train": {"s": [writer.shard]}})
    return Split(Cache(str(tmp_path), "", 0), manifest, "train", T)


def test_a_batch_masks_targets_in_other_documents_and_restarts_positions(split: Split) -> None:
    batch = split.batch(split.first_places(0, 2))
    assert batch.tokens.tolist() == [[9, 5, 6, 9, 7, 9, 1, 2], [3, 4, 5, 6, 7, 8, 8, 8]]
    n = NO_TARGET
    assert batch.targets.tolist() == [[5, 6, n, 7, n, 1, 2, 3], [4, 5, 6, 7, 8, 8, 8, 8]]
    assert batch.positions.tolist() == [[0, 1, 2, 0, 1, 0, 1, 2], [0, 1, 2, 3, 4, 5, 6, 7]]
    assert batch.bounds.tolist() == [0, 3, 5, 8, 16]
    assert batch.n_targets == 14


def test_text_bytes_are_shared_out_by_tokens(split: Split) -> None:
    mapped = split.mapped(0, 0)
    assert mapped.text_bytes(0, 18) == 180
    assert mapped.text_bytes(1, 4) == pytest.approx(30)


def test_every_token_of_a_source_is_a_target_once_or_starts_a_document(make_settings: MakeSettings) -> None:
    """Over one epoch: the targets are the shards' tokens, without each document's first and the shard's tail."""
    settings = make_settings()
    train = open_data(settings).train(settings.seq_len)
    for source, shards in enumerate(train.shards):
        places = train.first_places(source, 10**9)
        batch = train.batch(places)
        found = np.bincount(batch.targets[batch.targets != NO_TARGET], minlength=64)
        expected = np.zeros(64, np.int64)
        for number in range(len(shards)):
            mapped, end = train.mapped(source, number), train.windows[source][number] * train.seq_len + 1
            expected += np.bincount(mapped.tokens[:end], minlength=64)
            expected -= np.bincount(mapped.tokens[mapped.starts[mapped.starts < end]], minlength=64)
        assert found.tolist() == expected.tolist()


def test_an_id_beyond_the_vocabulary_names_the_shard(split: Split, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(np.full(18, 60_000, "<u2").tobytes())
    with pytest.raises(ContractError, match=r"a\.bin, tokens 8 to 17: found id 60000, the manifest says 9 at most"):
        split.batch(Places(np.array([0]), np.array([0]), np.array([1])))


def damage(folder: Path, change: Callable[[bytes], bytes]) -> None:
    for file in folder.glob("train/web/*.bin"):
        file.write_bytes(change(file.read_bytes()))


def test_a_flipped_bit_is_refused_before_training(own_shards: Path, make_settings: MakeSettings) -> None:
    damage(own_shards, lambda content: content[:7] + bytes([content[7] ^ 1]) + content[8:])
    with pytest.raises(ContractError, match=r"train/web/.*\.bin: found sha256"):
        open_data(make_settings(f"shards={own_shards}"), digests=True)


def test_no_flipped_bit_of_a_shard_is_used(own_shards: Path) -> None:
    """A thousand flips, each of one bit anywhere in the files of a shard."""
    shard, draw = next(read_manifest(str(own_shards)).shards()), random.Random(2)
    files = [own_shards / (shard.path + SUFFIXES[kind]) for kind in shard.bytes]
    for _ in range(1000):
        file = draw.choices(files, list(shard.bytes.values()))[0]
        whole = file.read_bytes()
        place = draw.randrange(len(whole))
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << draw.randrange(8)]) + whole[place + 1 :])
        with pytest.raises(ContractError):
            verify_shard(str(own_shards), shard)
        file.write_bytes(whole)
    verify_shard(str(own_shards), shard)


def test_a_short_shard_is_refused_even_without_digests(own_shards: Path, make_settings: MakeSettings) -> None:
    damage(own_shards, lambda content: content[:-2])
    train = open_data(make_settings(f"shards={own_shards}")).train(32)
    with pytest.raises(ContractError, match=r"train/web/.*\.bin: found bytes"):
        train.batch(train.first_places(train.sources.index("web"), 1))


def test_another_tokenizer_is_refused(own_shards: Path, make_settings: MakeSettings) -> None:
    (own_shards / "tokenizer/tokenizer.json").write_text("{} ")
    with pytest.raises(ContractError, match=r"tokenizer\.json: found sha256"):
        open_data(make_settings(f"shards={own_shards}"))


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("phases=[{steps: 1, weights: {blogs: 1}}]", r"phases.0.weights: .* no source blogs; they have books, web"),
        ("seq_len=100000", "no shard holds 100001 tokens"),
        ("phases=[{steps: 1, weights: {web: -1}}]", "must not be negative"),
        ("model.width=30", "even multiple"),
        ("model={preset: 3B}", "preset"),
    ],
)
def test_settings_that_cannot_be_met_are_refused(make_settings: MakeSettings, override: str, problem: str) -> None:
    def prepare() -> None:
        settings = make_settings(override)
        Stream(settings, open_data(settings))

    with pytest.raises(SettingsError, match=problem):
        prepare()


def test_without_weights_each_window_is_used_once(make_settings: MakeSettings) -> None:
    settings = make_settings()
    data = open_data(settings)
    n = int(sum(counts.sum() for counts in data.train(32).windows))
    part = Stream(make_settings("batch={sequences: 1}", f"phases=[{{steps: {n}}}]"), data).parts[0]
    assert len(set(part.order.places(np.arange(n)).rows())) == n


def test_the_trace_names_the_documents_of_a_sample(make_settings: MakeSettings, shards: Path) -> None:
    settings = make_settings()
    rows = [row for row in Stream(settings, open_data(settings)).trace(0) if row["sample"] == 3]
    docs = pq.read_table(shards / f"{rows[0]['shard']}.docs.parquet").to_pylist()
    begin = rows[0]["window"] * settings.seq_len
    end = begin + settings.seq_len + 1
    expected = [d["url"] for d in docs if d["token_start"] < end and d["token_start"] + d["n_tokens"] > begin]
    assert [row["url"] for row in rows] == expected


def test_renaming_shards_does_not_change_the_order(make_settings: MakeSettings, shards: Path) -> None:
    manifest = verify_data(str(shards), digests=False)
    cache = Cache(str(shards), "", 0)
    forwards = Split(cache, manifest, "train", 32)
    turned = {name: {s: list(reversed(k)) for s, k in sources.items()} for name, sources in manifest.splits.items()}
    backwards = Split(cache, Manifest(**{**vars(manifest), "splits": turned}), "train", 32)
    assert forwards.shards == backwards.shards
