"""Questions of GSM8K planted in documents of C4: which of them are found, at the settings' own defaults."""

import gzip
import json
from collections import defaultdict
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.decontaminate import DecontaminateSettings
from udfs.decontaminate import DecontaminatePlan, EvaluationSet, find_overlap
from udfs.text import Texts


@pytest.fixture(scope="module")
def hits(shared_data: Path) -> dict[str, list[tuple[str, float] | None]]:
    """kind of planting -> for each of its documents, the item found and the share of its runs, or None."""
    folder = shared_data / "evals"
    with gzip.open(folder / "c4-planted-gsm8k.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    exam = EvaluationSet("gsm8k", str(folder / "gsm8k-test.jsonl.gz"), ("question",))
    limits = DecontaminateSettings()
    plan = DecontaminatePlan((exam,), limits.n, limits.min_words, limits.share, None, "cjk")
    found = {n: (item, share) for n, item, share in find_overlap(Texts(pa.array([row["text"] for row in rows])), plan)}
    by_kind = defaultdict(list)
    for number, row in enumerate(rows):
        by_kind[row["gold"]].append(found.get(number))
    return by_kind


@pytest.mark.parametrize("kind", ["verbatim", "recased"])
def test_every_whole_question_is_found_in_any_case_with_any_punctuation(hits, kind: str):
    assert len(hits[kind]) >= 15
    assert all(hit is not None and hit[1] == 1.0 for hit in hits[kind])


def test_no_clean_document_is_taken_for_one_that_holds_a_question(hits):
    assert len(hits["clean"]) == 60
    assert hits["clean"] == [None] * 60


def test_of_half_questions_those_are_reported_that_hold_half_of_the_runs(hits):
    """Half of the words are less than half of the runs of 13 words, so few reach the default share."""
    found = [hit for hit in hits["half"] if hit]
    assert all(hit[1] >= DecontaminateSettings().share for hit in found)
    assert len(found) < len(hits["half"]) / 2
