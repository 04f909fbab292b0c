"""The order of training: exact quotas, permutations that are ones, a stream that does not depend on how it is read."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.order import Array, Order, OrderPhase, permute, quotas

WINDOWS = [np.array([7, 30, 1]), np.array([500]), np.array([3, 0, 4])]
PHASES = [OrderPhase(600, [0.7, 0.25, 0.05]), OrderPhase(400, [0.2, 0.3, 0.5])]


def order(seed: int = 1) -> Order:
    return Order(seed, WINDOWS, PHASES)


def stream(chosen: Order, samples: Array) -> list[tuple[int, int, int]]:
    return chosen.places(samples).rows()


weights = st.lists(st.integers(0, 1000), min_size=1, max_size=12).filter(any)


@settings(deadline=None)
@given(weights=weights, start=st.integers(0, 10**9))
def test_each_sample_adds_one_to_the_quota_of_one_source(weights: list[float], start: int) -> None:
    counts = quotas(np.arange(start, start + 200), weights)
    assert (counts.sum(axis=0) == np.arange(start, start + 200)).all()
    steps = np.diff(counts, axis=1)
    assert steps.min() >= 0
    assert (steps.sum(axis=0) == 1).all()


@settings(deadline=None)
@given(weights=weights, n=st.integers(0, 10**6))
def test_quotas_are_the_weights_to_within_rounding(weights: list[float], n: int) -> None:
    exact = n * np.array(weights) / sum(weights)
    bound = (math.log2(len(weights)) + 2) / 2 + n * 2.0**-20
    assert np.abs(quotas(np.array([n]), weights)[:, 0] - exact).max() <= bound


def test_a_source_without_weight_is_never_taken() -> None:
    chosen = Order(1, WINDOWS, [OrderPhase(500, [1.0, 0.0, 0.0])])
    assert set(chosen.places(np.arange(500)).source) == {0}


@settings(max_examples=60, deadline=None)
@given(size=st.integers(1, 3000), key=st.integers(0, 2**64 - 1))
def test_permute_is_a_bijection(size: int, key: int) -> None:
    places = permute(np.arange(size), np.full(size, size), np.full(size, key, np.uint64))
    assert np.array_equal(np.sort(places), np.arange(size))


def test_permute_is_a_bijection_on_a_million() -> None:
    size = 1_000_003
    places = permute(np.arange(size), np.full(size, size), np.full(size, 9, np.uint64))
    assert np.array_equal(np.sort(places), np.arange(size))
    assert np.mean(places == np.arange(size)) < 1e-4
    assert abs(np.corrcoef(places, np.arange(size))[0, 1]) < 0.01


def test_permute_takes_a_size_and_key_for_each_element() -> None:
    index, size, key = np.array([3, 0, 6]), np.array([10, 1, 7]), np.array([1, 2, 3], np.uint64)
    one_by_one = [int(permute(index[i : i + 1], size[i : i + 1], key[i : i + 1])[0]) for i in range(3)]
    assert permute(index, size, key).tolist() == one_by_one


def test_shares_are_exact_in_each_phase() -> None:
    source = order().places(np.arange(1000)).source
    assert np.bincount(source[:600]).tolist() == [420, 150, 30]
    assert np.bincount(source[600:]).tolist() == [80, 120, 200]


def test_every_window_is_used_equally_often_but_for_the_last_epoch() -> None:
    rows = stream(order(), np.arange(1000))
    for source, counts in enumerate(WINDOWS):
        used = [rows.count((source, shard, window)) for shard, n in enumerate(counts) for window in range(n)]
        passes = sum(used) / counts.sum()
        assert {min(used), max(used)} <= {math.floor(passes), math.ceil(passes)}
        assert sum(used) == sum(row[0] == source for row in rows)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_the_stream_is_the_same_however_it_is_sliced(data: st.DataObject) -> None:
    whole = stream(order(), np.arange(1000))
    world = data.draw(st.sampled_from([1, 2, 8, 16]))
    begin = data.draw(st.integers(0, 900))
    ranks = [stream(order(), np.arange(begin + rank, 1000, world)) for rank in range(world)]
    assert [ranks[i % world][i // world] for i in range(1000 - begin)] == whole[begin:]


def test_shards_of_a_source_are_read_one_after_the_other() -> None:
    chosen = Order(1, [np.array([5, 5, 5])], [OrderPhase(15, [1.0])])
    shard = chosen.places(np.arange(15)).shard
    assert (np.diff(shard) != 0).sum() == 2


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    chosen = Order(1, [np.array([50])], [OrderPhase(100, [1.0])])
    first, second = (chosen.places(np.arange(50) + 50 * epoch).window.tolist() for epoch in (0, 1))
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second
    assert first != Order(2, [np.array([50])], [OrderPhase(100, [1.0])]).places(np.arange(50)).window.tolist()


def test_the_order_is_pinned() -> None:
    """A change of these numbers breaks every run that is to be resumed."""
    pinned = [(0, 0, 4), (1, 0, 156), (0, 0, 6), (2, 2, 3), (2, 0, 1)]
    assert stream(order(), np.array([0, 1, 599, 600, 999])) == pinned


def test_epochs_say_how_often_each_source_is_read() -> None:
    assert order().epochs == pytest.approx([500 / 38, 270 / 500, 230 / 7])
