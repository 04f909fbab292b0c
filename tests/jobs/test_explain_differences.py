"""`gristmill explain` of a duplicate whose kept document is of an earlier snapshot; the runs are written by hand."""

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
from rich.console import Console
from tiny_parts import KEY, document

from jobs.explain import print_duplicates
from pipelines.run import Committed, Run, Table, to_json
from pipelines.tables import DOCUMENTS, DUPLICATES
from udfs.parts import part_name, write_part

HERE, THERE = f"{1:032x}", f"{2:032x}"


def commit(run: Run, stage: str, table: str, schema: pa.Schema, row: dict[str, Any], **counts: Any) -> None:
    """The record of a stage that wrote one row."""
    batch = pa.RecordBatch.from_pylist([{field.name: row.get(field.name) for field in schema}], schema)
    part = write_part(run.path(table), part_name(0, KEY), schema, [batch])
    assert part is not None
    committed = Committed(KEY, {"tables": {}}, {table: Table(table, (part,))}, counts)
    run.write_record(stage, {"committed": to_json(committed)})


def explained(folder: Path, **changes: Any) -> str:
    """What is printed of the document HERE, whose text is in the run `new`."""
    new, old = Run(str(folder / "new")), Run(str(folder / "old"))
    commit(new, "ingest", "documents", DOCUMENTS, document(1, "Barley and rye.\nThe old mill [bold] stood still."))
    commit(
        old, "ingest", "documents", DOCUMENTS, document(2, "Barley and rye.\nThe mill stood still.", url="http://h/")
    )
    row = {"id": HERE, "row": 0, "cluster_id": HERE, "cluster_size": 2, "kept_id": THERE, "kind": "near"}
    row |= {"similarity": 0.875, "matched_id": THERE, "matched_similarity": 0.875, **changes}
    commit(new, "dedup", "duplicates", DUPLICATES, row, index=[{"run": old.root, "documents": 1}])
    out = io.StringIO()
    print_duplicates(new, HERE, Console(file=out, width=160, color_system=None))
    return out.getvalue()


def test_the_kept_document_is_found_in_the_snapshot_and_shown_beside_this_one(tmp_path: Path):
    out = explained(tmp_path)
    assert f"kept           {THERE} http://h/ of {tmp_path}/old" in out
    assert "similarity     0.8750" in out
    lines = [[cell.strip() for cell in line.strip("│ ").split("│")] for line in out.splitlines() if "│" in line]
    assert ["Barley and rye.", "Barley and rye."] in lines
    assert ["The old mill [bold] stood still.", "The mill stood still."] in lines


def test_of_a_preferred_document_it_is_said_whether_it_stays(tmp_path: Path):
    assert "kept           this document" in explained(tmp_path / "a", kept_id=HERE, kind="kept")
    assert "dedup.drop_all" in explained(tmp_path / "b", kept_id=HERE, kind="drop_all")
