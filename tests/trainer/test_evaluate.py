"""The yardsticks, computed again the long way round."""
# ruff: noqa: E402 - what needs torch is imported after the check for it

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'gristmill[trainer]'")

from trainer import evaluate
from trainer.data import Split, open_data
from trainer.model import Llama, init_weights
from trainer.settings import Settings
from udfs.shards import read_docs

MakeSettings = Callable[..., Settings]


def tokens_and_bytes(split: Split, source: int, shard: int) -> list[tuple[int, bool, float]]:
    """(id, is the first of its document, bytes of text) of every token of a shard."""
    mapped = split.mapped(source, shard)
    found = []
    for row in read_docs(mapped.prefix, ["token_start", "n_tokens", "n_bytes"]).to_pylist():
        ids: list[Any] = mapped.tokens[row["token_start"] : row["token_start"] + row["n_tokens"]].tolist()
        found += [(token, i == 0, row["n_bytes"] / row["n_tokens"]) for i, token in enumerate(ids)]
    return found


def test_unigram_entropy_is_that_of_the_counted_targets(make_settings: MakeSettings) -> None:
    train = open_data(make_settings()).train(32)
    every = [token for source in (0, 1) for shard in (0, 1) for token in tokens_and_bytes(train, source, shard)]
    counts = Counter(token for token, is_first, _ in every if not is_first)
    n = counts.total()
    nats = -sum(count * math.log(count / n) for count in counts.values())
    score = evaluate.unigram(train, 64)
    assert score.n_targets == n
    assert score.loss == pytest.approx(nats / n)
    assert score.bits_per_byte == pytest.approx(nats / math.log(2) / sum(size for _, _, size in every))


def test_unigram_entropy_of_a_sample_takes_a_like_part_of_each_shard(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = open_data(make_settings()).train(32)
    whole = evaluate.unigram(train, 64)
    monkeypatch.setattr(evaluate, "UNIGRAM_TOKENS", whole.n_targets // 4)
    part = evaluate.unigram(train, 64)
    assert part.n_targets == pytest.approx(whole.n_targets / 4, rel=0.05)
    assert part.loss == pytest.approx(whole.loss, rel=0.02)


def held_out(settings: Settings, val: Split) -> evaluate.Scores:
    assert settings.model is not None
    model = init_weights(Llama(settings.model, 64), 1)
    return evaluate.held_out(model, val, settings, torch.device("cpu"))


def test_held_out_counts_the_targets_and_their_bytes(make_settings: MakeSettings) -> None:
    settings = make_settings("held_out.windows=3")
    val = open_data(settings).val
    scores = evaluate.together(held_out(settings, val), 0)
    for source, name in enumerate(val.sources):
        targets = tokens_and_bytes(val, source, 0)[1 : 3 * settings.seq_len + 1]
        assert scores[name].n_targets == sum(not is_first for _, is_first, _ in targets)
        assert scores[name].n_bytes == pytest.approx(sum(size for _, _, size in targets))
        assert scores[name].loss == pytest.approx(math.log(64), abs=0.05)  # nothing learned: every token alike


def test_a_source_too_small_for_a_sequence_has_no_score(make_settings: MakeSettings) -> None:
    settings = make_settings()
    val = open_data(settings).val
    val.windows[0] = np.zeros(1, np.int64)
    scores = evaluate.together(held_out(settings, val), 0)
    assert set(scores) == {val.sources[1]}


def test_the_documents_of_a_source_add_up_to_its_score(make_settings: MakeSettings) -> None:
    settings = make_settings("held_out.windows=5")
    val = open_data(settings).val
    assert settings.model is not None
    model = init_weights(Llama(settings.model, 64), 1)
    by_source = evaluate.together(held_out(settings, val), 0)
    found = evaluate.by_document(model, val, settings, torch.device("cpu"))
    for source, name in enumerate(val.sources):
        whole, rows = by_source[name], found[name]
        assert sum(row["nats"] for row in rows) == pytest.approx(whole.nats, rel=1e-6)
        assert sum(row["n_targets"] for row in rows) == whole.n_targets
        assert sum(row["n_bytes"] for row in rows) == pytest.approx(whole.n_bytes)
        first = read_docs(val.mapped(source, 0).prefix, ["doc_id", "n_bytes", "n_tokens"]).to_pylist()[0]
        assert rows[0]["doc_id"] == first["doc_id"]
        without_bos = first["n_bytes"] * (first["n_tokens"] - 1) / first["n_tokens"]
        assert rows[0]["n_bytes"] == pytest.approx(without_bos)
