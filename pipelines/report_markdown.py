"""What is said of a run in Markdown: a summary for a message, and the dataset card that Hugging Face's hub shows.

Names and texts of the crawl and of the settings are escaped; nothing of them is markup, a link or YAML.
"""

import json
import re
from typing import Any

from pipelines.refine import RefineSettings
from pipelines.report_page.formats import count, percent
from pipelines.run import Json
from pipelines.tables import CLEAN

MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#|!~])")
MAX_REASONS = 8
MAX_ROWS = 20
LANGUAGE = re.compile(r"[a-z]{2,3}")
SIZES = (
    (10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"), (10**9, "100M<n<1B"), (10**10, "1B<n<10B"), (10**11, "10B<n<100B"), (10**12, "100B<n<1T"),
)  # fmt: skip
DECIDING = ("language", "measure", "filter", "quality.model", "quality.min_score", "dedup", "decontaminate", "refine")


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


def card(found: Json) -> str:
    """The card of `clean` as a dataset: what it holds, where it came from, what was removed, and how to load it."""
    parts = (front_matter, opening, places, columns, settings, caution)
    return "\n\n".join("\n".join(part(found)) for part in parts) + "\n"


def front_matter(found: Json) -> list[str]:
    """What the hub reads, in YAML; every value is a constant, a number's name or two or three letters."""
    languages = [row["language"] for row in found["languages"]["rows"] if row["kept"]]
    return [
        "---",
        "configs:",
        "- config_name: default",
        "  data_files: clean/*.parquet",
        "task_categories: [text-generation]",
        f"size_categories: [{json.dumps(size_category(found['funnel']['fates'][-1]['records']))}]",
        f"language: {json.dumps([name for name in languages if LANGUAGE.fullmatch(name)])}",
        "tags: [gristmill]",
        "---",
    ]


def opening(found: Json) -> list[str]:
    funnel = found["funnel"]
    return [
        "# Cleaned text",
        "",
        f"{count(funnel['fates'][-1]['records'])} documents of {count(funnel['kept_characters'])} characters, that is",
        f"{count(found['packing']['totals']['n_tokens'])} tokens with the tokenizer in `tokenizer/`, made by gristmill",
        f"from {count(funnel['records'])} records.",
        "",
        "    from datasets import load_dataset",
        '    clean = load_dataset("DIRECTORY", split="train", streaming=True)',
    ]


def places(found: Json) -> list[str]:
    return [
        "## Where the records went",
        "",
        *_table("fate", [(one["fate"], one["records"]) for one in found["funnel"]["fates"]]),
        "",
        "## What is kept",
        "",
        *_table("source", [(row["source"], row["kept"]) for row in found["funnel"]["sources"]]),
        "",
        *_table("language", [(row["language"], row["kept"]) for row in found["languages"]["rows"]]),
    ]


def columns(_: Json) -> list[str]:
    said = [(field.name, field.type, (field.metadata or {})[b"description"].decode()) for field in CLEAN]
    rows = [f"| `{name}` | {kind} | {description} |" for name, kind, description in said]
    return ["## Columns", "", "| column | type | |", "|---|---|---|", *rows]


def settings(found: Json) -> list[str]:
    """Those that decided, in a block that no value can end, and the digests of what they made."""
    decided = {name: found["provenance"]["settings"].get(name) for name in DECIDING}
    block = json.dumps(decided, indent=1).replace("`", "\\u0060")
    digests = [f"- `{row['table']}`: {row['digest']}" for row in found["provenance"]["tables"]]
    return ["## Settings that decided", "", "```json", block, "```", "", "Digests of the rows:", "", *digests]


def caution(found: Json) -> list[str]:
    return [
        "## Before it is used or given on",
        "",
        "The texts belong to those who wrote them; gristmill knows nothing of their licences. Signals, bounds and the",
        "language and quality models make mistakes: `report/index.html` shows documents on both sides of each bound.",
        f"Personal data: {personal_data(found['provenance']['settings'].get('refine', {}).get('pii'))}",
    ]


def personal_data(pii: Any) -> str:
    """What `refine` did with each kind of it."""
    actions = RefineSettings.model_validate({"pii": bool(pii) if pii is None else pii}).actions()
    return f"{', '.join(f'{name} {action}' for name, action in actions.items()) or 'left as it is'}."


def _table(name: str, rows: list[tuple[str, int]]) -> list[str]:
    """The largest of the rows that are not nothing, and what the others hold together."""
    present = [row for row in rows if row[1]]
    shown, others = present[:MAX_ROWS], sum(n for _, n in present[MAX_ROWS:])
    whole = sum(n for _, n in present)
    rest = [_row("others", others, whole)] if others else []
    return [f"| {name} | | |", "|---|---:|---:|", *[_row(key, n, whole) for key, n in shown], *rest]


def size_category(rows: int) -> str:
    """The hub's name for a number of rows.

    >>> size_category(999), size_category(1000), size_category(10**13)
    ('n<1K', '1K<n<10K', 'n>1T')
    """
    return next((name for limit, name in SIZES if rows < limit), "n>1T")
