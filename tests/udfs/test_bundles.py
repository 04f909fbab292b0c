"""Rows of tokens through the shuffle: every row comes out once, in one order, whatever the bundles."""

import random

import pyarrow as pa
import pytest

from udfs.bundles import BUNDLES, bundled, unbundled
from udfs.tokenize_text import TOKENS


def rows_of(n: int, n_shards: int) -> list[dict]:
    rng = random.Random(n)
    rows = [
        {"shard": rng.randrange(n_shards), "place": rng.randrange(n), "id": f"{i:032x}", "tokens": rng.randbytes(9)}
        for i in range(n)
    ]
    return [{name: row.get(name) for name in TOKENS.names} for row in rows]


@pytest.mark.parametrize("bundle_bytes", [1, 2_000, 1 << 20])
def test_the_rows_of_each_shard_come_out_in_the_order_of_places_then_ids(
    monkeypatch: pytest.MonkeyPatch, bundle_bytes: int
) -> None:
    monkeypatch.setattr("udfs.bundles.BUNDLE_BYTES", bundle_bytes)
    rows = rows_of(300, 3)
    batches = [pa.RecordBatch.from_pylist(rows[i : i + 7], TOKENS) for i in range(0, 300, 7)]
    bundles = list(bundled(batches))
    assert all(bundle.schema == BUNDLES for bundle in bundles)
    random.Random(0).shuffle(bundles)
    for shard in range(3):
        found = unbundled(bundle for bundle in bundles if bundle["shard"][0].as_py() == shard)
        expected = sorted((row["place"], row["id"]) for row in rows if row["shard"] == shard)
        assert [(row["place"], row["id"]) for row in found.to_pylist()] == expected
        assert {row["id"]: row for row in found.to_pylist()} == {r["id"]: r for r in rows if r["shard"] == shard}


def test_no_rows_are_no_bundle_and_an_empty_table() -> None:
    assert list(bundled([])) == []
    assert unbundled([]).schema == TOKENS
