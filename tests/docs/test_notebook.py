"""The notebook's cells run on a run, one after the other, and show what the run's tables hold."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from tiny_corpus import TinyRun

NOTEBOOK = Path(__file__).resolve().parents[2] / "docs" / "tutorials" / "reading-a-run.ipynb"


def shown(source: str, names: dict[str, Any]) -> Any:
    """What a cell shows: the value of its last line, if that is an expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else None


def test_every_cell_runs(tiny_run: TinyRun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for package in ("duckdb", "polars", "datasets"):
        pytest.importorskip(package)
    monkeypatch.setenv("GRISTMILL_RUN", str(tiny_run.root))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path))
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] for cell in cells)
    names: dict[str, Any] = {}
    found = [shown("".join(cell["source"]), names) for cell in cells]
    assert sum(names["removed"]["documents"]) == sum(
        len(tiny_run.rows(f"ledger/{stage}")) for stage in ("ingest", "filter", "dedup", "decontaminate")
    )
    assert len(found[-2]) == 3
    assert found[-1]["kept"] == len(tiny_run.rows("clean"))
