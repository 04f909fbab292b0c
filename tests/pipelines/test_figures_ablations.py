"""Ablations on the report's page, from results as `gristmill ablate` writes them."""

import json
from pathlib import Path
from typing import Any

from pipelines.ablation import result_files
from pipelines.figures_ablations import ablations
from pipelines.report_page import environment
from pipelines.run import Run

TEMPLATE = (
    '{% from "macros.html" import absent, basis, bdi, decimal, heads, num with context %}{% include "ablations.html" %}'
)


def arm(name: str, mean: float) -> dict[str, Any]:
    return {"name": name, "tokens": 1000, "epochs": 0.5, "bits_per_byte": {"all": {"mean": mean, "seeds": [mean]}}}


def write(folder: Path, name: str, mixture: dict[str, Any] | None = None) -> None:
    difference = {"arm": "<b>raw", "where": "all", "value": 0.25, "low": 0.1, "high": 0.4, "verdict": "worse"}
    result = {
        "name": name,
        "reference": "clean",
        "budget": {"model": "tiny", "tokens": 2000, "seeds": 3},
        "held_out": [{"source": "news", "documents": 7, "bytes": 900}],
        "arms": [arm("<b>raw", 2.75), arm("clean", 2.5)],
        "differences": [difference, {**difference, "where": "news", "value": 9.0}],
        "mixture": mixture,
        "warnings": ["clean was read 9.0 times"],
    }
    path = folder / "ablations" / name / "result.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(result))


def section(run: Run) -> str:
    return environment().from_string(TEMPLATE).render(ablations=ablations(run))


def test_every_ablation_has_a_table_with_a_row_for_each_arm(tmp_path: Path):
    write(tmp_path, "first")
    write(tmp_path, "second")
    (tmp_path / "ablations" / "unfinished").mkdir()
    assert list(result_files(Run(str(tmp_path)))) == ["first", "second"]
    page = section(Run(str(tmp_path)))
    assert page.count("<table") == 2
    assert "+0.2500" in page
    assert "+0.1000 to +0.4000" in page
    assert "2.7500" in page
    assert "clean was read 9.0 times" in page
    assert "9.0000" not in page  # differences by source stand in result.json


def test_the_best_mixture_stands_with_its_intervals(tmp_path: Path):
    shares = {"<i>web": {"value": 0.75, "low": 0.5, "high": 1.0}, "code": {"value": 0.25, "low": 0.0, "high": 0.5}}
    told = {"value": -0.125, "low": -0.2, "high": -0.05}
    found = {"mixtures": 8, "shares": shares, "bits_per_byte": told, "difference": told, "error": 0.01}
    write(tmp_path, "first", found)
    page = section(Run(str(tmp_path)))
    assert page.count("<table") == 2
    assert all(text in page for text in ("&lt;i&gt;web", "0.75", "0.50 to 1.00", "-0.1250", "-0.2000 to -0.0500"))


def test_names_of_arms_are_text(tmp_path: Path):
    write(tmp_path, "first")
    assert "<b>raw" not in section(Run(str(tmp_path)))
    assert "&lt;b&gt;raw" in section(Run(str(tmp_path)))


def test_a_run_without_ablations_says_how_to_make_one(tmp_path: Path):
    assert "gristmill ablate" in section(Run(str(tmp_path)))
