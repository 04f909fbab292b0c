"""From shares, budgets and factors to epochs by source."""

import pytest
from pydantic import ValidationError

from pipelines.mixture import MixtureSettings, epochs_of
from udfs.errors import UsageError

TOKENS = {"web": 8000.0, "code": 1000.0, "wiki": 1000.0}


def mixture(**values: object) -> MixtureSettings:
    return MixtureSettings.model_validate(values)


def made(epochs: dict[str, float]) -> dict[str, float]:
    return {source: pytest.approx(epochs[source] * TOKENS[source]) for source in TOKENS}


def test_without_settings_every_source_stands_once():
    assert epochs_of(mixture(), TOKENS) == dict.fromkeys(TOKENS, 1.0)
    assert mixture().is_plain
    assert not mixture(epochs=2).is_plain


def test_epochs_alone_are_exact_and_sources_not_named_stand_once():
    assert epochs_of(mixture(epochs=2.5), TOKENS) == dict.fromkeys(TOKENS, 2.5)
    assert epochs_of(mixture(epochs={"wiki": 3}), TOKENS) == {"web": 1.0, "code": 1.0, "wiki": 3.0}


def test_weights_give_as_much_as_the_scarcest_source_allows():
    """0.2 of the tokens are wiki's 1000: so 5000 in all."""
    found = epochs_of(mixture(weights={"web": 8, "wiki": 2}), TOKENS)
    assert made(found) == {"web": 4000.0, "code": 0.0, "wiki": 1000.0}
    found = epochs_of(mixture(weights={"web": 8, "wiki": 2}, epochs=1.5), TOKENS)
    assert made(found) == {"web": 6000.0, "code": 0.0, "wiki": 1500.0}


def test_a_budget_is_shared_by_weights_and_by_size_without_them():
    found = epochs_of(mixture(weights={"web": 0.5, "code": 0.3, "wiki": 0.2}, tokens=4000, epochs=2), TOKENS)
    assert made(found) == {"web": 2000.0, "code": 1200.0, "wiki": 800.0}
    assert epochs_of(mixture(tokens=1000), TOKENS) == pytest.approx(dict.fromkeys(TOKENS, 0.1))


def test_temperature_lifts_small_sources():
    """Square roots of 8:1:1 are 2.83:1:1."""
    found = made(epochs_of(mixture(temperature=2, tokens=4000), TOKENS))
    share = 8**0.5 / (8**0.5 + 2)
    assert found == {"web": 4000 * share, "code": 2000 * (1 - share), "wiki": 2000 * (1 - share)}


def test_a_budget_beyond_the_epochs_allowed_says_what_there_is():
    with pytest.raises(UsageError, match=r"11,000 tokens would repeat \w+ 1\.10 times") as error:
        epochs_of(mixture(tokens=11_000), TOKENS)
    assert "at most 10,000" in error.value.hint
    assert sum(e * TOKENS[s] for s, e in epochs_of(mixture(tokens=11_000, epochs=2), TOKENS).items()) == pytest.approx(
        11_000
    )


@pytest.mark.parametrize("key", ["weights", "epochs"])
def test_a_source_that_is_not_there_is_named(key: str):
    with pytest.raises(UsageError, match=f"pack.mixture.{key}: clean has no source books") as error:
        epochs_of(mixture(**{key: {"books": 1, "web": 1}}), TOKENS)
    assert error.value.hint == "its sources are code, web, wiki"


@pytest.mark.parametrize("weights", [{"empty": 1, "web": 1}, {"web": 0}])
def test_a_weight_without_text_is_refused(weights: dict[str, float]):
    with pytest.raises(UsageError, match="no training text of"):
        epochs_of(mixture(weights=weights), TOKENS | {"empty": 0.0})


def test_without_weights_a_source_without_training_text_has_none_and_hinders_nothing():
    assert epochs_of(mixture(tokens=1000), TOKENS | {"empty": 0.0})["empty"] == 0.0


def test_the_factors_a_document_may_have():
    assert mixture().factors == (1.0, 1.0)
    assert mixture(quality=[{"min": 0.5, "factor": 3}]).factors == (0.0, 3.0)
    assert mixture(cluster_power=0.5).factors == (1.0, 4.0)


@pytest.mark.parametrize("wrong", [{"weights": {"web": -1}}, {"epochs": 0}, {"temperature": 0}, {"tokens": 0}])
def test_values_that_mean_nothing_are_refused(wrong: dict):
    with pytest.raises(ValidationError):
        mixture(**wrong)
