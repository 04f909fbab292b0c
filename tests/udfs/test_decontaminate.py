"""Overlap with evaluation items, against runs of words in plain Python."""

import gzip
import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_corpus import english
from tiny_parts import document, ledger_of, make_part, rows_of, write_rows

from pipelines.tables import LEDGER
from udfs.decisions import Part
from udfs.decontaminate import DecontaminatePlan, EvaluationSet, decontaminate_part, find_overlap, read_items
from udfs.errors import InputError
from udfs.text import Texts

WORDS = st.lists(st.sampled_from(["mill", "barley", "river", "oar", "sea"]), max_size=12)


def plan_of(*sets: EvaluationSet, n: int = 4, min_words: int = 2, share: float = 0.5) -> DecontaminatePlan:
    return DecontaminatePlan(sets, n, min_words, share, None, "cjk")


def write_set(folder, rows, name="exam") -> EvaluationSet:
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return EvaluationSet(name, str(folder / f"{name}.jsonl"), ())


def runs(words: list[str], n: int) -> set[tuple[str, ...]]:
    return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}


def plain_overlap(items: list[list[str]], documents: list[list[str]], n: int, min_words: int, share: float):
    """(document, item, share of the item's runs) of the item that a document holds most of; the first of equal ones."""
    for number, words in enumerate(documents):
        best = (0.0, 0)
        for place, item in enumerate(items):
            if len(item) >= min_words:
                own = runs(item, min(n, len(item)))
                found = len(own & runs(words, min(n, len(item)))) / len(own)
                best = max(best, (found, -place)) if found >= share else best
        if best[0]:
            yield number, -best[1], best[0]


@given(items=st.lists(WORDS, min_size=1, max_size=4), documents=st.lists(WORDS, min_size=1, max_size=4))
def test_hits_are_those_of_plain_runs_of_words(tmp_path_factory, items, documents):
    exam = write_set(tmp_path_factory.mktemp("set"), [{"q": " ".join(item)} for item in items])
    texts = Texts(pa.array([" ".join(words) for words in documents]))
    found = [(number, name, share) for number, name, share in find_overlap(texts, plan_of(exam))]
    expected = plain_overlap(items, documents, 4, 2, 0.5)
    assert found == [(number, f"exam:{item}:q", share) for number, item, share in expected]


def test_case_punctuation_and_white_space_do_not_hide_an_item(tmp_path):
    exam = write_set(tmp_path, [{"q": "Who kept the brass compass of the northern sea?"}])
    texts = Texts(pa.array(["...who  KEPT the «brass»\ncompass, of the Northern Sea; nobody knows."]))
    assert list(find_overlap(texts, plan_of(exam, n=13))) == [(0, "exam:0:q", 1.0)]


@pytest.mark.parametrize("ratio", ["7:11", "7 11", "711", "7 : 11"])
def test_punctuation_inside_a_word_may_be_dropped_or_become_a_blank(tmp_path, ratio):
    exam = write_set(
        tmp_path, [{"q": "The twenty-two goats and sheep stood in a ratio of 7:11, Anna's uncle had said."}]
    )
    text = f"The twenty-two goats and sheep stood in a ratio of {ratio} Annas uncle had said"
    dropped = text.replace("twenty-two", "twentytwo") if ratio == "711" else text.replace("Annas", "Anna s")
    assert list(find_overlap(Texts(pa.array([dropped])), plan_of(exam, n=13))) == [(0, "exam:0:q", 1.0)]


def test_an_item_of_too_few_words_is_not_looked_for(tmp_path):
    exam = write_set(tmp_path, [{"q": "Yes it is."}])
    texts = Texts(pa.array(["Yes it is. Yes it is."]))
    assert list(find_overlap(texts, plan_of(exam, min_words=4))) == []
    assert list(find_overlap(texts, plan_of(exam, min_words=3))) == [(0, "exam:0:q", 1.0)]


def test_chinese_items_are_found_by_their_characters(tmp_path):
    exam = write_set(tmp_path, [{"q": "谁修好了坏掉的灯塔"}])
    texts = Texts(pa.array(["有人问：谁修好了坏掉的灯塔？", "灯塔坏掉了。"]))
    assert list(find_overlap(texts, plan_of(exam, n=5, min_words=5))) == [(0, "exam:0:q", 1.0)]


def test_items_are_named_by_set_id_and_field(tmp_path):
    rows = [{"id": "a7", "question": "One?", "n": 3}, {"question": "Two?", "answer": "2"}, {"question": None}]
    exam = write_set(tmp_path, rows)
    assert list(read_items(exam)) == [
        ("exam:a7:id", "a7"),
        ("exam:a7:question", "One?"),
        ("exam:1:question", "Two?"),
        ("exam:1:answer", "2"),
    ]
    assert list(read_items(EvaluationSet("exam", exam.uri, ("answer",)))) == [("exam:1:answer", "2")]


def test_a_compressed_set_is_read_and_blank_lines_are_none(tmp_path):
    (tmp_path / "x.gz").write_bytes(gzip.compress(b'\n{"q": "One"}\n\n'))
    assert list(read_items(EvaluationSet("x", str(tmp_path / "x.gz"), ()))) == [("x:1:q", "One")]


@pytest.mark.parametrize("line", ["not json", '["a list"]', "7"])
def test_a_line_that_is_no_object_is_named(tmp_path, line):
    (tmp_path / "x.jsonl").write_text('{"q": "One"}\n' + line)
    with pytest.raises(InputError, match=r"x\.jsonl:2: is not a JSON object"):
        list(read_items(EvaluationSet("x", str(tmp_path / "x.jsonl"), ())))


def test_the_ledger_of_a_part_names_item_and_share_and_leaves_out_what_is_gone(tmp_path):
    item = "Which of the sisters kept the compass of their uncle?"
    exam = write_set(tmp_path, [{"id": "q1", "q": item}])
    texts = [english(1), f"{english(2)} {item}", f"{item} {english(3)}"]
    part = make_part(tmp_path, [document(i, text) for i, text in enumerate(texts)])
    gone = write_rows(tmp_path / "gone", 0, LEDGER, [{"row": 2}])
    part = Part(0, part.documents, part.signals, (gone,))
    written, counts = decontaminate_part(part, plan_of(exam, n=13, min_words=8), ledger_of(tmp_path, "decontaminate"))
    assert written is not None
    (row,) = rows_of(tmp_path / "ledger/decontaminate" / written.path)
    assert (row["row"], row["matched_id"], row["similarity"], row["value"]) == (1, "exam:q1:q", 1.0, 1.0)
    assert (row["reason"], row["broken"], row["bound"]) == ("evaluation_overlap", ["evaluation_overlap"], "< 0.5")
    assert counts == {("web", "evaluation_overlap"): 1}


def test_a_part_without_a_hit_has_no_ledger(tmp_path):
    exam = write_set(tmp_path, [{"q": "Which of the sisters kept the compass?"}])
    part = make_part(tmp_path, [document(0, english(1))])
    assert decontaminate_part(part, plan_of(exam), ledger_of(tmp_path)) == (None, {})
