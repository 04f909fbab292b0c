"""Clean text: the documents that are left, their edits applied, addresses of people replaced."""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from udfs.edits import Edits, edit
from udfs.parts import PartFile, PartWriter, part_name
from udfs.pii import replace_pii
from udfs.slices import by_part, take_rows
from udfs.text import Texts

FROM_SIGNALS = ("language", "language_score", "quality_score", "cluster_id", "cluster_size")


@dataclass(frozen=True)
class RefinePlan:
    """Where documents are read and written, and what is done to their text."""

    documents: tuple[str, ...]
    folder: str
    key: str
    schema: pa.Schema
    edits: Edits | None
    word_rule: str
    pii: bool


def refine_parts(batches: Iterator[pa.RecordBatch], plan: RefinePlan) -> Iterator[PartFile]:
    """Write a clean part for every documents part that has rows in `batches`; rows have part, row and FROM_SIGNALS."""
    for part, rows in by_part(batches):
        with PartWriter(plan.folder, part_name(part, plan.key), plan.schema) as writer:
            for documents, chosen in take_rows(plan.documents[part], rows, None):
                writer.write(refine_batch(documents, chosen, plan))
        if writer.part:
            yield writer.part


def refine_batch(documents: pa.RecordBatch, chosen: pa.Table, plan: RefinePlan) -> pa.RecordBatch:
    texts = edit(Texts(documents.column("text"), plan.word_rule), plan.edits).texts.arrow
    columns = {name: documents.column(name) for name in documents.schema.names}
    columns |= {name: chosen[name].combine_chunks() for name in FROM_SIGNALS}
    columns["text"] = replace_pii(texts) if plan.pii else texts
    return pa.RecordBatch.from_arrays([columns[field.name].cast(field.type) for field in plan.schema], schema=plan.schema)
