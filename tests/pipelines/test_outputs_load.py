"""What a run leaves is read by the tools that people read datasets with, and holds the same rows there."""

import json
from collections import Counter
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from payloads import PAYLOADS, filled
from ruamel.yaml import YAML
from tiny_corpus import TinyRun

from pipelines.report_markdown import card

FILES = "part-*.parquet"


@pytest.fixture
def sources(tiny_run: TinyRun) -> Counter[str]:
    """Documents of each source in `clean`."""
    return Counter(row["source"] for row in tiny_run.rows("clean"))


def test_duckdb_joins_the_tables(tiny_run: TinyRun, sources: Counter[str]):
    duckdb = pytest.importorskip("duckdb")
    query = f"""select source, count(*), min(n_words) from '{tiny_run.root}/clean/{FILES}'
        join (select id, n_words from '{tiny_run.root}/signals/{FILES}') using (id) group by source"""
    rows = duckdb.sql(query).fetchall()
    assert {source: n for source, n, _ in rows} == sources
    assert all(least > 0 for _, _, least in rows)


def test_polars_scans_a_table(tiny_run: TinyRun, sources: Counter[str]):
    polars = pytest.importorskip("polars")
    frame = polars.scan_parquet(tiny_run.root / "clean" / FILES).group_by("source").len().collect()
    assert dict(frame.iter_rows()) == sources
    ledger = polars.read_parquet(tiny_run.root / "ledger" / "*" / FILES)
    assert ledger.height == sum(
        len(tiny_run.rows(f"ledger/{path.name}")) for path in (tiny_run.root / "ledger").iterdir()
    )


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streaming"])
def test_datasets_loads_the_run_directory_by_its_card(
    tiny_run: TinyRun, sources: Counter[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, streaming: bool
):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    loaded = datasets.load_dataset(str(tiny_run.root), split="train", streaming=streaming, cache_dir=str(tmp_path))
    rows = list(loaded)
    assert Counter(row["source"] for row in rows) == sources
    assert {row["id"]: row["text"] for row in rows} == {row["id"]: row["text"] for row in tiny_run.rows("clean")}


@pytest.fixture
def report(tiny_run: TinyRun) -> dict[str, Any]:
    return json.loads((tiny_run.root / "report/report.json").read_text())


def front_matter(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text.split("---\n")[1])


def test_the_card_says_what_the_ledgers_say(report: dict[str, Any], tiny_run: TinyRun, sources: Counter[str]):
    text = (tiny_run.root / "README.md").read_text()
    assert text == (tiny_run.root / "report/dataset_card.md").read_text() == card(report)
    found = front_matter(text)
    assert found["configs"] == [{"config_name": "default", "data_files": "clean/*.parquet"}]
    assert found["size_categories"] == ["n<1K"]
    assert set(found["language"]) == {row["language"] for row in tiny_run.rows("clean")}
    for source, n in sources.items():
        assert f"| {source.replace('(', chr(92) + '(').replace(')', chr(92) + ')')} | {n} |" in text.replace("\\_", "_")
    assert f"| dedup | {len(tiny_run.rows('ledger/dedup'))} |" in text


def test_nothing_in_the_card_comes_from_outside_as_markup(report: dict[str, Any]):
    payloads = cycle(PAYLOADS)
    text = card(filled(report, lambda: next(payloads)))
    assert front_matter(text)["language"] == []
    body, block = text.split("```json\n")
    assert block.count("```") == 1
    for line in body.split("---\n", 2)[2].splitlines():
        if line.startswith("| ") and not line.startswith("| `"):
            assert "<" not in line.replace("\\<", "")
            assert "[" not in line.replace("\\[", "")
            assert line.replace("\\|", "").count("|") == 4
