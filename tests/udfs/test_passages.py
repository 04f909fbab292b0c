"""Passages that stand more than once: what is cut is what a plain search over all documents would cut."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tiny_parts import document, write_rows

from pipelines.tables import DOCUMENTS, PASSAGES, SIGNALS
from udfs.bundles import by_key
from udfs.decisions import Part
from udfs.passage_cuts import cut, cuts_in
from udfs.passages import (
    PassagePlan,
    PassageRule,
    anchors_of,
    by_part,
    later_runs,
    pieces_of,
    runs_about,
    runs_of,
    shared_anchors,
)
from udfs.text import Texts

TEXTS = ["The cat.\nHome\nThe dog sat.", "Home\nA new page.", "About\n\nTHE DOG, sat!\nhome"]


def parts_of(folder: Path, texts: Sequence[str], n_parts: int = 2) -> list[Part]:
    """The documents dealt out to parts; ids ascend as texts do."""
    dealt: list[list[dict[str, Any]]] = [[] for _ in range(n_parts)]
    for number, text in enumerate(texts):
        dealt[number % n_parts].append(document(number, text))
    return [
        Part(
            number,
            write_rows(folder / "documents", number, DOCUMENTS, rows),
            write_rows(folder / "signals", number, SIGNALS, [{**row, "row": i} for i, row in enumerate(rows)]),
        )
        for number, rows in enumerate(dealt)
        if rows
    ]


def shuffled(batches: Iterator[pa.RecordBatch], shard_of: Any, n_shards: int) -> list[list[pa.RecordBatch]]:
    """The batches that a shuffle would bring to each shard."""
    shards: list[list[pa.RecordBatch]] = [[] for _ in range(n_shards)]
    for batch in batches:
        of = shard_of(pa.Table.from_batches([batch]))
        for number in np.unique(of).tolist():
            shards[number].append(batch.filter(pa.array(of == number)))
    return shards


def passages(parts: list[Part], *rules: PassageRule, n_shards: int = 3) -> list[dict[str, Any]]:
    """What the stage writes to the table `passages`, without Spark."""
    plan = PassagePlan(None, "cjk", rules)
    by, n_parts = by_key(n_shards, "key"), len(parts)
    runs = [batch for part in parts for batch in runs_of(part, plan)]
    anchors = shuffled((batch for part in parts for batch in anchors_of(part, plan)), by, n_shards)
    shared = shuffled((batch for shard in anchors for batch in shared_anchors(iter(shard))), by_part, n_parts)
    runs += [batch for part in parts for batch in runs_about(part, iter(shared[part.number]), plan)]
    meeting = shuffled(iter(runs), by, n_shards)
    later = shuffled((batch for shard in meeting for batch in later_runs(iter(shard), rules)), by_part, n_parts)
    found = [batch for part in parts for batch in cuts_in(part, iter(later[part.number]), plan, PASSAGES)]
    return [row for batch in found for row in batch.to_pylist()]


def cut_pieces(texts: Sequence[str], rule: PassageRule) -> list[list[bool]]:
    """Which pieces go, by looking at every run of every document in order."""
    first: dict[tuple[int, ...], tuple[int, int]] = {}
    gone = []
    for number, text in enumerate(texts):
        pieces = pieces_of(Texts(pa.array([text])), rule.unit)
        hashes, words = pieces.hashes.tolist(), pieces.n_words.tolist()
        gone.append([False] * len(hashes))
        for at in range(len(hashes) - rule.n + 1):
            if sum(words[at : at + rule.n]) < rule.min_words:
                continue
            document, place = first.setdefault(tuple(hashes[at : at + rule.n]), (number, at))
            if document != number or at >= place + rule.n:
                gone[-1][at : at + rule.n] = [True] * rule.n
    return gone


def gone_of(texts: Sequence[str], rows: list[dict[str, Any]], rule: PassageRule) -> list[list[bool]]:
    """Which pieces the rows of `passages` cover."""
    gone = []
    for number, text in enumerate(texts):
        spans = pieces_of(Texts(pa.array([text])), rule.unit).spans
        own = [(row["start"], row["end"]) for row in rows if row["id"] == f"{number:032x}"]
        pairs = zip(spans.start.tolist(), spans.end.tolist(), strict=True)
        gone.append([any(start <= a and b <= end for start, end in own) for a, b in pairs])
    return gone


RULES = [
    PassageRule("line", 1),
    PassageRule("line", 2, min_words=3),
    PassageRule("paragraph", 1),
    PassageRule("sentence", 3),
    PassageRule("word", 8),
    PassageRule("word", 11),
]
WORDS = st.sampled_from(["a", "b", "Cé", "字", "12", "\n", "\n\n", ". "])


@pytest.mark.parametrize("rule", RULES, ids=str)
@settings(max_examples=60, deadline=None)
@given(words=st.lists(st.lists(WORDS, max_size=60), max_size=6))
@example(words=[["a"] * 40])
@example(words=[["a", "b"] * 20, ["b", "a"] * 20])
def test_what_is_cut_is_what_a_search_over_all_runs_cuts(rule: PassageRule, words: list[list[str]]) -> None:
    texts = [" ".join(document) for document in words]
    with TemporaryDirectory() as folder:
        rows = passages(parts_of(Path(folder), texts), rule)
    assert gone_of(texts, rows, rule) == cut_pieces(texts, rule)


def test_long_runs_are_found_in_long_texts() -> None:
    rng = np.random.default_rng(5)
    texts = [[f"w{word}" for word in rng.integers(0, 10**6, 600)] for _ in range(12)]
    for number in range(1, 12):
        begin, length = int(rng.integers(0, 400)), int(rng.integers(45, 130))
        texts[number][100 : 100 + length] = texts[int(rng.integers(0, number))][begin : begin + length]
    joined, rule = [" ".join(words) for words in texts], PassageRule("word", 50)
    with TemporaryDirectory() as folder:
        rows = passages(parts_of(Path(folder), joined, 3), rule)
    assert gone_of(joined, rows, rule) == cut_pieces(joined, rule)
    assert sum(map(sum, cut_pieces(joined, rule))) > 300


def test_lines_are_equal_when_their_words_are(tmp_path: Path) -> None:
    rows = passages(parts_of(tmp_path, TEXTS), PassageRule("line", 1))
    rows.sort(key=lambda row: (row["id"], row["start"]))
    cuts = [(int(row["id"], 16), TEXTS[int(row["id"], 16)].encode()[row["start"] : row["end"]]) for row in rows]
    assert cuts == [(1, b"Home"), (2, b"THE DOG, sat!\nhome")]
    assert [int(row["first_id"], 16) for row in rows] == [0, 0]


def test_one_rule_does_not_see_the_passages_of_another(tmp_path: Path) -> None:
    parts = parts_of(tmp_path, ["one line\nmore", "one line"], 1)
    rules = PassageRule("line", 1), PassageRule("paragraph", 1)
    assert [row["unit"] for row in passages(parts, *rules)] == ["line"]


def test_punctuation_alone_is_no_passage(tmp_path: Path) -> None:
    assert passages(parts_of(tmp_path, ["***\na", "***\nb"]), PassageRule("line", 1)) == []


@pytest.mark.parametrize(
    ("text", "spans", "left"),
    [
        ("keep this", [], "keep this"),
        ("one\ntwo\nthree", [(4, 7)], "one\nthree"),
        ("one\n  two \nthree", [(6, 9)], "one\nthree"),
        ("one two three", [(4, 7)], "one three"),
        ("one two\nthree", [(4, 7)], "one\nthree"),
        ("one\ntwo", [(4, 7)], "one"),
        ("one\n\ntwo\n\nthree", [(5, 8)], "one\n\n\nthree"),
        ("one two", [(0, 3)], "two"),
        ("one two", [(0, 7)], ""),
        ("one two three four", [(0, 7), (4, 13)], "four"),
        ("字字 two", [(0, 3)], "字 two"),
    ],
)
def test_spans_are_cut_with_the_blanks_behind_them(text: str, spans: list[tuple[int, int]], left: str) -> None:
    starts, ends = (np.array([span[i] for span in spans], np.int64) for i in (0, 1))
    texts = Texts(pa.array(["  before ", text, ""]))
    done = cut(texts, np.ones(len(spans), np.int64), starts, ends)
    assert done.arrow.to_pylist() == ["  before ", left, ""]
