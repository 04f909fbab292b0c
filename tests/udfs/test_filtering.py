"""The filter of one part: its ledger, and the counts by source and reason."""

from tiny_parts import document, ledger_of, make_part, rows_of

from udfs.filtering import filter_part
from udfs.verdicts import Check, Interval

TEXTS = ["One two three four five six.", "One.", "...", "One two three."]


def test_a_row_for_each_document_removed_and_none_for_the_others(tmp_path):
    part = make_part(tmp_path, [document(i, text, url=f"http://h/{i}") for i, text in enumerate(TEXTS)])
    checks = [Check("short", "n_words", Interval(min=3)), Check("word_count", "gopher.word_count", Interval(min=4))]
    written, counts = filter_part(part, checks, ledger_of(tmp_path))
    assert written is not None
    rows = rows_of(tmp_path / "ledger/filter" / written.path)
    assert [(row["row"], row["id"], row["reason"], row["value"]) for row in rows] == [
        (1, f"{1:032x}", "short", 1),
        (2, f"{2:032x}", "short", 1),
        (3, f"{3:032x}", "word_count", 3),
    ]
    assert [row["broken"] for row in rows] == [["short", "word_count"], ["short", "word_count"], ["word_count"]]
    assert {(row["stage"], row["source"], row["matched_id"]) for row in rows} == {("filter", "web", None)}
    assert counts == {("web", "short"): 2, ("web", "word_count"): 1}


def test_no_file_where_nothing_is_removed(tmp_path):
    part = make_part(tmp_path, [document(0, TEXTS[0])])
    assert filter_part(part, [Check("short", "n_words", Interval(min=1))], ledger_of(tmp_path)) == (None, {})
    assert not (tmp_path / "ledger").exists()
