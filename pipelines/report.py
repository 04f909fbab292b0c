"""report: the figures of a run, and the page, summary and tables that are made of them.

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
from pipelines.report_page import charts, render
from pipelines.report_page.formats import count, percent
from pipelines.run import Json
from pipelines.stage import Job
from pipelines.tokenizer import write_file

NO_DIGEST = "0" * 32
FORMULA = re.compile(r"[=+\-@\t\r\n]")
MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#|!~])")
MAX_REASONS = 8


def report(job: Job, filter: FilterSettings, dedup: DedupSettings, quality_min_score: float | None) -> None:
    """Every table -> report/ (index.html, report.json, summary.md, tables/*.csv)."""
    found = figures(job, filter.checks(quality_min_score), dedup)
    outputs = {
        "report.json": json.dumps(found, ensure_ascii=False, allow_nan=False),
        "summary.md": summary(found),
        **{f"tables/{name}.csv": table for name, table in tables(found).items()},
    }
    written = [write_file(job, "report", name, text.encode("utf-8", "replace")) for name, text in outputs.items()]
    page = write_file(job, "report", "index.html", render(found, history(job.run)))
    job.add("report", [*written, replace(page, digest=NO_DIGEST)])
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


def summary(found: Json) -> str:
    """What became of the records, the reasons that removed most, and the alerts, in Markdown for a message."""
    funnel, checks, packed = found["funnel"], found["checks"], found["packing"]["totals"]
    removing = sorted(found["reasons"]["rows"], key=lambda row: (-row["deciding"], row["reason"]))[:MAX_REASONS]
    kept = f"{count(funnel['fates'][-1]['records'])} of {count(funnel['records'])} records kept"
    lines = [
        f"# {kept}, {count(packed['n_tokens'])} tokens",
        "",
        f"{checks['passed']} checks hold, {checks['failed']} do not.",
        "",
        "| records | | |",
        "|---|---:|---:|",
        *[_row(one["fate"], one["records"], funnel["records"]) for one in funnel["fates"]],
        "",
        "| removed for | documents | |",
        "|---|---:|---:|",
        *[_row(f"{row['stage']}: {row['reason']}", row["deciding"], funnel["records"]) for row in removing],
        "",
        *[f"- {alert['level']}: {escaped(alert['text'])}" for alert in found["alerts"]],
    ]
    return "\n".join(lines) + "\n"


def _row(name: str, part: int, whole: int) -> str:
    return f"| {escaped(name)} | {count(part)} | {percent(part, whole)} |"


def escaped(text: str) -> str:
    """Text that no Markdown reader takes for markup.

    >>> escaped("a|b<i>")
    'a\\\\|b\\\\<i\\\\>'
    """
    return MARKDOWN.sub(r"\\\1", " ".join(text.split()))
