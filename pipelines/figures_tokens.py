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
from udfs.shards import DOCS_SCHEMA, SUFFIXES, Manifest, read_manifest

OCTAVE_STEPS = 2


def packed_documents(job: Job) -> DataFrame:
    """The document lists of all shards."""
    schema = from_arrow_schema(DOCS_SCHEMA)
    uris = [uri for uri in job.uris("shards") if uri.endswith(SUFFIXES["docs"])]
    return job.spark.read.schema(schema).parquet(*uris) if uris else job.spark.createDataFrame([], schema)


def count_tokens(packed: DataFrame) -> list[Json]:
    sums = [F.count("doc_id").alias("documents"), F.sum("n_tokens").alias("tokens"), F.sum("n_bytes").alias("bytes")]
    return packed.groupBy("source", F.col("lang").alias("language")).agg(*sums).toArrow().to_pylist()


def tokenizer(job: Job, counted: list[Json], rows: list[Json]) -> Json:
    """Size of the vocabulary; bytes per token and tokens per word by source and by language."""
    trained = job.run.committed("train_tokenizer")
    manifest = read_manifest(job.run.path("shards"))
    return {
        "basis": "exact",
        "settings": trained.identity["settings"]["tokenizer"] if trained else {},
        "vocab_size": manifest.tokenizer.vocab_size,
        "sha256": manifest.tokenizer.sha256,
        "training": trained.counts if trained else {},
        "sources": rates(counted, rows, "source", MAX_SOURCES),
        "languages": rates(counted, rows, "language", MAX_LANGUAGES),
    }


def rates(counted: list[Json], rows: list[Json], key: str, limit: int) -> list[Json]:
    """Tokens, bytes and words of what is kept, for each value of `key`, most tokens first."""
    found: dict[str, Counter[str]] = {}
    for row in counted:
        found.setdefault(row[key], Counter()).update({name: row[name] for name in ("documents", "tokens", "bytes")})
    for row in rows:
        if row["stage"] is None:
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


def token_lengths(packed: DataFrame) -> Json:
    """Documents by their tokens, two bins an octave."""
    place = F.floor(F.log2("n_tokens") * OCTAVE_STEPS).cast("int").alias("bin")
    rows = packed.where("n_tokens > 0").groupBy(place).count().orderBy("bin").toArrow()
    counts = dict(zip(rows["bin"].to_pylist(), rows["count"].to_pylist(), strict=True))
    places = range(min(counts), max(counts) + 1) if counts else range(0)
    return {
        "basis": "exact",
        "rows": [{"from": round(2 ** (i / OCTAVE_STEPS)), "documents": counts.get(i, 0)} for i in places],
    }


def packing(job: Job) -> Json:
    """The shards by split and source."""
    manifest = read_manifest(job.run.path("shards"))
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
        **_format(manifest),
        "totals": manifest.totals,
        "n_rows": len(rows),
        "rows": rows[: 2 * MAX_SOURCES],
    }


def _format(manifest: Manifest) -> Json:
    return {
        "kind": manifest.kind,
        "doc_template": manifest.doc_template,
        "shuffle": manifest.shuffle,
        "content_sha256": manifest.content_sha256,
        "shards": sum(1 for _ in manifest.shards()),
    }
