"""Tokens: what the tokenizer makes of each source and language, and what the shards hold. All exact.

Token counts are those of the shards' own document lists; words and characters were counted by `measure`, before
replacements of personal data.
"""

from collections import Counter

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from pipelines.figures_flow import MAX_LANGUAGES, MAX_SOURCES
from pipelines.run import Json
from pipelines.stage import Job
from pipelines.tasks import spark_path
from udfs.shards import DOCS_SCHEMA, SUFFIXES, Manifest

BINS_AN_OCTAVE = 2


def packed_documents(job: Job) -> DataFrame:
    """The document lists of all shards."""
    schema = from_arrow_schema(DOCS_SCHEMA)
    uris = [spark_path(uri) for uri in job.uris("shards") if uri.endswith(SUFFIXES["docs"])]
    return job.spark.read.schema(schema).parquet(*uris) if uris else job.spark.createDataFrame([], schema)


def tokenizer(job: Job, manifest: Manifest, packed: DataFrame, places: list[Json]) -> Json:
    """Size of the vocabulary; bytes per token and tokens per word by source and by language."""
    trained = job.run.committed("train_tokenizer")
    sums = [F.count("doc_id").alias("documents"), F.sum("n_tokens").alias("tokens"), F.sum("n_bytes").alias("bytes")]
    counted = packed.groupBy("source", F.col("lang").alias("language")).agg(*sums).toArrow().to_pylist()
    kept = [row for row in places if row["fate"] == "kept"]
    return {
        "basis": "exact",
        "vocab_size": manifest.tokenizer.vocab_size,
        "sha256": manifest.tokenizer.sha256,
        "training": trained.counts if trained else {},
        "sources": rates(counted, kept, "source", MAX_SOURCES),
        "languages": rates(counted, kept, "language", MAX_LANGUAGES),
        "lengths": token_lengths(packed),
    }


def rates(counted: list[Json], kept: list[Json], key: str, limit: int) -> list[Json]:
    """Tokens, bytes and words of what is kept, for each value of `key`, most tokens first."""
    found: dict[str, Counter[str]] = {}
    for row in counted:
        found.setdefault(row[key], Counter()).update({name: row[name] for name in ("documents", "tokens", "bytes")})
    for row in kept:
        found.setdefault(row[key], Counter())["words"] += row["words"]
    ordered = sorted(found.items(), key=lambda item: (-item[1]["tokens"], str(item[0])))[:limit]
    return [
        {
            key: name,
            **{column: sums[column] for column in ("documents", "tokens", "bytes", "words")},
            "bytes_per_token": sums["bytes"] / sums["tokens"] if sums["tokens"] else None,
            "tokens_per_word": sums["tokens"] / sums["words"] if sums["words"] else None,
        }
        for name, sums in ordered
    ]


def token_lengths(packed: DataFrame) -> list[Json]:
    """Documents by their number of tokens, two bins an octave."""
    place = F.floor(F.log2("n_tokens") * BINS_AN_OCTAVE).cast("int").alias("bin")
    counts = {row["bin"]: row["count"] for row in packed.groupBy(place).count().collect()}
    places = range(min(counts), max(counts) + 1) if counts else range(0)
    return [{"from": round(2 ** (i / BINS_AN_OCTAVE)), "documents": counts.get(i, 0)} for i in places]


def packing(manifest: Manifest) -> Json:
    """The shards by split and source."""
    rows = [
        {
            "split": split,
            "source": source,
            "shards": len(shards),
            "documents": sum(shard.n_docs for shard in shards),
            "tokens": sum(shard.n_tokens for shard in shards),
            "text_bytes": sum(shard.n_text_bytes for shard in shards),
            "bytes": sum(sum(shard.bytes.values()) for shard in shards),
        }
        for split, sources in manifest.splits.items()
        for source, shards in sources.items()
    ]
    return {
        "basis": "exact",
        "doc_template": manifest.doc_template,
        "shuffle": manifest.shuffle,
        "content_sha256": manifest.content_sha256,
        "shards": sum(row["shards"] for row in rows),
        "totals": manifest.totals,
        "n_rows": len(rows),
        "rows": rows[: 2 * MAX_SOURCES],
    }
