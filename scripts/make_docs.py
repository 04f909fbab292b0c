"""Write the reference pages of docs/ from the code: tables, settings, signals, commands.

python scripts/make_docs.py            write them
python scripts/make_docs.py --check    exit 1 when one is not what the code says
"""

import ast
import json
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pyarrow as pa
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typer.main import get_command

from jobs.__main__ import app
from jobs.settings import Settings
from pipelines.tables import TABLES
from udfs import signals

DOCS = Path(__file__).resolve().parent.parent / "docs"
NOTE = "<!-- made by scripts/make_docs.py from the code; edit there -->\n\n"


def tables() -> Iterator[str]:
    yield "# Tables\n\nEvery table is zstd Parquet; `runs/<stage>.json` names its files.\n"
    for name, table in TABLES.items():
        written_by = f"Written by `{table.written_by}`. " if table.written_by else ""
        yield f"\n## {name}\n\n{written_by}{table.description}\n"
        if table.schema is not None:
            yield "\n| column | type | |\n|---|---|---|\n"
            yield from (table_row(field) for field in table.schema)


def table_row(field: pa.Field) -> str:
    description = (field.metadata or {}).get(b"description", b"").decode()
    kind = "struct of doubles" if pa.types.is_struct(field.type) else str(field.type)
    return f"| `{field.name}` | {kind} | {description} |\n"


def settings() -> Iterator[str]:
    yield "# Settings\n\nAny key can be given as `--set key=value`, with the value in YAML.\n\n"
    yield "| key | default | |\n|---|---|---|\n"
    yield from settings_rows(Settings, "")


def settings_rows(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from settings_rows(inner, f"{prefix}{name}.")
        else:
            yield f"| `{prefix}{name}` | {default_of(field)} | {' '.join((field.description or '').split())} |\n"


def default_of(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return f"`{json.dumps(value, ensure_ascii=False).strip(chr(34))}`"


def signal_pages() -> Iterator[str]:
    yield "# Signals\n\nOne number per document each; a bound on it is `filter.bounds.<family>.<signal>: {min, max}`.\n"
    for family in signals.FAMILIES:
        source = resources.files("udfs.signals").joinpath(f"{family}.py").read_text(encoding="utf-8")
        tree = ast.parse(source)
        yield f"\n## {family}\n\n{ast.get_docstring(tree)}\n\n| signal | |\n|---|---|\n"
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name in signals.names(family):
                yield f"| `{node.name}` | {' '.join((ast.get_docstring(node) or '').split())} |\n"


def commands() -> Iterator[str]:
    yield "# Commands\n\nThe same jobs run under spark-submit: `spark-submit jobs/filter.py --settings FILE`.\n\n"
    yield "| command | |\n|---|---|\n"
    for name, command in get_command(app).commands.items():  # pyright: ignore[reportAttributeAccessIssue]
        parameters = [f"<{p.metavar}>" if p.param_type_name == "argument" else p.opts[0] for p in command.params]
        yield f"| `gristmill {' '.join([name, *parameters])}` | {' '.join((command.help or '').split())} |\n"


PAGES = {"tables.md": tables, "settings.md": settings, "signals.md": signal_pages, "commands.md": commands}


def main(arguments: list[str]) -> int:
    stale = []
    for name, page in PAGES.items():
        content = NOTE + "".join(page())
        file = DOCS / name
        if "--check" not in arguments:
            file.write_text(content, encoding="utf-8")
        elif not file.exists() or file.read_text(encoding="utf-8") != content:
            stale.append(f"docs/{name}")
    if stale:
        print(f"{', '.join(stale)}: not what the code says; run `python scripts/make_docs.py`", file=sys.stderr)
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
