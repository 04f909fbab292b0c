"""Which settings the arms of an ablation have."""

from pathlib import Path

import pytest

from conf.load import made_settings
from jobs.ablate_arms import NAMED, arms_of, minus_one
from jobs.settings import Settings
from pipelines.ablation_mixtures import drawn_mixtures
from pipelines.run import Committed, Run, to_json
from udfs.errors import UsageError

RUN = Run("somewhere/run")
TREE = {
    "output": "somewhere/run",
    "inputs": ["crawl/*.warc.gz"],
    "recipe": "web",
    "measure": {"edits": {"urls": True}},
    "filter": {"languages": {"en": 0.5}},
    "decontaminate": {"sets": ["exam.jsonl"]},
}


def settings(*arms: object, reference: str = "clean") -> Settings:
    return made_settings({**TREE, "ablate": {"arms": list(arms), "reference": reference}}, [], Settings)


def arms(*names: object) -> dict[str, Settings]:
    found = arms_of(settings("clean", *names), RUN, "held/passages.jsonl", "bpe")
    return {arm.name: arm.settings for arm in found}


def test_every_arm_has_the_runs_tokenizer_and_is_decontaminated_against_held_out_text():
    for name, arm in arms("raw", "minus-one", *NAMED).items():
        assert arm.tokenizer.path == "somewhere/run/tokenizer", name
        assert arm.decontaminate.sets[-1].path == "held/passages.jsonl", name
        assert arm.pack.val_share == 0, name


def test_raw_keeps_whatever_was_extracted():
    raw = arms("raw")["raw"]
    assert [check.reason for check in raw.filter.checks(raw.quality.min_score)] == ["empty"]
    assert (raw.dedup.engine, raw.measure.edits, raw.refine.actions()) == ("none", None, {})
    assert [one.name for one in raw.decontaminate.sets] == ["held_out"]


def test_minus_one_takes_away_each_decision_that_the_run_makes_and_no_other():
    assert minus_one(settings()) == [
        "no-gopher", "no-repetition", "no-c4", "no-fineweb", "no-languages", "no-dedup", "no-edits",
    ]  # fmt: skip
    found = arms("minus-one")
    assert not found["no-gopher"].filter.bounds["gopher"]
    assert not found["no-gopher"].filter.per_language["en"]["gopher"]
    assert found["no-gopher"].filter.bounds["repetition"] == found["clean"].filter.bounds["repetition"]


def test_edits_are_left_out_by_refine_alone_since_all_else_was_measured_with_them():
    base = settings("clean", "no-edits")
    arm = arms_of(base, RUN, "held/passages.jsonl", "bpe")[1]
    assert arm.of_stage("refine", base).measure.edits is None
    assert arm.of_stage("dedup", base).measure == base.measure


def test_a_list_of_numbers_makes_an_arm_of_each_and_a_mapping_one_of_several_changes():
    change = "filter.bounds.repetition.top_2_gram.max"
    found = arms(f"{change}=[0.1, 0.3]", {"strict": [f"{change}=0.05", "dedup.engine=exact"]})
    bounds = {name: arm.filter.bounds["repetition"]["top_2_gram"] for name, arm in found.items()}
    assert {name: bound.max for name, bound in bounds.items() if bound} == {
        "clean": 0.2, f"{change}=0.1": 0.1, f"{change}=0.3": 0.3, "strict": 0.05,
    }  # fmt: skip
    assert found["strict"].dedup.engine == "exact"


def test_a_mixture_is_an_arm_whose_name_is_a_folder():
    found = arms("pack.mixture.weights={crawl: 1, books: 2}")
    assert found["pack.mixture.weights=-crawl-1-books-2"].pack.mixture.weights == {"crawl": 1, "books": 2}


def test_random_mixtures_are_of_the_sources_that_have_text(tmp_path: Path):
    run = Run(str(tmp_path))
    measured = [{"source": name, "tokens": n} for name, n in (("web", 5), ("books", 7), ("web", 1), ("empty", 0))]
    run.write_record("train_tokenizer", {"committed": to_json(Committed("0" * 64, {}, {}, {"measured": measured}))})
    found = arms_of(settings("clean", "mixtures:4"), run, "held/passages.jsonl", "bpe")
    assert [arm.name for arm in found] == ["clean", "mixture-1", "mixture-2", "mixture-3", "mixture-4"]
    assert [arm.settings.pack.mixture.weights for arm in found] == [None, *drawn_mixtures(["books", "web"], 4)]
    with pytest.raises(UsageError, match="too few to learn from of 2 sources"):
        arms_of(settings("clean", "mixtures:3"), run, "held/passages.jsonl", "bpe")


@pytest.mark.parametrize("spec", ["mixtures:", "mixtures:0", "mixtures:many", "mixtures:3"])
def test_mixtures_need_a_number_and_two_sources(spec: str):
    with pytest.raises(UsageError, match="mixtures"):
        arms("clean", spec)


@pytest.mark.parametrize(
    "change", ["measure.families.chinesewebtext=true", "seed=5", "dedup.bands=3", "tokenizer.vocab_size=900"]
)
def test_an_arm_may_not_change_what_was_measured_or_the_tokenizer(change: str):
    with pytest.raises(UsageError, match="has settled for all arms"):
        arms(change)


@pytest.mark.parametrize(("name", "said"), [("no-gofer", "did you mean 'no-gopher'"), ("rw", "did you mean 'raw'")])
def test_a_misspelt_arm_is_told_the_nearest(name: str, said: str):
    with pytest.raises(UsageError, match=said):
        arms(name)


def test_two_arms_of_one_name_and_a_reference_that_is_no_arm_are_refused():
    with pytest.raises(UsageError, match="two arms are called 'strict'"):
        arms({"strict": ["dedup.engine=exact"]}, {"strict": ["dedup.engine=none"]})
    with pytest.raises(UsageError, match="there is no arm 'base'"):
        arms_of(settings("clean", reference="base"), RUN, "held/passages.jsonl", "bpe")
