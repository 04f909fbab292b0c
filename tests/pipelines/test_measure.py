"""Settings of measure: which families of signals, and the lists that come from files."""

from pathlib import Path

import pytest

from conf.load import SettingsError, load_settings
from jobs.settings import Settings
from pipelines.measure import MeasureSettings
from udfs.errors import InputError


def settings(tmp_path: Path, *overrides: str) -> Settings:
    file = tmp_path / "settings.yaml"
    file.write_text("output: run\ninputs: [x.jsonl]\nrecipe: dclm\n")
    return load_settings(str(file), overrides, Settings)


def test_four_families_are_measured_unless_told_otherwise():
    chosen = MeasureSettings.model_validate({"families": {"dclm": True, "fineweb": False}})
    assert chosen.measured_families() == ("gopher", "repetition", "c4", "dclm")


def test_a_family_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="no signal family 'gofer'; did you mean 'gopher'"):
        MeasureSettings.model_validate({"families": {"gofer": True}})


def test_a_bound_on_a_family_that_is_not_measured_is_refused(tmp_path: Path):
    assert settings(tmp_path).measure.measured_families()[-1] == "dclm"
    with pytest.raises(SettingsError, match=r"a bound is set on dclm\..*, but measure.families.dclm is not true"):
        settings(tmp_path, "measure.families.dclm=false")


def test_lists_are_read_from_their_files(tmp_path: Path):
    (tmp_path / "words").write_text("damn\n\n go away \n", encoding="utf-8")
    (tmp_path / "characters").write_text("# from OpenCC\n們\t们\n國\t国\n", encoding="utf-8")
    chosen = MeasureSettings(
        bad_words=str(tmp_path / "words"), traditional=str(tmp_path / "characters"), stop_words={"en": ("the",)}
    )
    lists = chosen.word_lists()
    assert (lists.bad_words, lists.traditional) == (("damn", "go away"), "們國")
    assert lists.stop_words == {"en": ("the",)}
    assert sorted(chosen.outside_files()) == ["bad_words", "traditional"]
    assert chosen.identity().keys().isdisjoint(chosen.outside_files()), "what a list holds decides, not where it stands"


def test_models_of_perplexity_count_by_what_they_hold(tmp_path: Path):
    files = {"lm": "/models/en.arpa.bin", "sentencepiece": "/models/en.sp.model"}
    chosen = MeasureSettings.model_validate({"perplexity": {"en": files}})
    assert chosen.outside_files() == {f"perplexity/en/{name}": file for name, file in files.items()}
    assert "perplexity" not in chosen.identity()
    assert chosen.word_lists() == MeasureSettings().word_lists(), "a model is no list"


def test_a_bound_on_perplexity_wants_a_model(tmp_path: Path):
    measured = "measure.families.perplexity=true"
    bound = "filter.per_language={en: {perplexity: {ccnet: {max: 340}}}}"
    models = "measure.perplexity={%s: {lm: x.arpa, sentencepiece: x.model}}"
    assert settings(tmp_path, measured, bound, models % "en").measure.perplexity
    with pytest.raises(SettingsError, match=r"perplexity.ccnet for en, but measure.perplexity has no model for en"):
        settings(tmp_path, measured, bound, models % "zh")
    with pytest.raises(SettingsError, match=r"perplexity.ccnet, but measure.perplexity has no model"):
        settings(tmp_path, measured, "filter.bounds.perplexity.ccnet.max=340")


def test_a_missing_list_is_named(tmp_path: Path):
    with pytest.raises(InputError, match="no such file"):
        MeasureSettings(bad_words=str(tmp_path / "nowhere")).word_lists()
