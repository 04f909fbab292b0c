"""Whole documents in rows: nothing lost, nothing cut that fits, only what counts is a target."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from chat_data import write_chat
from hypothesis import given
from hypothesis import strategies as st

from trainer.data import NO_TARGET, Split, open_data
from trainer.rows import best_fit
from trainer.settings import Settings

MakeSettings = Callable[..., Settings]


@given(st.lists(st.integers(1, 64), min_size=1, max_size=200), st.integers(64, 100))
def test_every_thing_is_in_one_row_and_no_row_is_overfull(lengths: list[int], room: int) -> None:
    rows = best_fit(np.array(lengths), room)
    assert sorted(number for row in rows for number in row) == list(range(len(lengths)))
    assert all(sum(lengths[number] for number in row) <= room for row in rows)


@given(st.lists(st.integers(1, 32), min_size=1, max_size=100))
def test_rows_are_few(lengths: list[int]) -> None:
    """Best-fit decreasing needs at most 11/9 of the fewest rows, and 4 (Johnson 1973)."""
    assert len(best_fit(np.array(lengths), 32)) <= 11 / 9 * -(-sum(lengths) // 32) * 2 + 4
    fits = [n for n in lengths if n == 32]
    assert len(best_fit(np.array(fits or [32]), 32)) == max(1, len(fits))


@pytest.fixture(params=["sft", "preference"])
def split(request: pytest.FixtureRequest, make_settings: MakeSettings, tmp_path: Path) -> Split:
    folder = write_chat(tmp_path / "chat", request.param, n_rows=50)
    return open_data(make_settings(f"shards={folder}", "seq_len=40")).train(40)


def test_each_document_stands_whole_in_a_row_with_the_targets_that_count(split: Split) -> None:
    mapped = split.mapped(0, 0)
    batch = split.batch(split.first_places(0, 10**6))
    tokens, targets = batch.tokens.reshape(-1), batch.targets.reshape(-1)
    found = []
    for start, end in zip(batch.bounds[:-1], batch.bounds[1:], strict=True):
        counted = targets[start:end] != NO_TARGET
        found.append(
            (tokens[start : start + counted.nonzero()[0].max() + 1].tolist(), targets[start:end][counted].tolist())
        )
    expected = []
    for start, n in zip(mapped.starts, mapped.lengths, strict=True):
        ids = mapped.tokens[start : start + n]
        assert mapped.loss is not None
        expected.append((ids[:-1].tolist(), ids[mapped.loss[start : start + n] == 1].tolist()))
    assert sorted(found) == sorted(expected)


def test_the_answers_of_a_pair_follow_each_other(make_settings: MakeSettings, tmp_path: Path) -> None:
    folder = write_chat(tmp_path / "pairs", "preference", n_rows=30)
    split = open_data(make_settings(f"shards={folder}")).train(64)
    cut, names = split.cut(0, 0), []
    for window in range(len(cut)):
        names += [row["doc_id"] for row in cut.mapped.documents(cut.documents(window))]
    assert len(names) == 60
    for chosen, rejected in zip(names[::2], names[1::2], strict=True):
        assert (chosen.split("/"), rejected.split("/")[1]) == ([rejected.split("/")[0], "chosen"], "rejected")


def test_a_document_that_is_too_long_loses_its_end(make_settings: MakeSettings, tmp_path: Path) -> None:
    folder = write_chat(tmp_path / "chat", "sft", n_rows=20)
    split = open_data(make_settings(f"shards={folder}")).train(10)
    assert split.cut(0, 0).n_cut == int((split.mapped(0, 0).lengths > 11).sum()) > 0
    assert split.batch(split.first_places(0, 100)).tokens.shape[1] == 10
