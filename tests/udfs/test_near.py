"""Candidates from bands, shingle sets of candidates, and their similarities: against sets in plain Python."""

from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_corpus import chinese, english
from tiny_parts import document, make_part

from udfs.copies import halves, node_of
from udfs.decisions import Part
from udfs.near import (
    BANDS,
    PAIRS,
    SETS,
    SIMILAR,
    ShinglePlan,
    asked_for,
    band_rows,
    compare_at_home,
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
    found = pa.Table.from_batches(stars(iter(band_table(rows).to_batches(batch_size)), 1000), PAIRS).to_pylist()
    expected = set()
    for key in {key for key, _ in rows}:
        bucket = {node for other, node in rows if other == key}
        expected |= {(max(bucket), node) for node in bucket - {max(bucket)}}
    pairs = [(row["centre"], row["node"]) for row in found]
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == expected
    assert all((row["left"], row["right"]) == (-row["centre"], -row["node"]) for row in found)


def test_pairs_of_a_large_bucket_are_told_apart():
    rows = [(1, node) for node in range(4)] + [(2, node) for node in range(1, 4)]
    found = pa.Table.from_batches(stars(iter(band_table(rows).to_batches()), 3), PAIRS).to_pylist()
    pairs = sorted((row["centre"], row["node"], row["large"]) for row in found)
    assert pairs == [(3, 0, 1), (3, 1, 0), (3, 1, 1), (3, 2, 0), (3, 2, 1)]


def asked_rows(*pairs: tuple[int, int, int]) -> pa.Table:
    """Of (centre, node, large), for the homes of both."""
    columns = dict(zip(PAIRS.names, zip(*((0, 0, *pair) for pair in pairs), strict=True), strict=True))
    return pa.Table.from_batches([asked_for(pa.RecordBatch.from_pydict(columns, PAIRS), are_spread=True)])


def by_tens(rows: pa.Table) -> np.ndarray:
    return rows["node"].to_numpy() // 10


def test_a_member_is_sent_once_to_a_centre_and_a_centre_to_each_group_of_a_large_bucket():
    asked = asked_rows((7, 1, 0), (7, 1, 0), (7, 2, 0), (7, 2, 1), (7, 3, 1), (7, 21, 1), (8, 1, 0))
    wanted = zip(*(column.tolist() for column in wanted_sets(asked, by_tens)), strict=True)
    assert list(wanted) == [
        *((1, 7, 1, 0), (1, 8, 1, 0)),
        *((7, 7, 7, 0), (7, 7, 2, 1), (7, 7, 21, 1)),
        (8, 8, 8, 0),
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
        rows.append((centre, centre, 0, -centre, centre + 1, False, bytes_of(own)))
        for number, member in enumerate(members):
            node = 10 + 10 * centre + number
            rows.append((centre, node, 0, -node, node + 1, True, bytes_of(member)))
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


def texts_of_two_parts(folder) -> tuple[list[Part], list[str], list[int]]:
    texts = [english(1), english(1).replace(" a ", " the "), english(2), "Too short"]
    texts += [chinese(1), chinese(1).replace("的", "之")]
    parts = [
        make_part(folder, [document(i, texts[i]) for i in rows], number)
        for number, rows in ((2, (0, 2, 4)), (5, (1, 3, 5)))
    ]
    return parts, texts, [int(node_of((2, 5)[i % 2], np.array([i // 2]))[0]) for i in range(len(texts))]


@pytest.mark.parametrize("large", ["none", "all", "some", "both"])
def test_texts_to_sets_to_similarities_of_any_pair(tmp_path, large: str):
    """`both`: each pair is of a small bucket and of a large one."""
    parts, texts, nodes = texts_of_two_parts(tmp_path)
    pairs = list(combinations(range(len(texts)), 2))
    flags = {"none": (0,), "all": (1,), "both": (0, 1)}
    rows = [(nodes[i], nodes[j], flag) for i, j in pairs for flag in flags.get(large, ((i + j) % 2,))]
    found = pa.Table.from_batches(compared(parts, asked_rows(*rows)), SIMILAR).to_pylist()
    expected = {}
    for i, j in pairs:
        left, right = plain_shingles(texts[i]), plain_shingles(texts[j])
        expected[nodes[i], nodes[j]] = len(left & right) / len(left | right)
    assert len(found) == len(expected)
    assert {(row["centre"], row["node"]): row["similarity"] for row in found} == expected
    ids = {node: halves(pa.array([f"{texts_id:032x}"])) for texts_id, node in enumerate(nodes)}
    for row in found:
        assert (row["left"], row["left_low"]) == tuple(half[0] for half in ids[row["centre"]])
        assert (row["right"], row["right_low"]) == tuple(half[0] for half in ids[row["node"]])
    assert expected[nodes[0], nodes[1]] > 0.5
    assert expected[nodes[4], nodes[5]] > 0.5


def compared(parts: list[Part], asked: pa.Table) -> list[pa.RecordBatch]:
    """SIMILAR rows of ASKED ones, by both ways; sets come in any batches."""

    def part_of(rows: pa.Table, column: str = "node") -> np.ndarray:
        return rows[column].to_numpy() >> 32

    sent = []
    for part in parts:
        own = asked.filter(pa.array(part_of(asked, "home") == part.number))
        sent += read_sets(part, iter(own.to_batches(4)), PLAN, part_of)
    sets = pa.Table.from_batches(sent, SETS)
    is_large = sets["large"].to_numpy() > 0
    found = list(similarities(iter(sets.filter(pa.array(~is_large)).to_batches(3))))
    for part in parts:
        here = sets.filter(pa.array(is_large & (part_of(sets) == part.number)))
        found += compare_at_home([part], iter(here.to_batches(3)), PLAN)
    return found


def test_equal_texts_have_all_bands_in_common_and_a_text_without_words_has_none(tmp_path):
    part = make_part(tmp_path, [document(0, english(1)), document(1, "!?"), document(2, english(1).upper())])
    rows = pa.Table.from_batches(band_rows(part), BANDS)
    keys = {row: [r["key"] for r in rows.to_pylist() if r["node"] == row] for row in range(3)}
    assert (len(keys[0]), keys[1]) == (14, [])
    assert keys[0] == keys[2]
