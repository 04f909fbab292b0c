"""Bits per byte, differences and intervals, against numbers worked out by hand and what is known of the data."""

import math

import numpy as np
import pytest

from pipelines.ablation_statistics import Losses, bits_per_byte, chosen, difference, groups, losses_of

N_DOCUMENTS = 60


def losses(shift: float = 0.0, noise: float = 0.0, n_seeds: int = 3, seed: int = 0) -> Losses:
    """Documents of 100 bytes at about 200 bits each; `shift` in bits per byte, and noise of each seed and document."""
    base = np.random.default_rng(1).normal(200, 30, N_DOCUMENTS)
    draw = np.random.default_rng(seed)
    nats = (base + 100 * shift + draw.normal(0, 100 * noise, (n_seeds, N_DOCUMENTS))) * math.log(2)
    return Losses(nats, np.full(N_DOCUMENTS, 100.0), ["en", "zh"] * (N_DOCUMENTS // 2))


def test_bits_per_byte_are_nats_over_bytes_and_sources_count_alike():
    small = Losses(np.array([[math.log(2) * 8]]), np.array([4.0]), ["en"])
    large = Losses(np.array([[math.log(2) * 100, math.log(2) * 300]]), np.array([100.0, 100.0]), ["en", "en"])
    assert bits_per_byte([small]).tolist() == pytest.approx([2.0])
    assert bits_per_byte([large]).tolist() == pytest.approx([2.0])
    assert bits_per_byte([large.of("en"), Losses(small.nats * 2, small.n_bytes, ["en"])]).tolist() == pytest.approx([3])


def test_a_real_difference_is_called_and_its_sign_says_which_arm_is_better():
    worse = difference([losses(0.02, 0.02, seed=1)], [losses(0.0, 0.02, seed=2)])
    assert worse.verdict == "worse"
    assert worse.low < worse.value < worse.high
    assert difference([losses(-0.02, 0.02, seed=1)], [losses(0.0, 0.02, seed=2)]).verdict == "better"


def test_documents_that_differ_among_each_other_do_not_hide_a_difference_that_all_have():
    found = difference([losses(0.001)], [losses()])
    assert found.low == pytest.approx(0.001)
    assert found.high == pytest.approx(0.001)


def test_arms_of_the_same_kind_are_called_different_about_as_often_as_promised():
    calls = [difference([losses(0, 0.05, seed=2 * i)], [losses(0, 0.05, seed=2 * i + 1)]).verdict for i in range(60)]
    assert 54 <= calls.count("no difference shown") <= 60


def test_luck_that_all_documents_of_a_seed_share_widens_the_interval():
    lucky = np.array([[0.0], [6.0], [-5.0]]) * math.log(2)
    base = losses()
    arm = Losses(base.nats + lucky + math.log(2), base.n_bytes, base.languages)
    found = difference([arm], [base])
    assert found.verdict == "no difference shown"
    assert found.high - found.low > 0.05


def test_the_same_losses_have_the_same_interval_every_time():
    assert difference([losses(0.01, 0.02, seed=5)], [losses()]) == difference([losses(0.01, 0.02, seed=5)], [losses()])


def test_groups_are_everything_each_source_and_each_language_that_there_is():
    scored = {"news": losses(), "novel": Losses(np.ones((3, 2)), np.ones(2), ["zh", "zh"])}
    found = groups(scored)
    assert list(found) == ["all", "news", "novel", "language en", "language zh"]
    assert [len(one.n_bytes) for one in chosen(scored, found["language zh"])] == [N_DOCUMENTS // 2, 2]
    assert list(groups({"novel": scored["novel"]})) == ["all"]


def test_score_files_become_a_row_for_each_seed():
    row = {"doc_id": "a", "language": "en", "n_bytes": 10.0, "n_targets": 3}
    scores = [{"sources": {"news": [{**row, "nats": nats}]}} for nats in (1.0, 2.0)]
    assert losses_of(scores)["news"].nats.tolist() == [[1.0], [2.0]]
