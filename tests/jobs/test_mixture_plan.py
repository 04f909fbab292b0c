"""What `gristmill plan` foresees is what pack then makes."""

import re

import pytest
from tiny_corpus import Command, TinyRun

from jobs.mixture_plan import advice


def test_the_plan_foresees_the_tokens_that_the_shards_hold(tiny_run: TinyRun, gristmill: Command) -> None:
    finished = gristmill("plan", "--settings", tiny_run.settings, "--parameters", "1e6")
    assert finished.code == 0, finished.err
    packed = tiny_run.record("pack")["committed"]["counts"]
    [foreseen] = re.findall(r"([\d,]+) training tokens", finished.out)
    assert int(foreseen.replace(",", "")) == pytest.approx(packed["windows"]["tokens"], rel=0.1)
    for row in packed["mixture"]:
        assert re.search(rf"^{re.escape(row['source'])} .*\s1\.00\s", finished.out, re.MULTILINE)
    assert "it wants 20,000,000 tokens" in finished.out


def test_the_plan_shows_a_mixture_that_is_not_packed_yet(tiny_run: TinyRun, gristmill: Command) -> None:
    mixture = "--set=pack.mixture={weights: {c4: 1, reference: 1}, epochs: 6}"
    finished = gristmill("plan", "--settings", tiny_run.settings, mixture)
    assert finished.code == 0, finished.err
    shares = dict(re.findall(r"^(\w+) .* ([\d.]+)%", finished.out, re.MULTILINE))
    assert (shares["c4"], shares["reference"], shares["crawl"]) == ("50.0", "50.0", "0.0")
    assert "a source stands 6.0 times" in finished.out


def test_advice_is_by_twenty_tokens_a_parameter_and_six_flop_each() -> None:
    assert advice(20e9, None, 1) == [
        (
            "20,000,000,000 training tokens: at 20 a parameter, enough for a model of 1,000,000,000 parameters and "
            "1.2e+20 FLOP (C = 6ND)"
        )
    ]
    assert "it wants 40,000,000,000 tokens, 2.0 times as many" in advice(20e9, 2e9, 1)
    assert "that is 10.0 times the compute-optimal number: a small model trained long" in advice(20e9, 1e8, 1)
