"""`gristmill clean` takes files to cleaned Parquet and a report without a settings file."""

import json
from pathlib import Path

import pyarrow.parquet as pq
from tiny_corpus import Command, english


def test_files_are_cleaned_without_a_settings_file(gristmill: Command, tmp_path: Path) -> None:
    texts = [english(number) for number in range(40)]
    rows = [{"text": text, "url": f"https://example.org/{n}"} for n, text in enumerate([*texts, texts[0], ""])]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    finished = gristmill("clean", tmp_path / "mine.jsonl", "-o", tmp_path / "run", "--recipe", "none")
    assert finished.code == 0, finished.err
    assert f"clean: {tmp_path}/run/clean" in finished.err
    assert sorted(pq.read_table(tmp_path / "run/clean")["text"].to_pylist()) == sorted(texts)
    reasons = pq.read_table(tmp_path / "run/ledger")["reason"].to_pylist()
    assert sorted(reasons) == ["exact", "no_text"]
    assert (tmp_path / "run/report/index.html").exists()
