"""Bounds moved in the page, its options given to `gristmill run`: what the run keeps lies in the range foretold."""

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from tiny_corpus import Command, TinyRun

MOVE = """([key, side, by]) => {
  const slider = document.querySelector(`fieldset[data-key="${key}"] input[data-side="${side}"]`);
  slider.value = Number(slider.value) + by;
  slider.dispatchEvent(new Event("input"));
}"""
CLOSER = ("gopher.word_count", "min", 25)
WIDER = ("c4.curly_bracket_lines", "max", 5)
QUALITY = ("quality", "min", -60)


@pytest.mark.parametrize(
    "moves",
    [
        pytest.param([CLOSER], marks=pytest.mark.slow),
        pytest.param([WIDER], marks=pytest.mark.slow),
        pytest.param([QUALITY], marks=pytest.mark.slow),
        [CLOSER, WIDER, QUALITY],
    ],
    ids=["closer", "wider", "quality", "all three"],
)
def test_the_share_kept_lies_in_the_range_foretold(
    opened, report_page: Path, tiny_run: TinyRun, gristmill: Command, tmp_path: Path, moves: list[Any]
):
    page = opened(report_page)
    for move in moves:
        page.evaluate(MOVE, list(move))
    said = page.locator(".foretold").text_content()
    least, most, now = map(float, re.findall(r"(\d+\.\d+)(?= to | %)", said))
    assert (least, most) != (now, now), "the bounds change something"
    options = shlex.split(page.locator("#changes pre").text_content().replace("\\\n", ""))
    assert len(options) == 2 * len(moves)
    shutil.copytree(tiny_run.root, tmp_path / "run")
    moved = ["--settings", tiny_run.settings, "--set", f"output={tmp_path / 'run'}"]
    finished = gristmill("run", *moved, *options, "--from", "filter", "--until", "refine")
    assert finished.code == 0, finished.err
    tables = {
        stage: json.loads((tmp_path / f"run/runs/{stage}.json").read_text())["committed"]["tables"]
        for stage in ("ingest", "refine")
    }
    kept = 100 * tables["refine"]["clean"]["n_rows"] / tables["ingest"]["documents"]["n_rows"]
    assert least - 0.005 <= kept <= most + 0.005
