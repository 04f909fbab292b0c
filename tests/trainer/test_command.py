"""The command: what it prints, its exit codes, its errors without stack traces."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.__main__ import entry


def call(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """The exit code of `gristmill-train` with these arguments."""
    monkeypatch.setattr(sys, "argv", ["gristmill-train", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        entry()
    return ended.value.code if isinstance(ended.value.code, int) else 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--set", "batch.sequence=3"], 2, "did you mean 'sequences'"),
        (["--set", "shards=/nowhere"], 66, "/nowhere/manifest.json"),
        (["--set", "phases=[{steps: 1, weights: {blogs: 1}}]"], 2, "no source blogs"),
    ],
)
def test_mistakes_end_with_their_exit_code_and_one_message(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    settings_file: Path,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    assert call(monkeypatch, "which-docs", "--step", 1, "--settings", settings_file, *arguments) == code
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said


def test_a_broken_shard_ends_with_65(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], settings_file: Path, own_shards: Path
) -> None:
    next(own_shards.glob("val/*/*.idx")).write_bytes(b"MMIDIDX")
    assert call(monkeypatch, "verify", "--settings", settings_file, "--set", f"shards={own_shards}") == 65
    assert "found bytes 7" in capsys.readouterr().err


def test_shards_are_verified_and_traced_without_torch() -> None:
    check = "import sys, trainer.__main__; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_an_unknown_command_ends_with_2(monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(monkeypatch, "trian") == 2


def test_verify_prints_the_totals(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], settings_file: Path
) -> None:
    assert call(monkeypatch, "verify", "--settings", settings_file) == 0
    assert json.loads(capsys.readouterr().out)["n_docs"] == 2 * (100 + 200 + 40)


def test_which_docs_prints_a_line_per_document_of_every_sample(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], settings_file: Path
) -> None:
    assert call(monkeypatch, "which-docs", "--step", 2, "--settings", settings_file) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["sample"] for row in rows} == {4, 5, 6, 7}
    assert all(row["url"].startswith(f"https://{row['source']}.example/") for row in rows)


def test_which_docs_refuses_a_step_that_does_not_exist(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], settings_file: Path
) -> None:
    assert call(monkeypatch, "which-docs", "--step", 7, "--settings", settings_file) == 2
    assert "the run has 6 steps" in capsys.readouterr().err


def test_which_docs_prints_the_steps_of_a_document(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], settings_file: Path
) -> None:
    assert call(monkeypatch, "which-docs", "--step", 2, "--settings", settings_file) == 0
    doc = json.loads(capsys.readouterr().out.splitlines()[0])["doc_id"]
    assert call(monkeypatch, "which-docs", "--doc", doc, "--settings", settings_file) == 0
    assert {"step": 2} in [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert call(monkeypatch, "which-docs", "--settings", settings_file) == 2


def test_plan_prints_what_a_run_costs_and_reads(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], settings_file: Path
) -> None:
    pytest.importorskip("torch", reason="torch is not installed: pip install 'gristmill[trainer]'")
    given = ["--devices", 2, "--mfu", 0.5, "--set", "peak_tflops=100", "--settings", settings_file]
    assert call(monkeypatch, "plan", *given) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["tokens"] == 6 * 4 * 32
    assert found["memory_per_device"]["total"] > found["parameters"] * 16
    assert found["tokens_of_sources"].keys() == found["epochs"]["32"].keys() == {"books", "web"}
    assert found["at_mfu"] == 0.5


def test_a_command_refuses_shards_of_another_kind(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], settings_file: Path
) -> None:
    pytest.importorskip("torch", reason="torch is not installed: pip install 'gristmill[trainer]'")
    assert call(monkeypatch, "sft", "--settings", settings_file) == 2
    assert "use gristmill-train train" in capsys.readouterr().err


def test_train_eval_and_export_follow_each_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], settings_file: Path, tmp_path: Path
) -> None:
    pytest.importorskip("torch", reason="torch is not installed: pip install 'gristmill[trainer]'")
    assert call(monkeypatch, "eval", "--settings", settings_file) == 66
    assert call(monkeypatch, "train", "--settings", settings_file) == 0
    last = [json.loads(line) for line in (tmp_path / "out/log.jsonl").read_text().splitlines()][-2]
    capsys.readouterr()
    assert call(monkeypatch, "eval", "--settings", settings_file) == 0
    assert json.loads(capsys.readouterr().out)["sources"] == last["sources"]
    assert call(monkeypatch, "export", "--settings", settings_file) == 0
    assert (tmp_path / "out/export/tokenizer.json").exists()


def test_plan_times_some_steps_where_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], settings_file: Path
) -> None:
    pytest.importorskip("torch", reason="torch is not installed: pip install 'gristmill[trainer]'")
    assert call(monkeypatch, "plan", "--measure", "--settings", settings_file) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["tokens_per_second"] > 0
    assert found["hours"] is not None


def test_score_writes_what_each_document_of_another_data_set_costs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings_file: Path, own_shards: Path
) -> None:
    pytest.importorskip("torch", reason="torch is not installed: pip install 'gristmill[trainer]'")
    assert call(monkeypatch, "train", "--settings", settings_file) == 0
    output = tmp_path / "scores.json"
    given = ["--settings", settings_file, "--on", own_shards, "--output", output]
    assert call(monkeypatch, "score", *given) == 0
    found = json.loads(output.read_text())
    assert found["content_sha256"] == json.loads((own_shards / "manifest.json").read_text())["content_sha256"]
    assert found["sources"].keys() == {"books", "web"}
    assert all(row["nats"] > 0 for rows in found["sources"].values() for row in rows)


def test_score_refuses_shards_of_another_tokenizer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], settings_file: Path, own_shards: Path
) -> None:
    pytest.importorskip("torch", reason="torch is not installed: pip install 'gristmill[trainer]'")
    tokenizer = own_shards / "tokenizer" / "tokenizer.json"
    tokenizer.write_text('{"other": true}')
    manifest = json.loads((own_shards / "manifest.json").read_text())
    manifest["tokenizer"]["sha256"] = hashlib.sha256(tokenizer.read_bytes()).hexdigest()
    (own_shards / "manifest.json").write_text(json.dumps(manifest))
    given = ["--settings", settings_file, "--on", own_shards, "--output", "nowhere.json"]
    assert call(monkeypatch, "score", *given) == 65
    assert "pack it with the same tokenizer" in capsys.readouterr().err
