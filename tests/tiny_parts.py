"""Parts of tables made from a few rows, for tests of what works part by part."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.tables import DOCUMENTS, LEDGER, SIGNALS
from udfs.decisions import LedgerFile, Part
from udfs.language import LanguagePlan, default_model
from udfs.measure import MeasurePlan, MeasureTask, measure_part
from udfs.parts import part_name, read_part, write_part

KEY = "0123456789abcdef"
MEASURE = MeasurePlan("cjk", None, LanguagePlan(default_model()), None, "word", 5, bands=14, rows=8)


def write_rows(folder: Path, number: int, schema: pa.Schema, rows: Iterable[dict[str, Any]]) -> str:
    """The URI of a part with these rows; what a row does not name is null."""
    whole = [{field.name: row.get(field.name) for field in schema} for row in rows]
    name = part_name(number, KEY)
    assert write_part(str(folder), name, schema, [pa.RecordBatch.from_pylist(whole, schema)])
    return str(folder / name)


def document(number: int, text: str, **columns: Any) -> dict[str, Any]:
    return {"id": f"{number:032x}", "source": "web", "text": text, **columns}


def make_part(folder: Path, documents: list[dict[str, Any]], number: int = 0, plan: MeasurePlan = MEASURE) -> Part:
    """A part with these documents and their real signals."""
    uri = write_rows(folder / "documents", number, DOCUMENTS, documents)
    task = MeasureTask(uri, str(folder / "signals"), part_name(number, KEY), SIGNALS)
    measure_part(task, plan)
    return Part(number, uri, str(folder / "signals" / task.name))


def ledger_of(folder: Path, stage: str = "filter") -> LedgerFile:
    return LedgerFile(stage, str(folder / f"ledger/{stage}"), KEY, LEDGER)


def rows_of(uri: str | Path) -> list[dict[str, Any]]:
    return [row for batch in read_part(str(uri)) for row in batch.to_pylist()]
