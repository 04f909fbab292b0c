"""report: the figures of a run, and the page, summary, dataset card and tables that are made of them.

Reads numbers, ledgers and records, and the excerpts of a few hundred documents; no text. `index.html` alone names times
and paths, so it has no digest to be compared between runs; every other file of equal runs has equal bytes.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from pipelines.dedup import DedupSettings
from pipelines.figures import figures
from pipelines.figures_run import history
from pipelines.filter import FilterSettings
from pipelines.report_markdown import card, summary
from pipelines.report_page import charts, render
from pipelines.run import Json
from pipelines.stage import Job
from pipelines.tokenizer import write_file
from udfs import files

CARD = "dataset_card.md"
"""Stands in the run directory as README.md too, where those look who load the directory as a dataset."""
NO_DIGEST = "0" * 32
FORMULA = re.compile(r"[=+\-@\t\r\n]")


def report(job: Job, filter: FilterSettings, dedup: DedupSettings, quality_min_score: float | None) -> None:
    """Every table -> report/ (index.html, report.json, summary.md, dataset_card.md, tables/*.csv), README.md."""
    found = figures(job, filter.checks(quality_min_score), dedup)
    outputs = {
        "report.json": json.dumps(found, ensure_ascii=False, allow_nan=False),
        "summary.md": summary(found),
        CARD: card(found),
        **{f"tables/{name}.csv": table for name, table in tables(found).items()},
    }
    written = [write_file(job, "report", name, text.encode("utf-8", "replace")) for name, text in outputs.items()]
    page = write_file(job, "report", "index.html", render(found, history(job.run)))
    job.add("report", [*written, replace(page, digest=NO_DIGEST)])
    files.write_bytes(job.run.path("README.md"), outputs[CARD].encode("utf-8", "replace"))
    job.counts |= {"checks_failed": found["checks"]["failed"], "alerts": len(found["alerts"])}


def tables(found: Json) -> dict[str, str]:
    """Name -> CSV of each long table of the page."""
    return {
        "inputs": to_csv(found["funnel"]["inputs"]),
        "sources": to_csv(found["funnel"]["sources"]),
        "reasons": to_csv(found["reasons"]["rows"], ("stage", "reason", "deciding", "alone", "only")),
        "languages": to_csv(found["languages"]["rows"]),
        "hosts": to_csv(found["hosts"].get("rows", [])),
        "histograms": to_csv([row for signal in found["signals"]["rows"] for row in bins(signal)]),
    }


def bins(signal: Json) -> Iterable[Json]:
    """The bins of a signal that hold a document, by variant of its bound; a null edge is open."""
    for number, variant in enumerate(signal["variants"]):
        counts = charts.totals(signal, number)
        lows, highs = [None, *signal["edges"]], [*signal["edges"], None]
        for low, high, kept, removed in zip(lows, highs, counts["kept"], counts["removed"], strict=True):
            if kept or removed:
                languages = " ".join(variant["languages"])
                ends = {"from": low, "to": high, "kept": kept, "removed": removed}
                yield {"signal": signal["name"], "languages": languages, **ends}


def to_csv(rows: Sequence[Json], columns: Sequence[str] = ()) -> str:
    """The rows as CSV; no cell is a formula to a spreadsheet."""
    names = columns or (list(rows[0]) if rows else [])
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows([names, *([cell(row[name]) for name in names] for row in rows)])
    return stream.getvalue()


def cell(value: object) -> object:
    """A text that a spreadsheet would compute gets an apostrophe in front (OWASP, CSV Injection); numbers stay.

    >>> cell("=cmd()"), cell(-1), cell("plain")
    ("'=cmd()", -1, 'plain')
    """
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value
