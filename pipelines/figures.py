"""All figures of a run, as one JSON document: what the page, the summary and the CSV tables are made of.

Sections that could not be computed hold `not_computed` with the reason; every other one says in `basis` whether it is
exact. The size is bounded, whatever the corpus: long lists are cut and say how long they were. Text is not read, but
for the excerpts of a few hundred documents.
"""

from collections import Counter

import pyarrow as pa

from pipelines import figures_duplicates, figures_examples, figures_flow, figures_run, figures_tokens, histograms
from pipelines.dedup import DedupSettings
from pipelines.figures_alerts import alerts
from pipelines.filter import FilterSettings, checks
from pipelines.histograms import Signal, Variant
from pipelines.run import Json
from pipelines.stage import Job

SCHEMA_VERSION = 1
MAX_SERIES = 10
"""Sources that have histograms of their own; the others share one."""


def figures(job: Job, filter: FilterSettings, min_score: float | None, dedup: DedupSettings) -> Json:
    """The whole document. Shuffles the narrow columns of `signals` once, to join them with the ledgers."""
    job.spark.sparkContext.setJobDescription("count for the report")
    documents = figures_flow.fates(job).persist()
    packed = figures_tokens.packed_documents(job).persist()
    places = figures_flow.places(documents)
    tokens = figures_tokens.count_tokens(packed)
    order = [test.reason for test in checks(filter, min_score)]
    signals = sorted(
        histograms.signals_of(filter, min_score), key=lambda s: order.index(s.reason) if s.reason else len(order)
    )
    sampled = figures_examples.sample(job, signals)
    funnel = figures_flow.funnel(job, places, tokens)
    report: Json = {
        "schema_version": SCHEMA_VERSION,
        "name": job.run.root.rstrip("/").rpartition("/")[2],
        "key": job.key,
        "funnel": funnel,
        "reasons": figures_flow.reasons(job, documents, places, order),
        "signals": histograms_of(
            job, signals, sampled, [row["source"] for row in funnel["sources"]], (filter, min_score)
        ),
        "examples": figures_examples.examples(job, signals, sampled),
        "duplicates": figures_duplicates.duplicates(job, dedup),
        "languages": figures_flow.languages(job, places),
        "domains": figures_flow.domains(documents),
        "token_lengths": figures_tokens.token_lengths(packed),
        "quality": figures_run.quality(job),
        "tokenizer": figures_tokens.tokenizer(job, tokens, places),
        "packing": figures_tokens.packing(job),
        "decontamination": figures_duplicates.decontamination(job),
        "quarantine": figures_run.quarantine(job),
        "checks": figures_run.checks(job, funnel),
        "stages": figures_run.stages(job.run, job.table("documents").n_rows),
        "provenance": figures_run.provenance(job),
    }
    documents.unpersist()
    packed.unpersist()
    report["totals"] = totals(report)
    return figures_run.plain({**report, "alerts": alerts(report)})


def histograms_of(
    job: Job, signals: list[Signal], sampled: pa.Table, sources: list[str], bounds: tuple[FilterSettings, float | None]
) -> Json:
    """Every signal with its definition, bins, bounds and counts; `sources` largest first."""
    axes = [histograms.axis_of(signal, sampled[signal.name].to_numpy()) for signal in signals]
    named = [source for source in sources if source != figures_flow.OTHERS][:MAX_SERIES]
    counted = histograms.count_all(
        job.read("signals"), signals, [axis for axis, _ in axes], named, histograms.passes(*bounds)
    )
    rows = [
        {
            "name": signal.name,
            "reason": signal.reason,
            "definition": histograms.definition(signal.name),
            "scale": scale,
            "closed": axis.closed,
            "edges": axis.edges,
            "variants": [variant_json(variant) for variant in signal.variants],
            "series": series,
        }
        for signal, (axis, scale), series in zip(signals, axes, counted, strict=True)
    ]
    return {"basis": f"exact; the bins were chosen from {sampled.num_rows:,} documents", "rows": rows}


def variant_json(variant: Variant) -> Json:
    return {
        "languages": variant.languages,
        "min": variant.bound.min,
        "max": variant.bound.max,
        "refused": variant.refused,
        "min_keys": variant.min_keys,
        "max_keys": variant.max_keys,
    }


def totals(report: Json) -> Json:
    """The figures people ask for first."""
    records, stages, kept = report["funnel"]["records"], report["funnel"]["stages"], report["funnel"]["kept"]
    entering = stages[0]["in"]
    summed = Counter[str]()
    for row in records:
        summed.update({name: row[name] for name in ("files", "records", "skipped", "quarantined", "removed")})
    packed = report["packing"]["totals"]
    return {
        **summed,
        "documents": entering["documents"],
        "characters": entering["characters"],
        "kept": kept["documents"],
        "kept_characters": kept["characters"],
        "tokens": packed["n_tokens"],
        "bytes_per_token": packed["n_text_bytes"] / packed["n_tokens"] if packed["n_tokens"] else None,
        "shard_bytes": packed["bytes"],
        "duplicates": next(row["removed"]["documents"] for row in stages if row["stage"] == "dedup"),
        "sources": report["funnel"]["n_sources"],
        "seconds": round(sum(row["seconds"] for row in report["stages"]), 3),
        "started": min((row["started"] for row in report["stages"]), default=None),
    }
