"""Clean text: the documents of a part that are left, their edits applied, addresses of people replaced."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from udfs.decisions import Counts, LedgerFile, Part, Rows, signals_left, texts_at
from udfs.edits import Edits, edit
from udfs.parts import PartFile, PartWriter, part_name, read_part
from udfs.passage_cuts import cut
from udfs.pii import replace_and_count
from udfs.spans import Ints
from udfs.text import Texts

REPEATED = "repeated_passages"
"""Why a document goes that stands, passage by passage, in others."""
FROM_SIGNALS = ["id", "language", "language_score", "quality_score"]


Cuts = tuple[Rows, Rows, Rows]
PASSAGE = pa.schema([("row", pa.int32()), ("start", pa.int64()), ("end", pa.int64())])


@dataclass(frozen=True)
class RefinePlan:
    """Where clean text is written, and what is done to it."""

    folder: str
    key: str
    schema: pa.Schema
    ledger: LedgerFile
    edits: Edits | None
    word_rule: str
    pii: Mapping[str, str]
    """Kind of address or number (udfs.pii.KINDS) -> `replace` or `remove`."""


@dataclass
class Refined:
    """A clean part, with the number of documents and of UTF-8 bytes of text by source; what went for want of text; by
    source and kind the addresses and numbers of people that were replaced, and the documents they stood in."""

    part: PartFile | None = None
    removed: tuple[PartFile | None, Counts] = (None, {})
    documents: Counter[str] = field(default_factory=Counter)
    n_bytes: Counter[str] = field(default_factory=Counter)
    replaced: Counter[tuple[str, str]] = field(default_factory=Counter)
    replaced_in: Counter[tuple[str, str]] = field(default_factory=Counter)


def refine_part(part: Part, passages: str | None, plan: RefinePlan) -> Refined:
    """Write the clean text of a part, less the passages of that part of the table, and the ledger of what is empty."""
    figures = left_figures(part)
    rows = figures["row"].to_numpy().astype(np.int64)
    refined = Refined()
    cuts, emptied, start = read_cuts(passages), [np.zeros(0, np.int64)], 0
    with PartWriter(plan.folder, part_name(part.number, plan.key), plan.schema) as writer:
        for documents, found in texts_at(part, rows, None):
            batch, is_empty, replaced = refine_batch(documents, figures.slice(start, len(found)), cuts, plan)
            emptied.append(found[is_empty])
            writer.write(batch)
            count(batch, refined)
            count_replaced(documents.column("source").to_pylist(), replaced, refined)
            start += len(found)
    refined.part = writer.part
    refined.removed = plan.ledger.write(part, removed_for_repeats(np.concatenate(emptied)))
    return refined


def read_cuts(passages: str | None) -> Cuts:
    """(row, start, end) of each passage of a part of the table, in order of row and start."""
    columns = ("row", "start", "end")
    table = pa.Table.from_batches(read_part(passages, columns), PASSAGE) if passages else PASSAGE.empty_table()
    row, start, end = (table[name].to_numpy().astype(np.int64) for name in columns)
    return row, start, end


def removed_for_repeats(rows: Rows) -> pa.Table:
    reasons = pa.array([REPEATED] * len(rows), pa.string())
    broken = pa.array([[REPEATED]] * len(rows), pa.list_(pa.string()))
    return pa.table({"row": rows, "reason": reasons, "broken": broken})


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


def refine_batch(
    documents: pa.RecordBatch, figures: pa.Table, cuts: Cuts, plan: RefinePlan
) -> tuple[pa.RecordBatch, NDArray[np.bool_], dict[str, Ints]]:
    """(clean rows, which of the documents have none because nothing is left of their text, what was replaced)."""
    texts = edit(Texts(documents.column("text"), plan.word_rule), plan.edits).texts
    texts, is_empty = without(texts, figures["row"].to_numpy(), cuts)
    columns = {name: figures[name].combine_chunks() for name in figures.column_names}
    columns |= {name: documents.column(name) for name in documents.schema.names}
    columns["text"], replaced = replace_and_count(texts.arrow, plan.pii)
    batch = pa.RecordBatch.from_arrays(
        [columns[field.name].cast(field.type) for field in plan.schema], schema=plan.schema
    )
    return batch.filter(pa.array(~is_empty)), is_empty, replaced


def without(texts: Texts, rows: Rows, cuts: Cuts) -> tuple[Texts, NDArray[np.bool_]]:
    """(the texts less what is cut out of these rows, which of them are cut to nothing)."""
    row, start, end = cuts
    here = np.isin(row, rows)
    document = np.searchsorted(rows, row[here])
    is_empty = np.zeros(len(rows), np.bool_)
    if len(document):
        texts = cut(texts, document, start[here], end[here])
        is_empty[document] = texts.documents.end[document] == texts.documents.start[document]
    return texts, is_empty


def count(batch: pa.RecordBatch, refined: Refined) -> None:
    sizes = pc.binary_length(batch.column("text")).to_pylist()
    for source, n_bytes in zip(batch.column("source").to_pylist(), sizes, strict=True):
        refined.documents[source] += 1
        refined.n_bytes[source] += n_bytes


def count_replaced(sources: list[str], replaced: Mapping[str, Ints], refined: Refined) -> None:
    for kind, counts in replaced.items():
        for i in np.flatnonzero(counts):
            refined.replaced[sources[i], kind] += int(counts[i])
            refined.replaced_in[sources[i], kind] += 1
