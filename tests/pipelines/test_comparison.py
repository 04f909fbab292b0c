"""The figures of two runs in pairs: nothing of either is lost, and what is equal is not told."""

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipelines.comparison import compare, different, joined, leaves
from pipelines.report_page import render_comparison

KEYED = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 3))


@given(KEYED, KEYED)
def test_joined_rows_hold_every_key_of_both_sides_once(left: dict[str, int], right: dict[str, int]) -> None:
    sides = [[{"key": key, "value": value} for key, value in side.items()] for side in (left, right)]
    rows = joined(sides[0], sides[1], ("key",), ("value",))
    assert {row["key"]: row["value"] for row in rows} == {key: [left.get(key), right.get(key)] for key in left | right}
    assert len(rows) == len(left | right)
    assert different(sides[0], sides[1], "key", "value") == [row for row in rows if row["value"][0] != row["value"][1]]


def test_settings_are_told_apart_to_the_last_key() -> None:
    tree = {"a": {"b": 1, "c": [1, "x"]}, "d": None, "e": {}}
    assert dict(leaves(tree, "")) == {"a.b": "1", "a.c": '[1, "x"]', "d": "null", "e": "{}"}


def report(kept: int, bound: float | None, source: str = "web") -> dict[str, Any]:
    variant = {"languages": [], "refused": False, "min": bound, "max": None, "keys": {"min": [], "max": []}}
    series = {"source": None, "variant": 0, "kept": [0, kept], "removed": [10 - kept, 0], "missing": 0}
    signal = {"name": "n_words", "closed": "left", "edges": [5.0], "variants": [variant], "series": [series]}
    fates = [{"fate": "filter", "records": 10 - kept}, {"fate": "kept", "records": kept}]
    return {
        "funnel": {
            "records": 10,
            "documents": 10,
            "characters": 100,
            "kept_characters": 10 * kept,
            "fates": fates,
            "sources": [{"source": source, "documents": 10, "kept": kept}],
        },
        "reasons": {"rows": [{"stage": "filter", "reason": "n_words", "deciding": 10 - kept, "alone": 10 - kept}]},
        "languages": {"rows": [{"language": "en", "documents": 10, "kept": kept}]},
        "signals": {"rows": [signal]},
        "packing": {"totals": {"n_tokens": 3 * kept}},
        "duplicates": {"n_clusters": 0},
        "checks": {"failed": 0},
        "alerts": [],
        "provenance": {
            "settings": {"filter": {"min": bound}},
            "inputs": {"rows": [{"file": "a", "sha256": "0" * 64}]},
            "tables": [{"table": "clean", "rows": kept, "digest": str(kept)}],
        },
    }


def test_equal_runs_have_nothing_to_tell() -> None:
    found = compare(report(7, 5.0), report(7, 5.0))
    assert not any(found[name] for name in ("signals", "settings", "inputs", "alerts"))
    page = render_comparison(("a", "b"), found).decode()
    assert "Both runs have the same settings" in page
    assert "Every signal is distributed alike" in page


def test_the_page_says_what_changed_and_takes_no_name_for_markup() -> None:
    hostile = "<script>alert(1)</script>"
    found = compare(report(7, 5.0), report(4, None, hostile))
    page = render_comparison((hostile, "b|c#d"), found).decode()
    assert hostile not in page
    assert "&lt;script&gt;" in page
    rows = re.sub(r"<[^>]*>", " ", page)
    assert re.search(r"documents kept\s+7\s+4\s+-3\s+-42\.9%", rows)
    assert re.search(r"filter\.min\s+5\.0\s+null", rows)
