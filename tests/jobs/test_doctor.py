"""`gristmill doctor` says what is missing, and what to do about it."""

from pathlib import Path

import pytest

from jobs.__main__ import main
from jobs.doctor import n_bytes


@pytest.fixture
def settings(tmp_path: Path) -> list[str]:
    (tmp_path / "a.jsonl").write_text('{"text": "x"}\n')
    (tmp_path / "run.yaml").write_text(f"inputs: [{tmp_path}/a.jsonl]\noutput: {tmp_path}/run\n")
    return ["--settings", str(tmp_path / "run.yaml")]


def test_this_machine_can_run_and_nothing_is_left_behind(settings, tmp_path, capsys) -> None:
    assert main(["doctor", *settings]) == 0
    said = capsys.readouterr().out
    for name in ("Python", "Java", "packages", "memory", "scratch space", "inputs", "output"):
        assert name in said
    assert "1 files" in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "found", "hint"),
    [
        ("inputs=[nowhere/*.warc.gz]", "nowhere", "inputs"),
        ("output=/proc/run", "/proc/run", "that can be written"),
        ("spark={spark.driver.memory: 9t}", "spark.driver.memory is 9t", "smaller"),
        ("spark={spark.driver.memory: much}", "'much' is not a size", "4g"),
        ("inputs=[gs://bucket/a.jsonl]", "gcsfs", ""),
    ],
)
def test_what_a_run_would_stumble_over_is_named(settings, capsys, change, found, hint) -> None:
    code = main(["doctor", *settings, "--set", change])
    said = capsys.readouterr()
    assert code == (0 if "9t" in change else 2)
    assert found in said.out + said.err
    assert hint in said.out + said.err


def test_sizes_are_read_as_spark_reads_them() -> None:
    assert [n_bytes(size) for size in ("4g", "4GB", "512", "1k")] == [4 << 30, 4 << 30, 512 << 20, 1 << 10]


def test_without_java_it_says_so(monkeypatch, capsys) -> None:
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    assert main(["doctor"]) == 2
    said = capsys.readouterr().out
    assert "/nowhere/bin/java: No such file" in said
    assert "install Java 17" in said
