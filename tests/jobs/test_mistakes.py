"""Mistakes of a user: an exit code and a message that names the mistake, never a trace."""

import gzip
import json
from pathlib import Path

import pytest
from tiny_corpus import Command, Finished, TinyRun, english, json_lines

from pipelines.lock import exclusive
from pipelines.run import Run


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """A file of ten texts."""
    file = tmp_path / "texts.jsonl"
    file.write_bytes(json_lines({"text": english(i)} for i in range(10)))
    return file


@pytest.fixture
def attempt(gristmill: Command, texts: Path, tmp_path: Path):
    """A stage, or `check`, with the smallest settings and what is changed in them."""

    def attempt(command: str, *changes: str) -> Finished:
        settings = tmp_path / "settings.yaml"
        spark = {"spark.sql.shuffle.partitions": 2}
        settings.write_text(json.dumps({"output": str(tmp_path / "run"), "inputs": [str(texts)], "spark": spark}))
        return gristmill(*command.split(), "--settings", settings, *(f"--set={change}" for change in changes))

    return attempt


def says(finished: Finished, code: int, *messages: str) -> None:
    assert "Traceback" not in finished.err
    assert finished.code == code, finished.err
    for message in messages:
        assert message in finished.err


@pytest.mark.parametrize(
    ("change", "messages"),
    [
        ("fliter={}", ["--set: fliter: there is no such key; did you mean 'filter'?"]),
        ("filter.bounds.gopher.wordcount.min=1", ["filter.bounds", "wordcount; did you mean 'word_count'?"]),
        ("filter.bounds.gofer.word_count.min=1", ["there is no signal family 'gofer'; did you mean 'gopher'?"]),
        ("filter.per_language.en.gopher.wordcount=null", ["there is no signal gopher.wordcount"]),
        ("filter.bounds.gopher.word_count.mni=1", ["filter.bounds.gopher.word_count.mni", "there is no such key"]),
        ("filter.bounds.gopher.word_count={min: 2, max: 1}", ["no value is at least 2 and at most 1"]),
        ("quality.min_score=0.3", ["quality.min_score is set, but no model scores quality"]),
        ("filter.pareto={}", ["filter.pareto is set, but no model scores quality"]),
        ("recipe=gofer", ["there is no recipe 'gofer'; did you mean 'gopher'?"]),
        ("dedup.threshold=1.5", ["dedup.threshold: Input should be less than or equal to 1 (found 1.5)"]),
        ("inputs=[]", ["inputs: List should have at least 1 item"]),
        ("seed", ["--set seed: expected KEY=VALUE"]),
        ("decontaminate.sets=[a/x.jsonl, b/x.jsonl]", ["decontaminate.sets", "'x' names more than one"]),
    ],
)
def test_a_wrong_setting_is_named_with_what_would_be_right(attempt, change: str, messages: list[str]):
    says(attempt("check", change), 2, *messages)


def test_a_misspelt_signal_in_a_recipe_is_named_with_the_nearest(attempt, tmp_path: Path):
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("filter: {bounds: {repetition: {top_2_grams: {max: 0.2}}}}")
    message = "there is no signal repetition.top_2_grams; did you mean 'top_2_gram'?"
    says(attempt("check", f"recipe={recipe}"), 2, f"{recipe}:1: filter.bounds", message)


@pytest.mark.parametrize(
    ("content", "message"), [(None, "no such settings file"), (b"\xff\xfe: [", "cannot be read as YAML")]
)
def test_settings_that_cannot_be_read_are_named(gristmill: Command, tmp_path: Path, content: bytes, message: str):
    file = tmp_path / "s.yaml"
    if content:
        file.write_bytes(content)
    says(gristmill("filter", "--settings", file), 2, str(file), message)


def test_settings_that_are_a_folder_are_named(gristmill: Command, tmp_path: Path):
    says(gristmill("check", "--settings", tmp_path), 2, str(tmp_path), "Is a directory")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["filter"], "--settings"),
        (["fliter"], "fliter"),
        (["run", "--settings", "x.yaml", "--from", "fliter"], "there is no stage 'fliter'"),
        (["run", "--settings", "x.yaml", "--from", "pack", "--until", "filter"], "pack comes after filter"),
    ],
)
def test_a_wrong_command_line_is_usage(gristmill: Command, arguments: list[str], message: str):
    says(gristmill(*arguments), 2, message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("inputs=[/nowhere/*.warc.gz]", "/nowhere/*.warc.gz: no such file, or nothing matches"),
        ("inputs=[hdfs//x.jsonl]", "hdfs//x.jsonl"),
    ],
)
def test_an_input_that_is_not_there_is_named(attempt, change: str, message: str):
    says(attempt("ingest", change), 66, message)
    says(attempt("check", change), 66, message)


def test_an_input_of_no_known_kind_says_how_to_name_it(attempt, tmp_path: Path):
    (tmp_path / "notes.txt").write_text("x")
    says(attempt("check", f"inputs=[{tmp_path}/notes.txt]"), 2, "notes.txt", "kind: warc|wet|jsonl|parquet")


@pytest.mark.parametrize(
    ("stage", "change", "message"),
    [
        ("measure", "language.model=/nowhere/lid.bin", "/nowhere/lid.bin: no such file"),
        ("measure", "quality.model=/nowhere", "/nowhere/model.json: no such file"),
        ("measure", "language.model={folder}", "{folder}"),
        ("decontaminate", "decontaminate.sets=[/nowhere/x.jsonl]", "/nowhere/x.jsonl: no such file"),
        ("decontaminate", "decontaminate.sets=[{folder}]", "{folder}"),
        ("train_tokenizer", "tokenizer.path=/nowhere", "/nowhere/tokenizer.model: no such file"),
    ],
)
def test_a_model_or_evaluation_set_that_cannot_be_read_is_named(
    tiny_run: TinyRun, gristmill: Command, tmp_path: Path, stage: str, change: str, message: str
):
    change, message = change.format(folder=tmp_path), message.format(folder=tmp_path)
    before = tiny_run.record(stage)
    finished = gristmill(stage, "--settings", tiny_run.settings, f"--set={change}")
    says(finished, 66, message)
    failed = tiny_run.record(stage)
    assert (failed["exit_code"], failed["committed"]) == (66, before["committed"])
    assert gristmill(stage, "--settings", tiny_run.settings).code == 0


def test_stages_out_of_order_name_the_one_to_run_first(attempt):
    says(attempt("measure"), 66, "documents: not there yet", "run `gristmill ingest` first")


@pytest.mark.parametrize("output", ["{file}", "{file}/run", "/sys/gristmill"])
def test_an_output_that_cannot_be_written_is_73(attempt, texts: Path, output: str):
    says(attempt("ingest", f"output={output.format(file=texts)}"), 73, output.format(file=texts))


def test_an_output_in_use_is_75_and_names_the_owner(attempt, tmp_path: Path):
    with exclusive(Run(str(tmp_path / "run")), "gristmill run --settings other.yaml"):
        says(attempt("ingest"), 75, "gristmill run --settings other.yaml")


def test_files_without_a_record_are_read_and_counted(attempt, tmp_path: Path):
    """An empty file is no WARC file and no Parquet file, so these two are damage; it is good JSON lines."""
    folder = tmp_path / "empty"
    folder.mkdir()
    for name in ("a.warc.gz", "b.jsonl", "c.json.gz", "d.jsonl.zst", "e.parquet"):
        (folder / name).write_bytes(b"")
    (folder / "f.jsonl.gz").write_bytes(gzip.compress(b""))
    (folder / "g.jsonl").write_bytes(json_lines([{"text": english(0)}]))
    finished = attempt("ingest", f"inputs=[{folder}]")
    assert finished.code == 0, finished.err
    counts = json.loads((tmp_path / "run/runs/ingest.json").read_text())["committed"]["counts"]
    assert [file["records"] for file in counts["files"]] == [1, 0, 0, 0, 1, 0, 1]
    reasons = {row["reason"]: row["n"] for row in counts["quarantined"]}
    assert reasons == {"empty": 1, "unreadable": 1}


def test_a_run_that_keeps_nothing_says_so(attempt, tmp_path: Path):
    """Every table is there, without rows; the tokenizer has nothing to learn from."""
    finished = attempt("run", "filter.bounds.gopher.word_count.min=1000", "dedup.engine=exact")
    says(finished, 66, "clean holds no text to learn a tokenizer from", "loosen the filter")
    assert json.loads((tmp_path / "run/runs/refine.json").read_text())["committed"]["tables"]["clean"]["n_rows"] == 0
    record = json.loads((tmp_path / "run/runs/train_tokenizer.json").read_text())
    assert (record["exit_code"], record["committed"]) == (66, None)


def test_input_without_a_document_says_so(attempt, texts: Path):
    texts.write_bytes(b"")
    says(attempt("run", "dedup.engine=exact"), 66, "clean holds no text")


def test_a_model_without_texts_of_both_labels_says_so(attempt, texts: Path):
    says(attempt("train_quality", f"quality.training.good=[{texts}]"), 66, "quality.training", "0 bad texts")


def test_an_error_of_a_worker_is_told_as_one_of_the_command(tiny_run: TinyRun, gristmill: Command, tmp_path: Path):
    """An evaluation set is read by workers; its file and line are named."""
    (tmp_path / "set.jsonl").write_text('{"q": "x"}\nnot json\n')
    changed = f"--set=decontaminate.sets=[{tmp_path}/set.jsonl]"
    says(gristmill("decontaminate", "--settings", tiny_run.settings, changed), 66, "set.jsonl:2: is not a JSON object")
