"""What is decided about a text before and after the model: beginnings, capitals, addresses, Han, evidence, groups."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import fasttext
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.errors import InputError
from udfs.language import GROUPS, LanguagePlan, default_model, groups_of, identify, load_model

PLAN = LanguagePlan(default_model())
AS_FASTTEXT = replace(PLAN, fold_capitals=False, strip_urls=False)
ENGLISH = "All human beings are born free and equal in dignity and rights."
FRENCH = "Tous les êtres humains naissent libres et égaux en dignité et en droits."
CROATIAN = "Ovo je tekst na hrvatskom jeziku, a možda i na nekom drugom."
POEM = "床前明月光\n疑是地上霜\n举头望明月\n低头思故乡"


@pytest.fixture(scope="module")
def library() -> Any:
    fasttext.FastText.eprint = lambda *args: None
    return fasttext.load_model(default_model())


def languages(texts: list[str | None], plan: LanguagePlan = PLAN) -> list[str]:
    return identify(pa.array(texts, pa.string()), plan)["language"].to_pylist()


def score(text: str, plan: LanguagePlan = PLAN) -> float:
    return identify(pa.array([text]), plan)["language_score"][0].as_py()


def test_every_text_has_a_language_a_score_and_a_group() -> None:
    found = identify(pa.array([ENGLISH, FRENCH, CROATIAN]), PLAN)
    assert found["language"].to_pylist() == ["en", "fr", "hr"]
    assert found["language_group"].to_pylist() == ["en", "fr", "hr+sr+bs+sh"]
    assert [values.type for values in found.values()] == [pa.string(), pa.float64(), pa.string(), pa.float64()]
    scores, group_scores = found["language_score"].to_pylist(), found["language_group_score"].to_pylist()
    assert scores[:2] == group_scores[:2]
    assert scores[2] < 0.5 < 0.8 < group_scores[2]


@pytest.mark.parametrize(
    "text", [None, "", " \n", "12345 67", "😀😀", "</s> " + ENGLISH, "__label__en", "http://a.example/the"]
)
def test_without_evidence_the_language_is_undetermined(text: str | None) -> None:
    found = identify(pa.array([text], pa.string()), PLAN)
    assert [values[0].as_py() for values in found.values()] == ["und", 0.0, "und", 0.0]


def test_no_text_is_no_row() -> None:
    assert [len(values) for values in identify(pa.array([], pa.string()), PLAN).values()] == [0, 0, 0, 0]


@given(st.lists(st.text(max_size=40), min_size=1, max_size=8), st.integers(1, 30))
def test_with_all_switches_off_the_first_characters_are_scored_as_by_fasttext(
    library: Any, texts: list[str], max_chars: int
) -> None:
    labels, scores = library.predict([text[:max_chars].replace("\n", " ") for text in texts])
    found = identify(pa.array(texts), replace(AS_FASTTEXT, max_chars=max_chars))
    for i, language in enumerate(found["language"].to_pylist()):
        if language != "und":
            assert (f"__label__{language}", found["language_score"][i].as_py()) == (
                labels[i][0],
                min(1, scores[i][0].item()),
            )


def test_what_stands_behind_the_first_characters_does_not_count() -> None:
    plan = replace(PLAN, max_chars=len(ENGLISH))
    assert score(ENGLISH + FRENCH * 9, plan) == score(ENGLISH)


def test_a_text_in_capitals_is_read_in_small_letters() -> None:
    assert score(FRENCH.upper()) == score(FRENCH.lower())
    assert languages([FRENCH.upper()], AS_FASTTEXT) != ["fr"]
    half = FRENCH.lower() + FRENCH.upper()
    assert score(half) == score(half, AS_FASTTEXT), "as many capitals as small letters are left"


def test_only_short_texts_are_read_without_their_urls() -> None:
    url = "https://www.example.com/a-page-with-an-english-name?and=parameters"
    assert score(f"{FRENCH} {url}") == score(f"{FRENCH}  ") > score(f"{FRENCH} {url}", AS_FASTTEXT)
    assert score(f"看 {url}，再说") == score("看  ，再说"), "a URL ends where its characters do"
    long = f"{FRENCH * 3} {url}"
    assert score(long) == score(long, AS_FASTTEXT)


def test_spaced_han_characters_are_words() -> None:
    spaced = "".join(char + " " if char >= "\u3400" else char for char in POEM)
    plan = replace(PLAN, han_spacing=True)
    assert score(POEM, plan) == score(spaced) != score(POEM)
    assert score(ENGLISH, plan) == score(ENGLISH)
    assert languages(["日本国民は正当に選挙された国会における代表者を通じて行動する"], plan) == ["ja"]


def test_every_label_of_a_group_is_a_label_of_the_model_and_in_no_other_group() -> None:
    labels = load_model(PLAN.model, PLAN.engine).labels
    grouped = [label for group in GROUPS for label in group]
    assert len(set(grouped)) == len(grouped)
    assert set(grouped) <= set(labels)
    names, numbers = groups_of(labels)
    assert len(set(numbers)) == len(set(names)) == len(labels) - len(grouped) + len(GROUPS)


@pytest.mark.parametrize("han_spacing", [False, True])
def test_the_library_engine_gives_the_same_answers(han_spacing: bool) -> None:
    texts = [ENGLISH, FRENCH.upper(), CROATIAN, POEM, "", "see https://a.example/b " + FRENCH, "a\nb\0c"]
    ours, theirs = (
        identify(pa.array(texts), replace(PLAN, engine=engine, han_spacing=han_spacing))
        for engine in ("kernel", "fasttext")
    )
    for name in ("language", "language_score", "language_group"):
        assert ours[name].to_pylist() == theirs[name].to_pylist()
    assert ours["language_group_score"].to_pylist() == pytest.approx(
        theirs["language_group_score"].to_pylist(), abs=1e-4
    )


def test_a_model_of_another_kind_is_for_the_library_engine_only(tmp_path: Path) -> None:
    lines = [f"__label__en {ENGLISH}\n", f"__label__fr {FRENCH}\n"] * 20
    (tmp_path / "train.txt").write_text("".join(lines), encoding="utf-8")
    flat = fasttext.train_supervised(
        str(tmp_path / "train.txt"), dim=4, bucket=100, minn=2, maxn=3, thread=12, verbose=0, epoch=50
    )
    file = str(tmp_path / "flat.bin")
    flat.save_model(file)
    with pytest.raises(InputError, match="dim is 4, and 16 is needed") as error:
        languages([ENGLISH], replace(PLAN, model=file))
    assert "language.engine: fasttext" in error.value.hint
    assert languages([ENGLISH, FRENCH], replace(PLAN, model=file, engine="fasttext")) == ["en", "fr"]


def test_a_missing_model_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not there") as error:
        load_model(str(tmp_path / "lid.176.ftz"), "kernel")
    assert "scripts/" in error.value.hint


def test_a_file_that_is_no_model_is_an_input_error_for_both_engines(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_text("no model")
    for engine in ("kernel", "fasttext"):
        with pytest.raises(InputError):
            load_model(str(tmp_path / "model.bin"), engine)
