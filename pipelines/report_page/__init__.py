"""The page people read, made of the figures and nothing else: one file that asks for nothing from anywhere.

What the crawl wrote is text here and never markup: Jinja escapes it everywhere, it never enters the script, and the
content security policy admits the style and the script of this page by their digests alone.
"""

import base64
import hashlib
import json
from importlib import resources
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from pipelines.histograms import outside, tuned
from pipelines.report_page import charts, formats
from pipelines.run import Json
from udfs.errors import ContractError
from udfs.printable import printable

MAX_BYTES = 5_000_000
PANELS = {
    "sources": "Sources", "reasons": "Reasons", "signals": "Signals", "duplicates": "Duplicates",
    "languages": "Languages", "hosts": "Hosts", "quality": "Quality model", "tokens": "Tokens",
    "safety": "Safety", "ablations": "Ablations", "checks": "Checks", "run": "Run",
}  # fmt: skip
DIFF_PANELS = {
    "totals": "Totals", "settings": "Settings", "sources": "Sources", "languages": "Languages", "reasons": "Reasons",
    "signals": "Signals", "tables": "Tables",
}  # fmt: skip


def render(report: Json, history: Json) -> bytes:
    """The page of a run in UTF-8. Raises ContractError when it would be too large to be comfortable."""
    return _page("page.html", **report, history=history, panels=PANELS)


def render_comparison(names: tuple[str, str], found: Json) -> bytes:
    """The page of two runs, from `pipelines.comparison.compare`; as `render`."""
    return _page("diff.html", **found, names=names, panels=DIFF_PANELS)


def _page(template: str, **values: Any) -> bytes:
    css, script = asset("page.css"), asset("page.js")
    page = environment().get_template(template).render(**values, css=css, script=script, policy=policy(css, script))
    data = page.encode("utf-8", "replace")
    if len(data) > MAX_BYTES:
        reason = f"the report's page has {len(data):,} bytes, allowed are {MAX_BYTES:,}"
        raise ContractError(reason, "please report this defect")
    return data


def policy(css: str, script: str) -> str:
    """A content security policy that admits these two blocks and nothing else."""
    allowed = f"style-src '{_digest(css)}'; script-src '{_digest(script)}'"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def asset(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text(encoding="utf-8")


def environment() -> Environment:
    """Jinja with everything escaped; only layout.html marks text as safe, and only our own style and script."""
    made = Environment(
        autoescape=True, undefined=StrictUndefined, finalize=finalized, trim_blocks=True, lstrip_blocks=True,
        loader=FunctionLoader(asset),
    )  # fmt: skip
    for function in (formats.short, formats.size, formats.number, formats.interval, formats.duration):
        made.filters[function.__name__] = function
    made.filters["n"] = formats.count
    made.filters["pretty"] = lambda settings: json.dumps(settings, indent=2, ensure_ascii=False)
    made.globals |= {"charts": charts, "percent": formats.percent, "outside": outside, "tuned": tuned}
    return made


def finalized(item: Any) -> Any:
    """Text without control characters, which browsers show as nothing or not at all; anything else as it is."""
    if not isinstance(item, str) or isinstance(item, Markup):
        return "" if item is None else item
    return printable(item)
