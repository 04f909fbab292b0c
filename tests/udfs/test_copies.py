"""Which document of several stays: against the order that a person would write down, for every policy."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_parts import document, make_part

from udfs.copies import KEYED, REMOVED, Keep, halves, keyed, lead, lookup, node_of, prefer, spelt, time_of

NUMBERS = st.integers(-3, 3)
RANKED = st.lists(st.tuples(NUMBERS, NUMBERS, st.sampled_from([-0.5, 0.0, np.inf]), NUMBERS), max_size=12)


@given(RANKED, st.integers(1, 12))
def test_the_best_rank_of_each_key_is_kept_whatever_the_batches(rows, batch_size):
    """A row is (key, key_low, lead, length); its id is its place, so that ranks never tie."""
    table = pa.table(
        {
            "key": [row[0] for row in rows],
            "key_low": [row[1] for row in rows],
            "node": list(range(len(rows))),
            "lead": [row[2] for row in rows],
            "length": [row[3] for row in rows],
            "id_high": [3] * len(rows),
            "id_low": [7 * i % 13 for i in range(len(rows))],
        },
        KEYED,
    )
    removed = pa.Table.from_batches(prefer(iter(table.to_batches(batch_size))), REMOVED).to_pylist()
    expected = []
    for key in {row[:2] for row in rows}:
        members = [i for i, row in enumerate(rows) if row[:2] == key]
        kept = min(members, key=lambda i: (rows[i][2], rows[i][3], 7 * i % 13))
        its_id = {"kept": kept, "kept_high": 3, "kept_low": 7 * kept % 13}
        expected += [{"node": i, "high": 3, "low": 7 * i % 13, **its_id} for i in members if i != kept]
    assert sorted(removed, key=lambda row: row["node"]) == sorted(expected, key=lambda row: row["node"])


@given(st.lists(st.text("0123456789abcdef", min_size=32, max_size=32), min_size=2))
def test_halves_of_ids_compare_as_the_ids_do(ids):
    high, low = halves(pa.array(ids))
    assert sorted(zip(high.tolist(), low.tolist(), ids, strict=True)) == sorted(
        zip(high.tolist(), low.tolist(), ids, strict=True), key=lambda row: row[2]
    )
    assert spelt(high, low).to_pylist() == ids


RANKED_BY = [("id", pa.string()), ("source", pa.string()), ("date", pa.string()), ("quality_score", pa.float64())]
SOURCES = [{"source": "crawl"}, {"source": "books.old"}, {"source": "bookshop"}, {"source": "wiki"}]


def preferred(keep: Keep, rows: list[dict[str, Any]]) -> int:
    """The place of the row whose `lead` comes first; the first of equal ones."""
    return int(np.argmin(lead(pa.Table.from_pylist(rows, pa.schema(RANKED_BY)), keep)))


@pytest.mark.parametrize(
    ("policy", "rows", "kept"),
    [
        ("best", [{"quality_score": 0.2}, {"quality_score": 0.9}, {"quality_score": None}], 1),
        ("best", [{"quality_score": None}, {"quality_score": 0.0}], 1),
        ("newest", [{"date": "2016-05-03"}, {"date": "2024-01-01T00:00:00Z"}, {"date": None}], 1),
        ("oldest", [{"date": "2024"}, {"date": None}, {"date": "2016-05-03T10:00:00Z"}], 2),
        ("oldest", [{"date": "no year"}, {"date": "1999-12-31"}], 1),
        ("newest", [{"date": "2016-05-03T10:00:00Z"}, {"date": "2016-05-03 10:00:01"}], 1),
    ],
)
def test_what_keep_asks_for_comes_first_and_unknown_is_last(policy, rows, kept):
    assert preferred(Keep(policy), rows) == kept


@pytest.mark.parametrize(
    ("sources", "kept"), [(("wiki", "crawl"), 3), (("books", "wiki"), 1), (("nowhere", "crawl"), 0)]
)
def test_the_first_source_is_that_of_the_settings_with_its_inner_sets(sources, kept):
    assert preferred(Keep("first_source", sources), SOURCES) == kept


def test_a_source_to_drop_for_comes_before_what_keep_asks_for():
    rows = [{**row, "quality_score": 0.9 - place / 10} for place, row in enumerate(SOURCES)]
    assert preferred(Keep("best"), rows) == 0
    assert preferred(Keep("best", drop_if_in="wiki"), rows) == 3
    assert preferred(Keep("best", drop_if_in="books"), rows) == 1


@pytest.mark.parametrize(
    ("date", "time"),
    [
        ("2016-05-03T10:00:00Z", 20160503100000),
        ("2016-05-03", 20160503000000),
        ("20160503100000.123456", 20160503100000),
        ("2016", 20160000000000),
    ],
)
def test_a_date_is_its_digits(date, time):
    assert time_of(date) == time


@pytest.mark.parametrize("date", [None, "", "May", "16"])
def test_a_date_without_a_year_is_none(date):
    assert np.isnan(time_of(date))


def rows_keyed(part, column: str, keep: str) -> list[dict[str, Any]]:
    return pa.Table.from_batches(keyed(part, column, Keep(keep)), KEYED).to_pylist()


def test_documents_with_a_key_travel_with_their_place_and_their_length(tmp_path):
    documents = [
        document(0, "One text.", url="http://www.h.org/a?utm_source=x"),
        document(1, "Another,  longer text."),
        document(2, "Another, longer\ntext.", url="https://h.org/a/"),
    ]
    part = make_part(tmp_path, documents, number=5)
    by_url = rows_keyed(part, "url_key", "longest")
    assert [row["node"] for row in by_url] == node_of(5, np.array([0, 2])).tolist()
    assert by_url[0]["key"] == by_url[1]["key"]
    by_text = rows_keyed(part, "text_digest", "longest")
    keys = [(row["key"], row["key_low"]) for row in by_text]
    assert keys[0] != keys[1] == keys[2]
    assert [row["length"] for row in by_text] == [-9, -22, -21]


@given(st.lists(st.integers(-5, 5), unique=True), st.lists(st.integers(-6, 6)))
def test_values_are_found_under_their_keys(keys, wanted):
    values = np.array(keys, np.int64) * 10
    found, (looked_up,) = lookup(np.array(keys, np.int64), [values], np.array(wanted, np.int64))
    assert found.tolist() == [key in keys for key in wanted]
    assert [value for value, is_there in zip(looked_up, found, strict=True) if is_there] == [
        key * 10 for key in wanted if key in keys
    ]
