"""Fifteen mistakes in a settings file: each message names the file, the line, the key, and what would be right."""

from pathlib import Path

import pytest

from jobs.__main__ import main

GOOD = """\
output: run
inputs: [texts.jsonl]
recipe: fineweb
filter:
  languages: {en: 0.65}
  bounds:
    gopher:
      word_count: {min: 50}
dedup:
  threshold: 0.8
tokenizer: {vocab_size: 32000}
pack:
  seq_len: 2048
seed: 7
"""
MISTAKES = [
    ("seed: 7", "sede: 7", 14, "sede", "did you mean 'seed'?"),
    ("recipe: fineweb", "recipe: finewebb", 3, "recipe", "did you mean 'fineweb'?"),
    ("  languages:", "  language:", 5, "filter.language", "did you mean 'languages'?"),
    ("    gopher:", "    gofer:", 7, "filter.bounds.gofer", "did you mean 'gopher'?"),
    ("word_count:", "wordcount:", 8, "filter.bounds.gopher.wordcount", "did you mean 'word_count'?"),
    ("{min: 50}", "{mim: 50}", 8, "filter.bounds.gopher.word_count.mim", "did you mean 'min'?"),
    ("{min: 50}", "{min: 50, max: 5}", 8, "filter.bounds.gopher.word_count", "exchange min and max"),
    ("{min: 50}", "{min: fifty}", 8, "filter.bounds.gopher.word_count.min", "a valid number"),
    ("threshold: 0.8", "threshold: 80", 10, "dedup.threshold", "less than or equal to 1"),
    ("threshold: 0.8", "treshold: 0.8", 10, "dedup.treshold", "did you mean 'threshold'?"),
    ("vocab_size: 32000", "vocab_size: 32k", 11, "tokenizer.vocab_size", "a valid integer"),
    ("seq_len: 2048", "seq_len: 0", 13, "pack.seq_len", "greater than"),
    ("inputs: [texts.jsonl]", "inputs: []", 2, "inputs", "at least 1 item"),
    ("inputs: [texts.jsonl]", "inputs: [{paths: [texts.jsonl], kind: json}]", 2, "inputs", "'jsonl'"),
    ("seed: 7", "seed: seven", 14, "seed", "a valid integer"),
    ("seed: 7", "seed: 7\nseed: 8", 15, "seed", "duplicate"),
    ("{en: 0.65}", "{en: 0.65", 6, "", "expected"),
]


@pytest.mark.parametrize(("right", "wrong", "line", "key", "mend"), MISTAKES, ids=[one[1] for one in MISTAKES])
def test_a_mistake_is_named_with_its_place_and_what_would_be_right(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], right: str, wrong: str, line: int, key: str, mend: str
):
    assert GOOD.count(right) == 1
    file = tmp_path / "mine.yaml"
    file.write_text(GOOD.replace(right, wrong))
    assert main(["check", "--settings", str(file)]) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert f"{file}:{line}" in said or f"line {line}," in said
    assert key in said
    assert mend in said


def test_all_mistakes_are_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "mine.yaml"
    file.write_text(GOOD.replace("seed", "sede").replace("threshold: 0.8", "threshold: 8").replace("seq_len", "seqlen"))
    assert main(["check", "--settings", str(file)]) == 2
    said = capsys.readouterr().err
    assert [f"{file}:{line}: " in said for line in (10, 13, 14)] == [True] * 3
