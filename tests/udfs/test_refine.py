"""Clean text of one part: what is left, edited, its addresses replaced, with its numbers and its cluster."""

from collections.abc import Mapping
from types import MappingProxyType

import pytest
from tiny_parts import KEY, document, ledger_of, make_part, rows_of, write_rows

from pipelines.tables import CLEAN, DOCUMENTS, DUPLICATES, LEDGER, PASSAGES
from udfs.decisions import Part
from udfs.edits import Edits
from udfs.pii import REPLACE
from udfs.refine import RefinePlan, refine_part

TEXTS = [
    "The miller carried heavy sacks of barley.\nPlease enable JavaScript to go on with this page.",
    "Removed before.",
    "Write to anna@example.org before the harvest is over.",
    "A copy was kept for three documents.",
]


@pytest.fixture
def part(tmp_path) -> Part:
    """Four documents, of which the second is in a ledger and the last was kept for a cluster of three."""
    documents = [document(i, text, url=f"http://h/{i}", date="2024") for i, text in enumerate(TEXTS)]
    whole = make_part(tmp_path, documents)
    ledger = write_rows(tmp_path / "ledger", 0, LEDGER, [{"row": 1}])
    cluster = {"row": 3, "cluster_id": "c" * 32, "cluster_size": 3, "kind": "kept"}
    duplicates = write_rows(tmp_path / "duplicates", 0, DUPLICATES, [cluster, cluster | {"row": 1, "kind": "near"}])
    return Part(0, whole.documents, whole.signals, (ledger,), duplicates)


def plan_of(folder, edits: Edits | None = None, pii: Mapping[str, str] = MappingProxyType({})) -> RefinePlan:
    return RefinePlan(str(folder / "clean"), KEY, CLEAN, ledger_of(folder, "refine"), edits, "cjk", pii)


def refined(part: Part, folder, edits: Edits | None = None, pii: bool = True, cuts: str | None = None):
    result = refine_part(part, cuts, plan_of(folder, edits, REPLACE if pii else {}))
    assert result.part is not None
    return result, rows_of(folder / "clean" / result.part.path)


def test_what_is_left_keeps_its_order_and_its_columns(part, tmp_path):
    _, rows = refined(part, tmp_path)
    assert [row["id"] for row in rows] == [f"{i:032x}" for i in (0, 2, 3)]
    documents, signals = rows_of(part.documents), rows_of(part.signals)
    for row in rows:
        number = int(row["id"], 16)
        same = [name for name in DOCUMENTS.names if name != "text"]
        assert {name: row[name] for name in same} == {name: documents[number][name] for name in same}
        assert row["language_score"] == signals[number]["language_score"]


def test_edits_and_replacements_are_made_where_they_are_asked_for(part, tmp_path):
    _, rows = refined(part, tmp_path / "both", Edits(min_words_per_line=3))
    assert rows[0]["text"] == "The miller carried heavy sacks of barley."
    assert rows[1]["text"] == "Write to email@example.com before the harvest is over."
    _, rows = refined(part, tmp_path / "none", None, pii=False)
    assert [row["text"] for row in rows] == [TEXTS[0], TEXTS[2], TEXTS[3]]


def test_a_document_has_the_cluster_it_was_kept_for_or_one_of_its_own(part, tmp_path):
    _, rows = refined(part, tmp_path)
    assert [(row["cluster_id"], row["cluster_size"]) for row in rows] == [
        (rows[0]["id"], 1),
        (rows[1]["id"], 1),
        ("c" * 32, 3),
    ]


def test_documents_and_bytes_are_counted_by_source(part, tmp_path):
    result, rows = refined(part, tmp_path)
    assert result.documents == {"web": 3}
    assert result.n_bytes == {"web": sum(len(row["text"].encode()) for row in rows)}


def test_what_was_replaced_is_counted_by_source_and_kind(part, tmp_path):
    result, _ = refined(part, tmp_path)
    assert (result.replaced, result.replaced_in) == ({("web", "email"): 1}, {("web", "email"): 1})
    result, _ = refined(part, tmp_path / "none", pii=False)
    assert not result.replaced


def test_passages_are_cut_and_a_text_that_was_nothing_else_goes(part, tmp_path):
    passages = [{"row": 2, "start": 0, "end": len(TEXTS[2])}, {"row": 3, "start": 2, "end": 11}]
    cuts = write_rows(tmp_path / "passages", 0, PASSAGES, passages)
    result, rows = refined(part, tmp_path, cuts=cuts)
    assert [row["text"] for row in rows] == [TEXTS[0], "A kept for three documents."]
    ledger, counts = result.removed
    assert counts == {("web", "repeated_passages"): 1}
    (removed,) = rows_of(tmp_path / "ledger/refine" / ledger.path)
    assert (removed["row"], removed["stage"], removed["broken"]) == (2, "refine", ["repeated_passages"])


def test_no_file_where_nothing_is_left(tmp_path):
    whole = make_part(tmp_path, [document(0, TEXTS[1])])
    ledger = write_rows(tmp_path / "ledger", 0, LEDGER, [{"row": 0}])
    cut = Part(0, whole.documents, whole.signals, (ledger,))
    result = refine_part(cut, None, plan_of(tmp_path))
    assert (result.part, result.documents) == (None, {})
