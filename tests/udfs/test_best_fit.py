"""Documents put into windows: nothing lost, windows that end between documents, and little room left."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from udfs.best_fit import best_fit, n_cut

LENGTHS = st.lists(st.integers(1, 70), min_size=1, max_size=60)


def web_lengths(n: int, seed: int = 0) -> np.ndarray:
    """Lengths in tokens as those of web pages: median 450, some longer than any window."""
    return np.clip(np.random.default_rng(seed).lognormal(6.1, 1.15, n).astype(np.int64), 35, 300_000)


def greedy(lengths: list[int], window: int) -> int:
    """Windows that best-fit decreasing opens, after one for each remainder, looked for in a list."""
    room = [window - length % window for length in lengths if length > window and length % window]
    for length in sorted((length for length in lengths if length < window), reverse=True):
        fits = [r for r in room if r >= length]
        if fits:
            room.remove(min(fits))
        room.append(min(fits, default=window) - length)
    return len(room) + sum(length // window for length in lengths)


@given(LENGTHS, st.integers(1, 40))
def test_every_document_is_laid_out_once_and_filled_windows_end_between_documents(lengths: list[int], window: int):
    packing = best_fit(np.array(lengths), window)
    assert sorted(packing.order.tolist()) == list(range(len(lengths)))
    filled = np.array(lengths)[packing.order[: packing.n_filled]]
    assert filled.sum() % window == 0
    assert n_cut(filled, window)[1] == 0


@given(LENGTHS, st.integers(1, 40))
def test_as_many_windows_are_opened_as_best_fit_decreasing_opens(lengths: list[int], window: int):
    assert best_fit(np.array(lengths), window).n_windows == greedy(lengths, window)


@given(LENGTHS, st.integers(1, 40))
def test_documents_of_windows_that_are_not_filled_keep_their_order_at_the_end(lengths: list[int], window: int):
    packing = best_fit(np.array(lengths), window)
    left = packing.order[packing.n_filled :].tolist()
    assert left == sorted(left)
    assert packing.n_windows * window - sum(lengths) == 0 or left


def test_a_small_case_is_laid_out_by_hand():
    """Window 10: 23 leaves 3 behind two windows, 7 goes with it; 6 and 4 fill one; 10 is one; 8 and 5 are left."""
    packing = best_fit(np.array([6, 8, 23, 10, 4, 5, 7]), 10)
    assert packing.order.tolist() == [0, 4, 2, 6, 3, 1, 5]
    assert (packing.n_filled, packing.n_windows) == (5, 7)


def test_cut_documents_are_counted_apart_from_those_that_are_too_long():
    assert n_cut(np.array([3, 4, 5, 12, 6]), 10) == (2, 1)
    assert n_cut(np.array([10, 10]), 10) == (0, 0)


def test_windows_of_web_pages_are_filled_to_a_thousandth():
    lengths = web_lengths(150_000)
    for window in (2048, 4096, 8192):
        packing = best_fit(lengths, window)
        assert 1 - lengths.sum() / (packing.n_windows * window) < 0.001
        laid = lengths[packing.order]
        assert n_cut(laid, window)[1] < 0.015 * len(lengths) < n_cut(lengths, window)[1] / 6


def test_the_filled_windows_are_no_curriculum_by_length():
    """They stand in the order of their first documents, so lengths do not fall along the shard."""
    lengths = web_lengths(20_000)
    packing = best_fit(lengths, 2048)
    laid = lengths[packing.order[: packing.n_filled]]
    first, second = laid[: len(laid) // 2], laid[len(laid) // 2 :]
    assert 0.8 < first.mean() / second.mean() < 1.25


def test_one_document_or_only_long_ones_are_laid_out():
    assert best_fit(np.array([5]), 10).order.tolist() == [0]
    packing = best_fit(np.array([20, 25, 15, 10]), 10)
    assert packing.order.tolist() == [0, 3, 1, 2]
    assert (packing.n_filled, packing.n_windows) == (2, 8)
