"""From settings to checks, and the filter's ledger against a judge in plain Python."""

import math
from typing import Any

import pyarrow as pa
import pytest
from tiny_corpus import TinyRun

from pipelines.filter import FilterSettings
from udfs.verdicts import Check, Interval

GOPHER = {"gopher": {"word_count": {"min": 50, "max": 100}, "stop_words": {"min": 2}}}


def checks_of(min_score: float | None = None, **settings: Any) -> list[Check]:
    return FilterSettings.model_validate(settings).checks(min_score)


def test_without_settings_a_document_needs_a_word():
    assert checks_of() == [Check("empty", "n_words", Interval(min=1))]


def test_checks_stand_in_the_order_language_bounds_quality():
    found = checks_of(0.3, languages={"en": 0.65}, bounds=GOPHER)
    assert [check.reason for check in found] == [
        "empty",
        "language",
        "gopher.word_count",
        "gopher.stop_words",
        "quality",
    ]
    assert (found[2].usual, found[4].usual) == (Interval(50, 100), Interval(min=0.3))


def test_zero_is_a_bound_and_null_is_none():
    found = checks_of(0.0, bounds={"c4": {"curly_bracket_lines": {"max": 0}, "lorem_ipsum_lines": None}})
    assert [(check.reason, check.usual) for check in found[1:]] == [
        ("c4.curly_bracket_lines", Interval(max=0)),
        ("c4.lorem_ipsum_lines", None),
        ("quality", Interval(min=0.0)),
    ]


@pytest.mark.parametrize(
    ("languages", "language", "score", "held"),
    [
        ({"en": 0.65}, "en", 0.65, True),
        ({"en": 0.65}, "en", 0.64, False),
        ({"en": 0.65}, "de", 1.0, False),
        ({"en": 0.65}, None, 1.0, False),
        ({"en": 0.65, "*": 0.9}, "de", 0.9, True),
        ({"en": 0.65, "*": 0.9}, "en", 0.7, True),
        ({"en": 0.65, "*": 0.9}, "und", 0.0, False),
        ({"en": 0}, "en", 0.0, True),
        ({}, "en", 1.0, False),
    ],
)
def test_languages_are_kept_from_their_score_on_and_others_by_the_star(languages, language, score, held):
    check = checks_of(languages=languages)[1]
    row = {"language": language, "language_score": score}
    schema = pa.schema([("language", pa.string()), ("language_score", pa.float64())])
    assert check.holds(pa.RecordBatch.from_pylist([row], schema)).tolist() == [held]


def test_a_language_that_is_not_wanted_has_no_number_for_a_bound():
    check = checks_of(languages={"en": 0.65})[1]
    assert (str(check.interval("de")), str(check.interval("en"))) == ("not wanted", ">= 0.65")


def test_a_language_replaces_bounds_signal_by_signal_and_can_add_and_turn_off():
    own = {"zh": {"gopher": {"stop_words": None, "word_count": {"min": 5}}, "c4": {"sentences": {"min": 3}}}}
    found = {check.reason: check for check in checks_of(bounds=GOPHER, per_language=own)}
    assert found["gopher.word_count"].interval("zh") == Interval(min=5)
    assert found["gopher.word_count"].interval("en") == Interval(50, 100)
    assert found["gopher.stop_words"].interval("zh") is None
    assert (found["c4.sentences"].interval("zh"), found["c4.sentences"].interval(None)) == (Interval(min=3), None)


def expected_verdict(row: dict[str, Any]) -> list[tuple[str, float | None]]:
    """The bounds of the tiny run that a document does not meet, written down once more by hand."""
    wanted = {"en": 0.65, "zh": 0.5}
    tried = [
        ("empty", row["n_words"], row["n_words"] >= 1),
        ("language", row["language_score"], row["language_score"] >= wanted.get(row["language"], math.inf)),
        ("c4.sentences", row["c4"]["sentences"], row["c4"]["sentences"] >= 3),
        ("c4.lorem_ipsum_lines", row["c4"]["lorem_ipsum_lines"], row["c4"]["lorem_ipsum_lines"] <= 0),
        ("c4.curly_bracket_lines", row["c4"]["curly_bracket_lines"], row["c4"]["curly_bracket_lines"] <= 0),
        ("c4.bad_word_lines", row["c4"]["bad_word_lines"], row["c4"]["bad_word_lines"] <= 0),
        ("gopher.word_count", row["gopher"]["word_count"], row["gopher"]["word_count"] >= 20),
        ("quality", row["quality_score"], row["quality_score"] >= 0.5),
    ]
    return [(reason, value) for reason, value, held in tried if not held]


def test_the_ledger_is_what_a_plain_judge_finds(tiny_run: TinyRun):
    found = {row["id"]: (row["broken"], row["reason"], row["value"]) for row in tiny_run.rows("ledger/filter")}
    expected = {}
    for row in tiny_run.rows("signals"):
        if verdict := expected_verdict(row):
            expected[row["id"]] = ([reason for reason, _ in verdict], *verdict[0])
    assert found == expected
    assert len(found) == 4


@pytest.mark.parametrize(
    ("language", "score", "group_score", "held"),
    [
        ("hr", 0.4, 0.9, True),
        ("hr", 0.4, 0.6, False),
        ("bs", 0.1, 0.7, True),
        ("sr", 0.5, 0.6, True),
        ("sr", 0.4, 0.9, False),
        ("en", 0.65, 0.65, True),
        ("en", 0.6, 0.9, False),
        ("de", 1.0, 1.0, False),
    ],
)
def test_a_group_is_kept_from_the_sum_of_its_scores_on_but_for_members_named_alone(language, score, group_score, held):
    checks = checks_of(languages={"en": 0.65, "hr+sr+bs+sh": 0.7, "sr": 0.5})[1:]
    row = {"language": [language], "language_score": [score], "language_group_score": [group_score]}
    assert all(check.holds(pa.RecordBatch.from_pydict(row)).all() for check in checks) == held


def test_a_group_that_the_model_does_not_have_is_named():
    with pytest.raises(ValueError, match=r"no language group 'hr\+sr'; did you mean 'hr\+sr\+bs\+sh'"):
        checks_of(languages={"hr+sr": 0.5})


def test_gpt3s_rule_stands_last_and_reads_the_score_and_the_id():
    check = checks_of(0.1, pareto={"alpha": 4})[-1]
    assert (check.reason, check.columns, str(check.usual)) == ("pareto", ("quality_score", "id"), ">= 1")
