"""Phases of one run: lengths, mixtures, what stands behind a step and the steps behind a document."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from trainer.data import open_data
from trainer.settings import Settings
from trainer.stream import Stream

MakeSettings = Callable[..., Settings]
PHASES = "phases=[{steps: 5}, {steps: 3, seq_len: 64, sequences: 2, weights: {web: 1}}, {steps: 4}]"


@pytest.fixture
def stream(make_settings: MakeSettings) -> Stream:
    settings = make_settings(PHASES)
    return Stream(settings, open_data(settings))


def test_each_phase_has_its_length_its_sequences_and_its_sources(stream: Stream) -> None:
    assert [stream.batch(step).tokens.shape for step in (0, 4, 5, 7, 8)] == [
        (4, 32),
        (4, 32),
        (2, 64),
        (2, 64),
        (4, 32),
    ]
    assert {row["source"] for step in (5, 6, 7) for row in stream.trace(step)} == {"web"}
    assert stream.n_tokens == 9 * 4 * 32 + 3 * 2 * 64


def test_phases_of_one_length_go_on_where_the_one_before_ended(stream: Stream) -> None:
    samples = np.concatenate([stream.samples(step)[1] for step in (0, 1, 2, 3, 4, 8, 9, 10, 11)])
    assert samples.tolist() == list(range(36))


@pytest.mark.parametrize("size", [2, 4])
def test_processes_share_a_step_out(stream: Stream, size: int) -> None:
    parts = [stream.batch(3, rank, size).tokens for rank in range(size)]
    assert np.array_equal(np.concatenate(parts), stream.batch(3).tokens)


def test_the_steps_of_a_document_are_those_whose_trace_names_it(stream: Stream) -> None:
    named = [{row["doc_id"] for row in stream.trace(step)} for step in range(12)]
    most_used = Counter(doc for docs in named for doc in docs).most_common(3)
    for doc, _ in most_used:
        assert list(stream.steps_of(doc)) == [step for step in range(12) if doc in named[step]]
    assert list(stream.steps_of("books-train-7-7")) == []


def test_temperature_lifts_small_sources(make_settings: MakeSettings) -> None:
    def share_of_books(temperature: float) -> float:
        weights = f"weights: {{books: 1, web: 9}}, temperature: {temperature}"
        settings = make_settings(f"phases=[{{steps: 50, {weights}}}]")
        part = Stream(settings, open_data(settings)).parts[0]
        return float((part.order.places(np.arange(200)).source == 0).mean())

    assert share_of_books(1.0) == pytest.approx(0.1, abs=0.01)
    assert share_of_books(2.0) == pytest.approx(0.25, abs=0.01)
    assert share_of_books(1e6) == pytest.approx(0.5, abs=0.01)


def test_the_order_has_a_seed_of_its_own_where_one_is_given(make_settings: MakeSettings) -> None:
    def places(*overrides: str) -> list[tuple[int, int, int]]:
        settings = make_settings(*overrides)
        return Stream(settings, open_data(settings)).places(3).rows()

    assert places("seed=1", "order_seed=9") == places("seed=2", "order_seed=9") == places("seed=9")
    assert places("seed=1") != places("seed=2")
