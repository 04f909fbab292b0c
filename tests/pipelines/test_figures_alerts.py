"""Alerts: what each rule says of figures that break it, and of figures that do not."""

from typing import Any

import pytest

from pipelines.figures_alerts import MAX_A_RULE, alerts

WORDS = "gopher.word_count"


def figures() -> dict[str, Any]:
    """Figures that break no rule."""
    words = {"stage": "filter", "reason": WORDS, "alone": 100, "by_source": {"web": 60, "books": 40}}
    language = {
        "stage": "filter",
        "reason": "language",
        "alone": 100,
        "by_source": {"web": 100},
        "by_language": {"zh": 100},
    }
    return {
        "funnel": {
            "records": 1100,
            "documents": 1000,
            "kept_characters": 10_000,
            "sources": [
                {"source": "web", "documents": 600, "kept": 300},
                {"source": "books", "documents": 400, "kept": 400},
            ],
        },
        "languages": {"rows": [{"language": "en", "documents": 900}, {"language": "zh", "documents": 100}]},
        "reasons": {"rows": [{**words, "by_language": {"en": 60, "zh": 40}}, language]},
        "hosts": {"rows": [{"host": "a.example", "kept_characters": 100}]},
        "quality": {"not_computed": "quality.model is none"},
        "quarantine": {"records": 5},
        "tokenizer": {"training": {"vocab_size_asked": 400, "vocab_size": 400}},
        "checks": {"rows": [{"table": "clean", "figure": "rows", "value": 1, "min": 1, "max": 1, "success": True}]},
    }


def test_figures_in_order_raise_no_alert():
    assert alerts(figures()) == []


def broken(path: str, value: Any) -> dict[str, Any]:
    """The figures with one of them changed."""
    found = node = figures()
    *above, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    for key in above:
        node = node[key]
    node[last] = value
    return found


@pytest.mark.parametrize(
    ("path", "value", "panel", "text"),
    [
        ("checks.rows.0.success", False, "checks", "clean: rows is 1, allowed is 1 to 1"),
        ("tokenizer.training.vocab_size", 390, "tokenizer", "the tokenizer has 390 tokens, 400 were asked for"),
        ("quarantine.records", 12, "safety", "12 of 1,100 records are damaged"),
        ("funnel.sources.1.kept", 0, "sources", "nothing is kept of the 400 documents of source books"),
        ("reasons.rows.0.alone", 501, "signals", f"{WORDS} alone removes 50.1% of all documents"),
        ("reasons.rows.0.by_source.web", 240, "signals", f"{WORDS} removes 40.0% of source web, 10.0% of the corpus"),
        ("reasons.rows.0.by_language.en", 360, "signals", f"{WORDS} removes 40.0% of language en, 10.0% of the corpus"),
        ("hosts.rows.0.kept_characters", 300, "hosts", "host a.example is 3.0% of the characters kept"),
        ("quality", {"held_out": {"auc": 0.71}}, "quality", "the quality model's AUC is 0.710 on held-out texts"),
    ],
)  # fmt: skip
def test_each_rule_names_what_broke_it(path, value, panel, text):
    found = alerts(broken(path, value))
    assert [(alert["panel"], alert["text"]) for alert in found] == [(panel, text)]
    assert found[0]["level"] == ("fail" if panel == "checks" else "warn")


def test_a_language_that_is_not_wanted_is_no_surprise():
    assert alerts(broken("reasons.rows.0.by_language.zh", 100)) == []


def test_a_rule_gives_its_strongest_alerts_alone():
    hosts = [{"host": f"{i}.example", "kept_characters": 300 + i} for i in range(10)]
    found = alerts(broken("hosts", {"rows": hosts}))
    assert len(found) == MAX_A_RULE
    assert "9.example" in found[0]["text"]
