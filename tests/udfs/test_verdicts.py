"""Verdicts against a judge in plain Python, and at the edges: null, NaN, the bound itself, no bound."""

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.verdicts import Check, Interval, ParetoCheck, judge

VALUES = st.one_of(st.none(), st.sampled_from([math.nan, 0.0, 0.5, 1.0, -0.0, math.inf]), st.floats(-2, 2))
LIMITS = st.one_of(st.none(), st.sampled_from([0.0, 0.5, 1.0]))
INTERVALS = st.one_of(st.none(), st.builds(Interval, LIMITS, LIMITS))
CHECKS = st.builds(
    Check,
    st.uuids().map(str),
    st.sampled_from(["score", "family.one", "family.two"]),
    INTERVALS,
    st.dictionaries(st.sampled_from(["en", "zh"]), INTERVALS),
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "language": st.sampled_from(["en", "zh", "de", None]),
            "score": VALUES,
            "family": st.fixed_dictionaries({"one": VALUES, "two": VALUES}),
        }
    ),
    min_size=1,
    max_size=8,
)
SCHEMA = pa.schema(
    [
        ("language", pa.string()),
        ("score", pa.float64()),
        ("family", pa.struct([("one", pa.float64()), ("two", pa.float64())])),
    ]
)


def plain_value(row: dict[str, Any], column: str) -> float | None:
    family, _, name = column.partition(".")
    return row[family][name] if name else row[family]


def plain_holds(value: float | None, interval: Interval | None) -> bool:
    if interval is None:
        return True
    if value is None or math.isnan(value):
        return False
    return (interval.min is None or value >= interval.min) and (interval.max is None or value <= interval.max)


def plain_judge(rows: list[dict[str, Any]], checks: list[Check]) -> list[dict[str, Any]]:
    verdicts = []
    for index, row in enumerate(rows):
        own = [check.by_language.get(row["language"], check.usual) for check in checks]
        broken = [i for i, c in enumerate(checks) if not plain_holds(plain_value(row, c.column), own[i])]
        if broken:
            value = plain_value(row, checks[broken[0]].column)
            verdicts.append(
                {
                    "index": index,
                    "reason": checks[broken[0]].reason,
                    "broken": [checks[i].reason for i in broken],
                    "signal": checks[broken[0]].column,
                    "value": None if value is None or math.isnan(value) else value,
                    "bound": str(own[broken[0]]),
                }
            )
    return verdicts


@given(ROWS, st.lists(CHECKS, min_size=1, max_size=4))
def test_verdicts_are_those_of_the_plain_judge(rows, checks):
    assert judge(pa.RecordBatch.from_pylist(rows, SCHEMA), checks).to_pylist() == plain_judge(rows, checks)


@pytest.mark.parametrize(
    ("interval", "value", "held"),
    [
        (Interval(min=0.5), 0.5, True),
        (Interval(max=0.5), 0.5, True),
        (Interval(min=0.5), np.nextafter(0.5, 0), False),
        (Interval(max=0.0), 1e-300, False),
        (Interval(), 7.0, True),
        (Interval(), math.nan, False),
    ],
)
def test_a_bound_is_met_at_itself_and_by_no_missing_value(interval, value, held):
    assert interval.holds(np.array([value])).tolist() == [held]


def test_whole_numbers_and_sliced_batches_are_judged_too():
    batch = pa.RecordBatch.from_pydict({"language": ["en"] * 4, "n": pa.array([1, None, 3, 0], pa.int64())}).slice(1)
    assert judge(batch, [Check("few", "n", Interval(min=1))])["index"].to_pylist() == [0, 2]


def test_a_bound_is_written_as_people_write_it():
    written = [str(bound) for bound in (Interval(min=50, max=1e5), Interval(max=0.3), Interval())]
    assert written == [">= 50 and <= 100000", "<= 0.3", ""]


def test_gpt3s_rule_keeps_good_scores_always_and_poor_ones_at_random():
    ids = [f"{i:032x}" for i in range(20_000)]
    for score, share in ((1.0, 1.0), (0.9, (1 / 1.1) ** 9), (0.5, (1 / 1.5) ** 9), (0.0, 0.5**9)):
        batch = pa.RecordBatch.from_pydict({"id": ids, "quality_score": [score] * len(ids)})
        kept = ParetoCheck("pareto").holds(batch)
        assert kept.mean() == pytest.approx(share, abs=0.012), "the Lomax distribution's tail"
        assert (ParetoCheck("pareto").holds(batch.slice(7)) == kept[7:]).all(), "a document's draw is its own"
    other = ParetoCheck("pareto", seed=1).holds(
        pa.RecordBatch.from_pydict({"id": ids, "quality_score": [0.9] * 20_000})
    )
    assert 0.3 < other.mean() < 0.55
    missing = pa.RecordBatch.from_pydict({"id": ids[:1], "quality_score": pa.array([None], pa.float64())})
    assert not ParetoCheck("pareto").holds(missing).any()
