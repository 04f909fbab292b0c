"""Every table: who writes it, and one sentence for each column. docs/tables.md is made from this file."""

from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructType

from udfs import signals

STRING, LONG, DOUBLE, BOOL, INT = pa.string(), pa.int64(), pa.float64(), pa.bool_(), pa.int32()


def _column(name: str, kind: pa.DataType, description: str) -> pa.Field:
    return pa.field(name, kind, metadata={"description": description})


ID = _column("id", STRING, "128-bit hash of source, file and record number, 32 hex digits.")
SOURCE = _column(
    "source", STRING, "Name of the source, from the settings; a set named inside a record is added after a dot."
)
URL = _column("url", STRING, "Address of the page, where the source has one.")
LANGUAGE = [
    _column("language", STRING, "Language label of lid.176; `und` when the text gives no evidence."),
    _column("language_score", DOUBLE, "The language model's score of that label, 0 to 1."),
]
QUALITY = _column("quality_score", DOUBLE, "Probability of being good text by the quality model; null without a model.")

DOCUMENTS = pa.schema(
    [
        ID,
        _column("record_id", STRING, "WARC-Record-ID, or the source's own id."),
        SOURCE,
        URL,
        _column("date", STRING, "Time of the crawl or of the document, as the source writes it."),
        _column("dump", STRING, "Name of the crawl, such as CC-MAIN-2024-10, from the settings or the file's path."),
        _column("file_path", STRING, "Input file, relative to the root of its source."),
        _column("record_offset", LONG, "Where the record starts there: byte, inflated byte in one stream, or row."),
        _column("content_digest", STRING, "SHA-256 of the payload the text was taken from."),
        _column("charset", STRING, "Character encoding the payload was decoded with."),
        _column(
            "extractor",
            STRING,
            "What made the text: `blocks`, `trafilatura`, `resiliparse`, `plain` or `none` (text already).",
        ),
        _column("extractor_confidence", DOUBLE, "F1 that `blocks` expects of its text, 0 to 1; null without it."),
        _column("truncated", BOOL, "True when the crawler or a limit cut the payload."),
        _column("title", STRING, "Title that the page states."),
        _column("page_language", STRING, "Language that the page states, as written: `en-GB`."),
        _column("canonical_url", STRING, "Canonical address that the page states, as written: it may be relative."),
        _column("published", STRING, "Day of publication that the page states, year-month-day."),
        _column("robots", STRING, "What page and HTTP header ask of robots: `noindex, noai`."),
        _column("text", STRING, "The text, before edits."),
    ]
)  # fmt: skip

QUARANTINE = pa.schema(
    [
        ID,
        SOURCE,
        _column("file_path", STRING, "Input file, relative to the root of its source."),
        _column("record_offset", LONG, "Where the damage starts, as in `documents`."),
        _column("stage", STRING, "Stage that refused the record."),
        _column("reason", STRING, "Kind of damage, one of a fixed list."),
        _column("detail", STRING, "What was found."),
        _column("bytes", pa.binary(), "First bytes of the record, at most 1 KiB."),
    ]
)

SIGNALS = pa.schema(
    [
        ID,
        _column("row", INT, "Row of the document in the `documents` part of the same number."),
        SOURCE,
        URL,
        _column("url_key", LONG, "Hash of the normalised URL; null without one."),
        _column("date", STRING, "As in `documents`."),
        _column("text_digest", STRING, "128-bit hash of the text after edits, white space folded."),
        _column("n_chars", LONG, "Characters of the text after edits."),
        _column("n_words", LONG, "Words of the text after edits."),
        *LANGUAGE,
        _column("language_group", STRING, "The languages the model confuses with that one and itself: `hr+sr+bs+sh`."),
        _column("language_group_score", DOUBLE, "Sum of the language model's scores over that group, 0 to 1."),
        QUALITY,
        *[
            pa.field(
                family,
                pa.struct([pa.field(name, DOUBLE) for name in signals.names(family)]),
                metadata={"description": f"Signals of the family `{family}`, see docs/signals.md; null if unmeasured."},
            )
            for family in signals.FAMILIES
        ],
        _column("bands", pa.list_(LONG), "MinHash band keys; null for a text without a shingle."),
        _column("excerpt", STRING, "First 200 characters of the text after edits."),
    ]
)

LEDGER = pa.schema(
    [
        ID,
        _column(
            "row",
            INT,
            "Row of the document in the `documents` part of the same number; null where it never became one.",
        ),
        SOURCE,
        URL,
        _column("stage", STRING, "Stage that removed the document."),
        _column("reason", STRING, "The first bound not met, in the order of the settings; or the stage's own reason."),
        _column("broken", pa.list_(STRING), "Every bound not met."),
        _column("signal", STRING, "Signal of that first bound."),
        _column("value", DOUBLE, "Its value for this document."),
        _column("bound", STRING, "The bound, such as `<= 0.3`."),
        _column("matched_id", STRING, "For duplicates the document that was kept; for evaluation overlap the item."),
        _column(
            "similarity", DOUBLE, "Jaccard similarity with the document kept; share of n-grams for evaluation overlap."
        ),
        _column("excerpt", STRING, "First 200 characters of the text."),
    ]
)

DUPLICATES = pa.schema(
    [
        ID,
        _column("row", INT, "Row of the document in the `documents` part of the same number."),
        _column("cluster_id", STRING, "Smallest id of the cluster."),
        _column("cluster_size", LONG, "Documents in the cluster."),
        _column(
            "kept_id", STRING, "The preferred document of the cluster, maybe of an earlier snapshot; its own on that."
        ),
        _column(
            "similarity",
            DOUBLE,
            "Jaccard similarity of the shingle sets of this document and the kept one; 1 for copies of its text,"
            " null for other texts of one URL.",
        ),
        _column(
            "kind", STRING, "How it was found: `url`, `exact`, `near`; or `kept`, `drop_all` for the preferred one."
        ),
        _column("matched_id", STRING, "The document of the cluster most similar to this one among the verified pairs."),
        _column(
            "matched_similarity",
            DOUBLE,
            "Jaccard similarity with `matched_id`, at or above the threshold for near-duplicates.",
        ),
    ]
)

COMPARED = pa.schema(
    [
        _column("centre", LONG, "Place of the one in the search: part * 2^32 + row, earlier snapshots first."),
        _column("left", LONG, "First 64 bits of its id, as a signed number: the smaller of the two."),
        _column("left_low", LONG, "Last 64 bits of its id."),
        _column("node", LONG, "Place of the other."),
        _column("right", LONG, "First 64 bits of its id."),
        _column("right_low", LONG, "Last 64 bits of its id."),
        _column("similarity", DOUBLE, "Jaccard similarity of their shingle sets, computed exactly."),
    ]
)

REVISIONS = pa.schema(
    [
        ID,
        _column("row", INT, "Row of the document in the `documents` part of its own run."),
        _column("verdict", STRING, "`removed` or `restored`, where its own run decided otherwise."),
        _column("kept_id", STRING, "The preferred document of its cluster; null for `restored`."),
        _column("kind", STRING, "As in `duplicates`; null for `restored`."),
        _column("similarity", DOUBLE, "As in `duplicates`; null for `restored`."),
    ]
)

PASSAGES = pa.schema(
    [
        ID,
        _column("row", INT, "Row of the document in the `documents` part of the same number."),
        _column("unit", STRING, "What the passage is a run of: `line`, `paragraph`, `sentence` or `word`."),
        _column("start", LONG, "First byte of the passage in the text as edited, in UTF-8."),
        _column("end", LONG, "First byte behind it."),
        _column("first_id", STRING, "The document that has its first words first; maybe this one."),
    ]
)

CLEAN = pa.schema(
    [
        *DOCUMENTS,
        *LANGUAGE,
        QUALITY,
        _column("cluster_id", STRING, "Smallest id of its duplicate cluster; its own when it had no duplicate."),
        _column("cluster_size", LONG, "Documents in that cluster, itself included; 1 when it had no duplicate."),
    ]
)


@dataclass(frozen=True)
class TableSpec:
    written_by: str
    schema: pa.Schema | None
    """None for outputs that are files rather than rows."""
    description: str


TABLES = {
    "documents": TableSpec("ingest", DOCUMENTS, "Text of every record that had some."),
    "quarantine": TableSpec("ingest", QUARANTINE, "Records that could not be read, with reason and place."),
    "quality_model": TableSpec(
        "train_quality", None, "The quality model: model.json; weights and a spark.ml directory, or model.bin."
    ),
    "signals": TableSpec("measure", SIGNALS, "One row of numbers per document, in the order of `documents`."),
    "ledger": TableSpec("", LEDGER, "One row per removed document; each stage writes its own folder, `ledger/NAME`."),
    "duplicates": TableSpec("dedup", DUPLICATES, "Every document of this run that is in a duplicate cluster."),
    "compared": TableSpec("dedup", COMPARED, "Every pair whose shingle sets this run compared."),
    "revisions": TableSpec("dedup", REVISIONS, "Documents of earlier snapshots of which the union decides otherwise."),
    "passages": TableSpec("refine", PASSAGES, "Every passage cut out because it stands earlier in the corpus."),
    "clean": TableSpec("refine", CLEAN, "The documents that are left, after edits."),
    "tokenizer": TableSpec("train_tokenizer", None, "Tokenizer files."),
    "shards": TableSpec("pack", None, "Tokenized shards with manifest.json, see docs/shards.md."),
    "sft": TableSpec("pack_chat", None, "Shards of conversations, with the tokenizer and its chat template."),
    "preference": TableSpec(
        "pack_chat", None, "Shards of answers compared: documents 2k, chosen, and 2k + 1, rejected."
    ),
    "chat_quarantine": TableSpec("pack_chat", QUARANTINE, "Rows that hold no conversation, with reason and place."),
    "validation": TableSpec("validate", None, "Results of the data contract."),
    "report": TableSpec("report", None, "The quality report: index.html, report.json, summary.md and tables as CSV."),
}


def writer_of(table: str) -> str:
    """Name of the stage that writes `table`; `ledger/dedup` is written by `dedup`."""
    name, _, stage = table.partition("/")
    return stage or TABLES[name].written_by


def schema_of(table: str) -> pa.Schema:
    schema = TABLES[table.partition("/")[0]].schema
    if schema is None:
        raise ValueError(f"{table} holds files, not rows")
    return schema


def spark_schema(table: str) -> StructType:
    return from_arrow_schema(schema_of(table))
