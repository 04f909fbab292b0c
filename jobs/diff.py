"""`gristmill diff`: two runs side by side, on the terminal in short and as a page."""

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from jobs.terminal import print_json, shown
from pipelines.comparison import Rows, compare
from pipelines.report_page import render_comparison
from pipelines.run import Json, Run
from udfs import files
from udfs.errors import InputError

MAX_ROWS = 20


def diff_runs(left: Run, right: Run, page: Path, console: Console, as_json: bool = False) -> None:
    """Write the page; print totals, settings and reasons that differ. Raises InputError for a run without a report."""
    found = compare(figures_of(left), figures_of(right))
    names = (left.root.rstrip("/"), right.root.rstrip("/"))
    page.write_bytes(render_comparison(names, found))
    if as_json:
        print_json(console, found)
    else:
        print_comparison(names, found, console)


def print_comparison(names: tuple[str, str], found: Json, console: Console) -> None:
    console.print(shown(f"{names[0]} -> {names[1]}"))
    print_changes(console, [("", row["name"], row["value"]) for row in found["totals"]])
    print_settings(console, found["settings"])
    changed = [(row["stage"], row["reason"], row["deciding"]) for row in found["reasons"]]
    print_changes(console, sorted((row for row in changed if row[2][0] != row[2][1]), key=by_how_much))
    same = [row["table"] for row in found["tables"] if row["digest"][0] == row["digest"][1]]
    console.print(f"equal tables: {', '.join(same) or 'none'}", markup=False)


def by_how_much(row: tuple[str, str, list[int | None]]) -> int:
    before, after = (n or 0 for n in row[2])
    return -abs(after - before)


def figures_of(run: Run) -> Json:
    uri = run.path("report", "report.json")
    try:
        return json.loads(files.read_bytes(uri))
    except InputError as error:
        raise InputError(error.reason, "run `gristmill report` for this run first") from error


def print_changes(console: Console, rows: list[tuple[str, str, list[int | None]]]) -> None:
    grid = Table.grid(padding=(0, 2))
    for stage, name, (before, after) in rows[:MAX_ROWS]:
        by = "" if before is None or after is None else f"{after - before:+,}" if after != before else "="
        grid.add_row(shown(stage), shown(name), *("-" if n is None else f"{n:,}" for n in (before, after)), by)
    console.print(grid)


def print_settings(console: Console, rows: Rows) -> None:
    for row in rows[:MAX_ROWS]:
        before, after = (value or "-" for value in row["value"])
        console.print(shown(f"{row['key']}: {before} -> {after}"))
    if len(rows) > MAX_ROWS:
        console.print(f"and {len(rows) - MAX_ROWS} more settings")
