"""Mutated inputs of every kind: none crashes, none hangs, each is accounted for. `fuzz.py` makes more of them."""

import pytest
from fuzz import TARGETS, fuzz

DEAR = {"trafilatura": 40, "settings": 150, "warc": 100}


@pytest.mark.parametrize("times", [1, pytest.param(20, marks=pytest.mark.slow)])
@pytest.mark.parametrize("target", TARGETS)
def test_mutated_inputs_are_accounted_for(target: str, times: int):
    assert fuzz(target, 0, times * DEAR.get(target, 300))["wrong"] == []
