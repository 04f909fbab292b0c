"""Clean text of a whole run, and a record lost on the way."""

import re
import shutil
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tiny_corpus import ADDRESSES, Command, TinyRun, english

from pipelines.refine import EARLIER, check_conservation
from udfs.errors import ContractError


def test_edits_and_replacements_are_in_clean_and_not_in_documents(tiny_run: TinyRun):
    before, after = (tiny_run.by_name(table)["edited"]["text"] for table in ("documents", "clean"))
    assert before == f"{english(93)}\n{ADDRESSES}\nPlease enable JavaScript to read this page now."
    assert after == before.rpartition("\n")[0].replace("miller@old-mill.example.org", "email@example.com").replace(
        "8.8.8.8", "192.0.2.1"
    )


def test_a_text_that_no_edit_touches_is_left_as_it_is(tiny_run: TinyRun):
    assert tiny_run.by_name("clean")["c4-3"]["text"] == english(23)
    assert tiny_run.by_name("clean")["han-1"]["text"] == tiny_run.by_name("documents")["han-1"]["text"]


def test_clean_has_what_documents_signals_and_duplicates_say(tiny_run: TinyRun):
    documents, signals = tiny_run.by_name("documents"), tiny_run.by_name("signals")
    kept = {row["id"]: row for row in tiny_run.rows("duplicates") if row["kind"] == "kept"}
    for name, row in tiny_run.by_name("clean").items():
        same = ("source", "url", "date", "dump", "file_path", "record_offset", "content_digest", "record_id")
        assert {column: row[column] for column in same} == {column: documents[name][column] for column in same}
        assert (row["language"], row["quality_score"]) == (signals[name]["language"], signals[name]["quality_score"])
        cluster = kept.get(row["id"], {"cluster_id": row["id"], "cluster_size": 1})
        assert (row["cluster_id"], row["cluster_size"]) == (cluster["cluster_id"], cluster["cluster_size"])
    assert sum(row["cluster_size"] for row in tiny_run.rows("clean")) == len(tiny_run.rows("clean")) + 6


def test_a_lost_record_is_an_error_that_says_where_the_others_are():
    rows = dict(zip((*EARLIER, "ledger/refine"), (3, 2, 0, 1), strict=True)) | {"documents": 10, "clean": 3}
    job: Any = SimpleNamespace(table=lambda name: SimpleNamespace(n_rows=rows[name]))
    with pytest.raises(ContractError, match=r"10 documents, but 3 in clean, 3 in ledger/filter"):
        check_conservation(job)
    rows["clean"] = 4
    check_conservation(job)


def twelve_words_of_two(texts: list[str]) -> set[tuple[str, ...]]:
    """Runs of twelve words that two of the texts have."""
    words = [text.split() for text in texts]
    runs = [{tuple(one[i : i + 12]) for i in range(len(one) - 11)} for one in words]
    return {run for left, right in combinations(runs, 2) for run in left & right}


def test_no_sentence_stands_twice_where_that_is_asked_for(tiny_run: TinyRun, gristmill: Command, tmp_path: Path):
    roots = [tmp_path / "one", tmp_path / "many"]
    for root, n_documents in zip(roots, (50_000, 7), strict=True):
        shutil.copytree(tiny_run.root, root)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("pipelines.passages.DOCUMENTS_PER_PARTITION", n_documents)
            cut = "--set=refine.passages=[{unit: sentence, n: 1, min_words: 4}, {unit: word, n: 12}]"
            done = gristmill("refine", "--settings", tiny_run.settings, f"--set=output={root}", cut)
        assert done.code == 0, done.err
    one, many = (TinyRun(tiny_run.corpus, root, tiny_run.settings, tiny_run.ids) for root in roots)
    for table in ("passages", "clean", "ledger/refine"):
        assert one.rows(table) == many.rows(table), table
    sentences = [s for row in one.rows("clean") for s in re.split(r"(?<=[.。])\s*", row["text"]) if len(s.split()) > 4]
    assert len(sentences) == len(set(sentences))
    texts = {row["id"]: row["text"] for row in one.rows("documents")}
    passages = one.rows("passages")
    assert {row["unit"] for row in passages} == {"sentence", "word"}
    for row in passages:
        assert texts[row["id"]].encode()[row["start"] : row["end"]].decode()[:12] in texts[row["first_id"]]
    left, before = (
        twelve_words_of_two([row["text"] for row in run.rows("clean") if row["language"] == "en"])
        for run in (one, tiny_run)
    )
    assert len(left) < len(before) / 10  # what stands on both sides of a cut may make a run that another text has
