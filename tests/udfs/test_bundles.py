"""Rows through the shuffle: each comes out once, with those that belong to it."""

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.bundles import bundled, by_column, by_key, unbundled
from udfs.tokenize_text import TOKENS


def rows_of(n: int, n_shards: int) -> list[dict]:
    rng = random.Random(n)
    rows = [
        {"shard": rng.randrange(n_shards), "place": rng.randrange(n), "id": f"{i:032x}", "tokens": rng.randbytes(9)}
        for i in range(n)
    ]
    return [{name: row.get(name) for name in TOKENS.names} for row in rows]


@pytest.mark.parametrize("bundle_bytes", [1, 2_000, 1 << 20])
def test_the_rows_of_each_shard_come_out_once(monkeypatch: pytest.MonkeyPatch, bundle_bytes: int) -> None:
    monkeypatch.setattr("udfs.bundles.BUNDLE_BYTES", bundle_bytes)
    rows = rows_of(300, 3)
    batches = [pa.RecordBatch.from_pylist(rows[i : i + 7], TOKENS) for i in range(0, 300, 7)]
    bundles = list(bundled(batches, by_column("shard")))
    for shard in range(3):
        found = pa.Table.from_batches(unbundled([bundle for one, bundle in bundles if one == shard]), TOKENS)
        assert found.to_pylist() == [row for row in rows if row["shard"] == shard]


@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.integers(0, 3))), st.integers(1, 5))
def test_rows_of_one_key_share_a_shard_that_is_there(keys: list[tuple[int, int]], n_shards: int) -> None:
    table = pa.table({"a": pa.array([a for a, _ in keys], pa.int64()), "b": pa.array([b for _, b in keys], pa.int64())})
    shards = by_key(n_shards, "a", "b")(table).tolist()
    assert all(0 <= shard < n_shards for shard in shards)
    assert len({(*key, shard) for key, shard in zip(keys, shards, strict=True)}) == len(set(keys))


def test_keys_that_follow_each_other_are_spread() -> None:
    shards = by_key(4, "a")(pa.table({"a": np.arange(4_000) << 32}))
    assert min(np.bincount(shards, minlength=4)) > 800


def test_bundles_for_many_shards_are_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("udfs.bundles.BUNDLE_BYTES", 1)
    batches = [pa.RecordBatch.from_pylist([row], TOKENS) for row in rows_of(300, 3)]
    assert len(list(bundled(batches, by_column("shard"), n_shards=0))) == 300
    assert len(list(bundled(batches, by_column("shard"), n_shards=1_000))) == 3


def test_no_rows_are_no_bundle() -> None:
    assert list(bundled([], by_column("shard"))) == []
    assert list(unbundled([])) == []
