"""The page people read, made of report.json and nothing else: one file that asks for nothing from anywhere.

What the crawl wrote is text here and never markup: Jinja escapes it, the script sets it as textContent, and the
content security policy admits the two inline blocks by their digests alone.
"""

import base64
import hashlib
import json
import math
import unicodedata
from importlib import resources
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from pipelines.report_page import charts
from pipelines.run import Json
from udfs.errors import ContractError

MAX_BYTES = 5_000_000
MAX_DATA_BYTES = 3_000_000
"""Beyond this the histograms in the page are of all sources together."""
UNSAFE_IN_SCRIPT = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}
PANELS = {
    "funnel": "Funnel", "filters": "Filters", "examples": "Examples", "duplicates": "Duplicates", "languages": "Languages",
    "domains": "Domains", "lengths": "Lengths", "quality": "Quality", "tokens": "Tokens", "safety": "Safety",
    "checks": "Checks", "run": "Run",
}  # fmt: skip


def render(report: Json) -> bytes:
    """The page in UTF-8. Raises ContractError when it would be too large to be comfortable."""
    css, script = _asset("page.css"), _asset("page.js")
    page = _environment().get_template("page.html").render(
        **report, panels=PANELS, css=Markup(css), script=Markup(script), policy=policy(css, script), data=embedded(report),
        by_name={row["name"]: row for row in report["signals"]["rows"]},
    )  # fmt: skip
    data = page.encode("utf-8", "replace")
    if len(data) > MAX_BYTES:
        raise ContractError(
            f"the report's page has {len(data):,} bytes, allowed are {MAX_BYTES:,}", "please report this defect"
        )
    return data


def policy(css: str, script: str) -> str:
    """A content security policy that admits these two blocks and nothing else."""
    return f"default-src 'none'; style-src '{_digest(css)}'; script-src '{_digest(script)}'; base-uri 'none'; form-action 'none'"


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _asset(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text(encoding="utf-8")


def _environment() -> Environment:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, finalize=printable, trim_blocks=True, lstrip_blocks=True,
        loader=FunctionLoader(_asset),
    )  # fmt: skip
    environment.filters |= {
        "n": count,
        "short": short,
        "percent": percent,
        "value": value,
        "size": size,
        "time": duration,
    }
    environment.globals |= {"charts": charts, "percent": percent, "pretty": pretty}
    return environment


def embedded(report: Json) -> Markup:
    """What the script needs, as JSON that no HTML or JavaScript parser can mistake for its own."""
    signals = [{**row, "series": row["series"]} for row in report["signals"]["rows"]]
    data = {"documents": report["reasons"]["documents"], "signals": signals, "examples": report["examples"]["rows"]}
    text = _script_json(data)
    if len(text) > MAX_DATA_BYTES:
        text = _script_json({**data, "signals": [{**row, "series": merged(row["series"])} for row in signals]})
    return Markup(text)


def _script_json(data: Json) -> str:
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).translate(UNSAFE_IN_SCRIPT)


def merged(series: list[Json]) -> list[Json]:
    """The series of all sources added up, one for each variant of the bound."""
    found: dict[int, Json] = {}
    for one in series:
        known = found.setdefault(one["variant"], {**one, "source": None, "kept": [], "removed": [], "missing": 0})
        known["missing"] += one["missing"]
        for name in ("kept", "removed"):
            known[name] = [a + b for a, b in zip(known[name] or [0] * len(one[name]), one[name], strict=True)]
    return list(found.values())


def printable(item: Any) -> Any:
    """Text without control characters, which browsers show as nothing or not at all; anything else as it is."""
    if not isinstance(item, str) or isinstance(item, Markup):
        return "" if item is None else item
    return "".join(c if c in "\n\t" or unicodedata.category(c) != "Cc" else "\ufffd" for c in item)


def count(number: float | None) -> str:
    """12,345"""
    return "" if number is None else f"{number:,.0f}"


def short(number: float) -> str:
    """Three digits and a unit: 1.42 B."""
    for unit, name in ((1e12, " T"), (1e9, " B"), (1e6, " M"), (1e4, " k")):
        if number >= unit:
            scaled = number / min(unit, 1e3) if unit == 1e4 else number / unit
            return f"{scaled:.3g}{name}" if scaled < 1000 else f"{scaled:,.0f}{name}"
    return count(number)


def size(n_bytes: float) -> str:
    for unit, name in ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if n_bytes >= unit:
            return f"{n_bytes / unit:.3g} {name}"
    return f"{n_bytes} B"


def percent(part: float | None, whole: float | None) -> str:
    """The share with one digit; what is not nothing is not shown as nothing."""
    if part is None or not whole:
        return ""
    share = 100 * part / whole
    return "<0.1 %" if 0 < share < 0.05 else f"{share:.1f} %" if part else "0 %"


def value(number: float | None) -> str:
    """Six digits at most; bounds of bins that stand just above a number show as that number."""
    if number is None or not math.isfinite(number):
        return ""
    return f"{number:,.0f}" if abs(number) >= 1000 and float(f"{number:.6g}").is_integer() else f"{number:.6g}"


def pretty(settings: Json) -> str:
    return json.dumps(settings, indent=2, ensure_ascii=False)


def duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d}"
