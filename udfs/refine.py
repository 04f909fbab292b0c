"""Clean text: the documents of a part that are left, their edits applied, addresses of people replaced."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from udfs.decisions import Part, signals_left, texts_at
from udfs.edits import Edits, edit
from udfs.parts import PartFile, PartWriter, part_name, read_part
from udfs.pii import replace_pii
from udfs.text import Texts

FROM_SIGNALS = ["id", "language", "language_score", "quality_score"]


@dataclass(frozen=True)
class RefinePlan:
    """Where clean text is written, and what is done to it."""

    folder: str
    key: str
    schema: pa.Schema
    edits: Edits | None
    word_rule: str
    pii: Mapping[str, str]
    """Kind of address or number (udfs.pii.KINDS) -> `replace` or `remove`."""


@dataclass
class Refined:
    """A clean part, with the number of documents and of UTF-8 bytes of text by source."""

    part: PartFile | None
    documents: Counter[str] = field(default_factory=Counter)
    n_bytes: Counter[str] = field(default_factory=Counter)


def refine_part(part: Part, plan: RefinePlan) -> Refined:
    """Write the clean text of a part."""
    figures = left_figures(part)
    rows = figures["row"].to_numpy().astype(np.int64)
    refined = Refined(None)
    start = 0
    with PartWriter(plan.folder, part_name(part.number, plan.key), plan.schema) as writer:
        for documents, found in texts_at(part, rows, None):
            batch = refine_batch(documents, figures.slice(start, len(found)), plan)
            writer.write(batch)
            count(batch, refined)
            start += len(found)
    refined.part = writer.part
    return refined


def left_figures(part: Part) -> pa.Table:
    """A row for each document left: row, FROM_SIGNALS, and its cluster: its own, of one, where it has no copies."""
    left = pa.Table.from_batches(signals_left(part, FROM_SIGNALS))
    clusters = kept_clusters(part)
    own = [(identity, 1) for identity in left["id"].to_pylist()]
    found = [clusters.get(row, alone) for row, alone in zip(left["row"].to_pylist(), own, strict=True)]
    left = left.append_column("cluster_id", pa.array([cluster_id for cluster_id, _ in found], pa.string()))
    return left.append_column("cluster_size", pa.array([size for _, size in found], pa.int64()))


def kept_clusters(part: Part) -> dict[int, tuple[str, int]]:
    """row -> (cluster id, cluster size) of the documents of a part that were kept for their cluster."""
    clusters: dict[int, tuple[str, int]] = {}
    for batch in read_part(part.duplicates, ["row", "cluster_id", "cluster_size", "kind"]) if part.duplicates else ():
        kept = batch.filter(pc.equal(batch.column("kind"), "kept")).to_pylist()
        clusters |= {row["row"]: (row["cluster_id"], row["cluster_size"]) for row in kept}
    return clusters


def refine_batch(documents: pa.RecordBatch, figures: pa.Table, plan: RefinePlan) -> pa.RecordBatch:
    texts = edit(Texts(documents.column("text"), plan.word_rule), plan.edits).texts.arrow
    columns = {name: figures[name].combine_chunks() for name in figures.column_names}
    columns |= {name: documents.column(name) for name in documents.schema.names}
    columns["text"] = replace_pii(texts, plan.pii)
    return pa.RecordBatch.from_arrays(
        [columns[field.name].cast(field.type) for field in plan.schema], schema=plan.schema
    )


def count(batch: pa.RecordBatch, refined: Refined) -> None:
    sizes = pc.binary_length(batch.column("text")).to_pylist()
    for source, n_bytes in zip(batch.column("source").to_pylist(), sizes, strict=True):
        refined.documents[source] += 1
        refined.n_bytes[source] += n_bytes
