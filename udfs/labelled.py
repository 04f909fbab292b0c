"""Texts with a label for the quality model, from input files of any kind; each with what its split is drawn from."""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from udfs.hashing import keyed_uint64
from udfs.ingest import FileCounts, IngestPlan, read_file
from udfs.inputs import InputFile
from udfs.urls import host

LABELLED = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),
        ("label", pa.float64()),
        ("held_out", pa.bool_()),
        ("draw", pa.int64()),
        ("text", pa.string()),
    ]
)


@dataclass(frozen=True)
class LabelledFile:
    file: InputFile
    label: float


def read_labelled(
    task: LabelledFile, plan: IngestPlan, seed: int, held_out_share: float, spaces: bool = False
) -> Iterator[pa.RecordBatch]:
    """The documents of a file as rows of LABELLED, `spaced` where asked for; what is no document is left out."""
    counts = FileCounts.of(task.file)
    for table, row in read_file(task.file, plan, counts):
        if table == "documents":
            group = host(row["url"] or "") or row["id"]
            held_out = keyed_uint64(seed, group) < held_out_share * 2**64
            draw = keyed_uint64(seed + 1, row["id"]) // 2
            text = {"id": row["id"], "source": row["source"], "label": task.label, "text": row["text"]}
            yield pa.RecordBatch.from_pylist([text | {"held_out": held_out, "draw": draw}], LABELLED)
