"""All numbers of a part of `documents`, in one pass over its text: edits, signals, language, quality, bands."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from udfs import language, quality, signals
from udfs.decisions import Counts
from udfs.edits import Edits, edit
from udfs.minhash import band_keys, signatures
from udfs.parts import PartFile, PartWriter, read_batches
from udfs.signals.batch import NO_LISTS, Batch, NgramFiles, WordLists
from udfs.spans import Floats
from udfs.strings import hex_strings, strings
from udfs.text import Texts
from udfs.urls import url_hash

EXCERPT_CHARS = 200
COLUMNS = ["id", "source", "url", "date", "text"]


@dataclass(frozen=True)
class MeasurePlan:
    """What to measure and how; None for a model or for edits leaves them out."""

    word_rule: str
    edits: Edits | None
    language: language.LanguagePlan
    quality_model: str | None
    shingle_unit: str
    shingle_n: int
    bands: int
    rows: int
    families: tuple[str, ...] = signals.ALWAYS
    lists: WordLists = NO_LISTS
    ngrams: Mapping[str, NgramFiles] = field(default_factory=dict)


@dataclass(frozen=True)
class MeasureTask:
    """One part of `documents`, and the part of `signals` to make of it."""

    uri: str
    folder: str
    name: str
    schema: pa.Schema


def measure_part(task: MeasureTask, plan: MeasurePlan) -> tuple[PartFile | None, Counts]:
    """Write the signals of a part, one row a document, in its order; count its documents by (source, language)."""
    first_row = 0
    counts: Counter[tuple[str, str]] = Counter()
    with PartWriter(task.folder, task.name, task.schema) as writer:
        for documents in read_batches(task.uri, COLUMNS):
            n_rows = documents.num_rows
            columns = measure_batch(documents, plan)
            columns["row"] = pa.array(np.arange(first_row, first_row + n_rows, dtype=np.int32))
            writer.write(to_schema(columns, task.schema))
            first_row += n_rows
            counts.update(zip(columns["source"].to_pylist(), columns["language"].to_pylist(), strict=True))
    return writer.part, dict(counts)


def measure_batch(documents: pa.RecordBatch, plan: MeasurePlan) -> dict[str, pa.Array]:
    """The columns of `signals` that a document's own row decides."""
    raw = Texts(documents.column("text"), plan.word_rule)
    edited = edit(raw, plan.edits)
    left = edited.texts
    hashed = signatures(strings(left.arrow), plan.bands * plan.rows, plan.shingle_unit, plan.shingle_n)
    languages = language.identify(documents.column("text"), plan.language)
    batch = Batch(raw, edited, languages["language"], plan.lists, plan.ngrams)
    families = signals.measure(batch, plan.families)
    return {
        **{name: documents.column(name) for name in ("id", "source", "url", "date")},
        "url_key": pa.array([url_hash(url or "") for url in documents.column("url").to_pylist()], pa.int64()),
        "text_digest": text_digests(left),
        "n_chars": pa.array(left.n_chars).cast(pa.int64()),
        "n_words": pa.array(left.n_words).cast(pa.int64()),
        **languages,
        "quality_score": quality_scores(left.arrow, plan.quality_model),
        **{family: struct(measured) for family, measured in families.items()},
        "bands": band_keys(hashed, plan.bands, plan.rows),
        "excerpt": pc.utf8_slice_codeunits(left.arrow, 0, EXCERPT_CHARS),
    }


def quality_scores(texts: pa.Array, model: str | None) -> pa.Array:
    """Probability of being good text; null without a model."""
    if model is None:
        return pa.nulls(len(texts), pa.float64())
    return pa.array(quality.load_model(model).scores(texts))


def struct(measured: dict[str, Floats]) -> pa.StructArray:
    """The signals of a family, with a null for each NaN."""
    return pa.StructArray.from_arrays(
        [pa.array(values, from_pandas=True) for values in measured.values()], list(measured)
    )


def text_digests(texts: Texts) -> pa.Array:
    """128 bits of each text with its white space folded to single characters, 32 hex digits."""
    data, offsets = texts.folded
    folded = memoryview(data.data)
    digests = [hashlib.blake2b(folded[start:end], digest_size=16).digest() for start, end in pairwise(offsets.tolist())]
    return hex_strings(b"".join(digests), 16)


def to_schema(columns: dict[str, pa.Array], schema: pa.Schema) -> pa.RecordBatch:
    """The columns in the schema's order; those that are not there, signals that were not asked for, are null."""
    n_rows = len(columns["id"])
    arrays = [
        columns[field.name].cast(field.type) if field.name in columns else pa.nulls(n_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
