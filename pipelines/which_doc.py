"""Looking back: which document a token of a shard belongs to, and where that document stands in the crawl. No Spark."""

import numpy as np
import pyarrow.dataset as ds

from pipelines.run import Json, Run
from pipelines.stage import open_table
from udfs import files
from udfs.errors import ContractError, UsageError
from udfs.shards import DOCS_SCHEMA, SUFFIXES, read_docs

PLACE = ["file_path", "record_offset", "record_id", "date"]


def document_at(run: Run, shard: str, position: int) -> Json:
    """The line of .docs.parquet of the document that has token `position` of a shard (`train/web/shard-00000`, with or
    without an ending), and from `clean` its input file, the offset of its record there, the record's own id and date.

    Reads the shard's list of documents, and the ids in `clean`. Raises InputError for a shard that is not there,
    UsageError for a position beyond its end, ContractError for shards of other documents than stand in `clean`.
    """
    prefix = run.path(
        "shards", next((shard.removesuffix(end) for end in SUFFIXES.values() if shard.endswith(end)), shard)
    )
    docs = read_docs(prefix, DOCS_SCHEMA.names)
    starts = docs["token_start"].to_numpy()
    n_tokens = int(starts[-1] + docs["n_tokens"][-1].as_py())
    if not 0 <= position < n_tokens:
        raise UsageError(f"token {position:,} of {prefix}", f"it has the tokens 0 to {n_tokens - 1:,}")
    [found] = docs.slice(int(np.searchsorted(starts, position, side="right")) - 1, 1).to_pylist()
    return found | place_of(run, found["doc_id"])


def place_of(run: Run, doc_id: str) -> Json:
    """PLACE of a clean document."""
    for part in open_table(run, "clean").files:
        fs, path = files.locate(run.path("clean", part.path))
        rows = ds.dataset(path, filesystem=fs, format="parquet").to_table(PLACE, filter=ds.field("id") == doc_id)
        if rows.num_rows:
            return rows.to_pylist()[0]
    raise ContractError(f"{run.path('clean')}: has no document {doc_id}", "run `gristmill pack` again first")
