"""What `gristmill explain` prints of a document, whatever became of it."""

from itertools import pairwise

import pytest
from tiny_corpus import REPEATED, Command, TinyRun, english


def plain_jaccard(left: str, right: str, n: int = 5) -> float:
    """Of the sets of n successive words, in small letters and without punctuation."""

    def shingles(text: str) -> set[tuple[str, ...]]:
        words = "".join(char if char.isalnum() else " " for char in text.lower()).split()
        return set(zip(*(words[i:] for i in range(n)), strict=False))

    return len(shingles(left) & shingles(right)) / len(shingles(left) | shingles(right))


@pytest.fixture
def explain(tiny_run: TinyRun, gristmill: Command):
    """What is printed of the document of this name."""

    def explain(name: str) -> str:
        finished = gristmill("explain", tiny_run.root, tiny_run.ids[name])
        assert finished.code == 0, finished.err
        return finished.out

    return explain


def test_a_kept_document_with_its_signals_and_the_bounds_they_met(explain, tiny_run: TinyRun):
    out = explain("page-4")
    assert "verdict        kept" in out
    assert "https://page-4.example.org/page" in out
    assert "duplicates     none" in out
    n_words = tiny_run.by_name("signals")["page-4"]["gopher"]["word_count"]
    row = next(line for line in out.splitlines() if "gopher.word_count" in line)
    cells = [cell.strip() for cell in row.strip("│ ").split("│")]
    assert cells == ["gopher.word_count", f"{n_words:g}", ">= 20", "ok"]


def test_a_filtered_document_with_the_bound_it_did_not_meet_and_the_others(explain):
    out = explain("brief")
    assert "verdict        removed by filter, c4.sentences: 1, bound >= 3" in out
    assert "also not met   gopher.word_count" in out
    row = next(line for line in out.splitlines() if "c4.sentences" in line and "│" in line)
    assert "not met" in row


def test_a_duplicate_with_the_one_kept_and_their_similarity(explain, tiny_run: TinyRun):
    out = explain("reworded")
    texts = {name: tiny_run.by_name("documents")[name]["text"] for name in ("reworded", "page-2")}
    assert "verdict        removed by dedup, near" in out
    assert f"kept           {tiny_run.ids['page-2']} https://page-2.example.org/page" in out
    assert f"similarity     {plain_jaccard(*texts.values()):.4f}" in out
    assert "3 documents" in out
    grid = [line for line in out.partition("differences")[2].splitlines() if "│" in line]
    assert grid
    assert all(line.count("│") == 3 for line in grid)


def test_the_one_kept_of_its_cluster(explain):
    out = explain("page-2")
    assert "verdict        kept" in out
    assert "kept           this document" in out


def test_a_copy_of_a_url_whose_texts_were_not_compared(explain, tiny_run: TinyRun):
    out = explain("page-0")
    assert "found as       url" in out
    assert "similarity     not computed" in out
    assert f"kept           {tiny_run.ids['tracked']}" in out


def test_a_document_that_lost_a_passage_says_which_and_where_it_stands_first(explain, tiny_run: TinyRun):
    first, later = sorted((tiny_run.ids[name], name) for name in ("pile-6", "pile-8"))
    line = next(line for line in explain(later[1]).splitlines() if line.startswith("cut "))
    assert f"lines at byte {len(english(int(later[1][-1]) + 50)) + 1}, {len(REPEATED)} bytes" in line
    assert f"first in {first[0]}: {REPEATED[:60]}" in line
    assert "\ncut " not in explain(first[1])


def test_a_document_that_holds_an_evaluation_item_names_it(explain):
    out = explain("exam")
    assert "verdict        removed by decontaminate, evaluation_overlap: 1, bound < 0.5" in out
    assert "exam:q1:question" in out


def test_a_record_without_text_to_keep(explain):
    out = explain("gone")
    assert "verdict        removed by ingest, status" in out
    assert "404" in out
    assert "https://gone.example.org/page" in out


def test_a_quarantined_record(explain):
    out = explain("not-json")
    assert "verdict        quarantined by ingest, not_json" in out
    assert "c4-train.00000-of-00001.json.gz" in out


def test_the_first_digits_of_an_id_are_enough_when_they_are_of_one_document(tiny_run: TinyRun, gristmill: Command):
    identity = tiny_run.ids["page-4"]
    assert f"id             {identity}" in gristmill("explain", tiny_run.root, identity[:12]).out


def test_digits_of_several_documents_are_refused_and_the_documents_named(tiny_run: TinyRun, gristmill: Command):
    known = sorted(row["id"] for row in tiny_run.rows("documents"))
    prefix = next(first[0] for first, second in pairwise(known) if first[0] == second[0])
    finished = gristmill("explain", tiny_run.root, prefix)
    assert finished.code == 66
    assert "more than one document" in finished.err
    assert next(identity for identity in known if identity.startswith(prefix)) in finished.err


@pytest.mark.parametrize("doc_id", ["f" * 32, "nothing [bold]", "ABC"])
def test_an_unknown_id_is_an_error_that_says_where_ids_are(tiny_run: TinyRun, gristmill: Command, doc_id: str):
    finished = gristmill("explain", tiny_run.root, doc_id)
    assert finished.code == 66
    assert f"no document has an id that starts with {doc_id!r}" in finished.err
    assert "Traceback" not in finished.err
