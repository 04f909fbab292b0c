"""`gristmill replay`: what stood in quarantine is found again in its file."""

import json

import pyarrow.parquet as pq
import pytest

from jobs.__main__ import main


@pytest.mark.spark
def test_each_quarantined_record_is_read_again(spark, tmp_path, capsys):
    lines = ['{"text": "Grain."}', "not json", '{"title": "no text"}', '{"text": "Flour."}']
    (tmp_path / "input.jsonl").write_text("\n".join(lines))
    settings = tmp_path / "settings.yaml"
    settings.write_text(json.dumps({"output": str(tmp_path / "run"), "inputs": [str(tmp_path / "input.jsonl")]}))
    assert main(["ingest", "--settings", str(settings)]) == 0
    rows = pq.read_table(tmp_path / "run" / "quarantine").to_pylist()
    assert [row["reason"] for row in rows] == ["not_json", "no_text_field"]
    for row, line in zip(rows, lines[1:3], strict=True):
        capsys.readouterr()
        assert main(["replay", str(tmp_path / "run"), row["id"]]) == 0
        shown = capsys.readouterr().out
        assert f"reader now     {row['reason']}" in shown
        assert line.encode()[:16].hex(" ") in shown
        assert str(row["record_offset"]) in shown


def test_an_unknown_id_is_an_error(tmp_path, capsys):
    assert main(["replay", str(tmp_path), "00"]) == 66
    assert "nothing in quarantine" in capsys.readouterr().err
