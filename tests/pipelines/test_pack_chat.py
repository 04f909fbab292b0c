"""Conversations packed in a run: shards that verify, rows that add up, and nothing to do where none are given."""

import json
import shutil
from pathlib import Path

from tiny_corpus import Command, TinyRun

from udfs.shards import read_manifest, verify_shard, verify_tokenizer

TALK = [{"instruction": f"Count {i} jars.", "output": "One, two."} for i in range(30)] + [{"text": "no talk"}]
PAIRS = [{"prompt": f"Count {i} jars.", "chosen": "One, two.", "rejected": "No."} for i in range(30)]


def test_conversations_and_preferences_become_data_sets(tiny_run: TinyRun, gristmill: Command, tmp_path: Path):
    shutil.copytree(tiny_run.root, tmp_path / "run")
    for name, rows in (("talk", TALK), ("pairs", PAIRS)):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    given = [f"--set=output={tmp_path}/run", "--set=tokenizer={kind: bpe, vocab_size: 400}", "--set=chat.val_share=0.2"]
    given += [f"--set=chat.sft=[{tmp_path}/talk.jsonl]", f"--set=chat.preference=[{tmp_path}/pairs.jsonl]"]
    for stage in ("train_tokenizer", "pack_chat"):
        finished = gristmill(stage, "--settings", tiny_run.settings, *given)
        assert finished.code == 0, finished.err
    counts = json.loads((tmp_path / "run/runs/pack_chat.json").read_text())["committed"]["counts"]
    assert [(row["read"], row["kept"], row["refused"]) for row in counts["files"]] == [
        (31, 30, {"no_conversation": 1}),
        (30, 30, {}),
    ]
    for kind, n_docs in (("sft", 30), ("preference", 60)):
        folder = str(tmp_path / "run" / kind)
        manifest = read_manifest(folder)
        verify_tokenizer(folder, manifest)
        for shard in manifest.shards():
            verify_shard(folder, shard)
        assert (manifest.kind, manifest.totals["n_docs"], set(manifest.splits)) == (kind, n_docs, {"train", "val"})
        assert (
            "<|im_start|>" in json.loads(Path(folder, "tokenizer/tokenizer_config.json").read_text())["chat_template"]
        )
    assert "nothing to do" in gristmill("pack_chat", "--settings", tiny_run.settings, *given).err
    assert gristmill("pack_chat", "--settings", tiny_run.settings, *given[:-1]).code == 0
    assert read_manifest(f"{tmp_path}/run/sft").totals["n_docs"] == 30
    assert not [path for path in (tmp_path / "run/preference").rglob("*") if path.is_file()]


def test_without_files_there_are_no_shards(tiny_run: TinyRun):
    tables = tiny_run.record("pack_chat")["committed"]["tables"]
    assert {name: table["files"] for name, table in tables.items()} == {"sft": [], "preference": []}


def test_a_tokenizer_without_marks_of_turns_is_refused(tiny_run: TinyRun, gristmill: Command, tmp_path: Path):
    (tmp_path / "talk.jsonl").write_text(json.dumps(TALK[0]))
    finished = gristmill("pack_chat", "--settings", tiny_run.settings, f"--set=chat.sft=[{tmp_path}/talk.jsonl]")
    assert finished.code == 2
    assert "no control tokens <|im_start|>" in finished.err
