"""What trainings are told, how they are named, and what becomes of one that fails; test_ablate trains models."""

import importlib.metadata
from pathlib import Path

import pytest

from jobs.ablate_training import (
    Budget,
    Training,
    foreseen_seconds,
    minutes,
    run_all,
    settings_of,
    torch_version,
    training,
)
from pipelines.ablation import AblateSettings
from trainer.settings import Settings
from udfs.errors import ContractError, UsageError

ABLATE = AblateSettings()
BUDGET = Budget("tiny", 500_000)


def named(content: str = "shards", seed: int = 1, budget: Budget = BUDGET, **changes: object) -> str:
    told = settings_of(budget, seed, AblateSettings.model_validate(changes))
    return training(Path("trainings"), "clean", "a/shards", content, told, budget).folder.name


def test_the_trainer_takes_what_it_is_told():
    told = settings_of(BUDGET, 2, ABLATE)
    settings = Settings.model_validate({**told, "shards": "a", "output": "b"})
    assert (settings.seed, settings.order_seed) == (2, 0)
    assert settings.steps * ABLATE.sequences * ABLATE.seq_len == pytest.approx(BUDGET.tokens, rel=0.01)


def test_a_training_is_named_by_all_that_its_result_depends_on_and_by_nothing_else():
    pytest.importorskip("torch", reason="torch is not installed: pip install 'gristmill[trainer]'")
    assert named() == named() == named(name="another", arms=["raw", "clean", "no-dedup"])
    others = [
        named(content="other"), named(seed=2), named(budget=Budget("7M", 500_000)), named(lr=1e-3), named(seq_len=128),
    ]  # fmt: skip
    assert len({named(), *others}) == 6


def test_without_torch_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch):
    def absent(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", absent)
    with pytest.raises(UsageError) as error:
        torch_version()
    assert "gristmill[trainer]" in error.value.hint


def test_a_training_that_fails_ends_the_ablation_with_what_it_said(tmp_path: Path):
    pytest.importorskip("torch", reason="torch is not installed: pip install 'gristmill[trainer]'")
    broken = Training("clean", BUDGET, 1, tmp_path, settings_of(BUDGET, 1, ABLATE))
    broken.file.write_text('{"shards": "nowhere", "seqlen": 3}')
    with pytest.raises(ContractError, match=r"(?s)clean, seed 1, ended with 2:.*did you mean 'seq_len'"):
        run_all([(broken, ("train",))], 1, lambda ended, left: None)


def test_time_is_shared_by_trainings_side_by_side():
    assert foreseen_seconds(6_000_000, 0, 0, 1000.0, 2) == 3000
    assert (minutes(45.2), minutes(3000)) == ("45 s", "50 min")
