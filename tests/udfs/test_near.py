"""Candidates from bands, shingle sets of candidates, and their similarities: against sets in plain Python."""

from itertools import combinations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from tiny_corpus import chinese, english
from tiny_parts import document, make_part

from udfs.copies import node_of
from udfs.near import (
    ASKED,
    BANDS,
    PAIRS,
    SETS,
    SIMILAR,
    ShinglePlan,
    band_rows,
    read_sets,
    similarities,
    stars,
    wanted_sets,
)

PLAN = ShinglePlan(None, "cjk", "word", 5)
BUCKETS = st.lists(st.tuples(st.integers(-2, 2), st.integers(0, 5)), max_size=20)


def band_table(rows: list[tuple[int, int]]) -> pa.Table:
    """Rows are (key, node); a node's order falls with its number."""
    nodes = [node for _, node in rows]
    return pa.table({"key": [key for key, _ in rows], "order": [-node for node in nodes], "node": nodes}, BANDS)


@given(BUCKETS, st.integers(1, 20))
def test_the_first_of_each_bucket_in_order_is_paired_with_all_others(rows, batch_size):
    found = pa.Table.from_batches(stars(iter(band_table(rows).to_batches(batch_size))), PAIRS).to_pylist()
    expected = set()
    for key in {key for key, _ in rows}:
        bucket = {node for other, node in rows if other == key}
        expected |= {(max(bucket), node) for node in bucket - {max(bucket)}}
    pairs = [(row["centre"], row["node"]) for row in found]
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == expected
    assert all((row["left"], row["right"]) == (-row["centre"], -row["node"]) for row in found)


def test_a_large_bucket_is_cut_into_groups(monkeypatch):
    monkeypatch.setattr("udfs.near.GROUP_MEMBERS", 3)
    nodes = [int(node) for part in (0, 2) for node in node_of(part, np.arange(3))]
    rows = [(1, node) for node in nodes] + [(2, node) for node in nodes[:3]]
    found = pa.Table.from_batches(stars(iter(band_table(rows).to_batches())), PAIRS).to_pylist()
    centre, small_centre = nodes[-1], nodes[2]
    assert {(row["node"], row["group"]) for row in found if row["centre"] == centre} == {
        (node, -node & 1) for node in nodes[:-1]
    }
    assert {(row["node"], row["group"]) for row in found if row["centre"] == small_centre} == {
        (nodes[0], 0),
        (nodes[1], 0),
    }


def test_a_member_is_sent_once_to_a_centre_and_a_centre_to_each_of_its_groups():
    asked = [(7, 0, 1), (7, 1, 1), (7, 1, 1), (7, 0, 7), (7, 1, 7), (7, 2, 7), (8, 0, 1)]
    rows = [{"centre": centre, "group": group, "node": node} for centre, group, node in asked]
    node, centre, group = wanted_sets(pa.Table.from_pylist(rows, ASKED))
    assert list(zip(node.tolist(), centre.tolist(), group.tolist(), strict=True)) == [
        *((1, 7, 1), (1, 8, 0)),
        *((7, 7, 0), (7, 7, 1), (7, 7, 2)),
    ]


SHINGLES = st.sets(st.integers(-4, 4), max_size=6)
GROUPS = st.dictionaries(st.integers(0, 3), st.tuples(SHINGLES, st.lists(SHINGLES, max_size=4)), max_size=4)


def bytes_of(shingles: set[int]) -> bytes:
    """As unsigned numbers, ascending."""
    return np.array(sorted(shingle % 2**64 for shingle in shingles), np.uint64).tobytes()


@given(GROUPS, st.integers(1, 5))
def test_similarities_are_those_of_plain_sets_wherever_batches_end(groups, batch_size):
    rows, expected = [], {}
    for centre, (own, members) in groups.items():
        rows.append((centre, 0, centre, -centre, centre + 1, False, bytes_of(own)))
        for number, member in enumerate(members):
            node = 10 + 10 * centre + number
            rows.append((centre, 0, node, -node, node + 1, True, bytes_of(member)))
            expected[centre, node] = len(own & member) / len(own | member) if own | member else 0.0
    sent = [dict(zip(SETS.names, row, strict=True)) for row in sorted(rows, key=lambda row: row[3] * 7 % 11)]
    batches = [pa.RecordBatch.from_pylist(sent[i : i + batch_size], SETS) for i in range(0, len(sent), batch_size)]
    found = pa.Table.from_batches(similarities(iter(batches)), SIMILAR).to_pylist()
    assert [(row["centre"], row["node"]) for row in found] == sorted(expected)
    assert {(row["centre"], row["node"]): row["similarity"] for row in found} == expected
    for row in found:
        ends = [row[name] for name in ("left", "left_low", "right", "right_low")]
        assert ends == [-row["centre"], row["centre"] + 1, -row["node"], row["node"] + 1]


def plain_shingles(text: str, n: int = 5) -> set[tuple[str, ...]]:
    """Runs of n words in small letters; a Chinese character is a word, punctuation none."""
    spaced = "".join(f" {c} " if c > "\u3000" and c.isalpha() else c if c.isalnum() else " " for c in text.lower())
    words = spaced.split()
    return {tuple(words[i : i + n]) for i in range(max(1, len(words) - n + 1))}


def test_texts_to_sets_to_similarities_of_any_pair(tmp_path):
    texts = [english(1), english(1).replace(" a ", " the "), english(2), "Too short"]
    texts += [chinese(1), chinese(1).replace("的", "之")]
    part = make_part(tmp_path, [document(i, text) for i, text in enumerate(texts)], number=2)
    nodes = node_of(2, np.arange(len(texts))).tolist()
    pairs = list(combinations(range(len(texts)), 2))
    asked = {(nodes[i], nodes[i]) for i, _ in pairs} | {(nodes[i], nodes[j]) for i, j in pairs}
    rows = [{"centre": centre, "group": 0, "node": node} for centre, node in asked]
    table = pa.Table.from_pylist(rows, ASKED)
    sets = pa.Table.from_batches(read_sets(part, iter(table.to_batches(4)), PLAN), SETS)
    found = pa.Table.from_batches(similarities(iter(sets.to_batches(3))), SIMILAR).to_pylist()
    expected = {}
    for i, j in pairs:
        left, right = plain_shingles(texts[i]), plain_shingles(texts[j])
        expected[nodes[i], nodes[j]] = len(left & right) / len(left | right)
    assert {(row["centre"], row["node"]): row["similarity"] for row in found} == expected
    assert expected[nodes[0], nodes[1]] > 0.5
    assert expected[nodes[4], nodes[5]] > 0.5


def test_equal_texts_have_all_bands_in_common_and_a_text_without_words_has_none(tmp_path):
    part = make_part(tmp_path, [document(0, english(1)), document(1, "!?"), document(2, english(1).upper())])
    rows = pa.Table.from_batches(band_rows(part), BANDS)
    keys = {row: [r["key"] for r in rows.to_pylist() if r["node"] == row] for row in range(3)}
    assert (len(keys[0]), keys[1]) == (14, [])
    assert keys[0] == keys[2]
