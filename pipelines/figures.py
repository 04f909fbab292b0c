"""All figures of a run, as one JSON document: what the page, the summary and the CSV tables are made of.

Sections that could not be computed hold `not_computed` with the reason; every other one says in `basis` whether it is
exact. The size is bounded, whatever the corpus: long lists are cut and say how long they were. No text is read
but that of the few hundred documents that are shown. There is no time, path or machine in it: equal runs have equal
figures.
"""

import pyarrow as pa

from pipelines import figures_duplicates, figures_examples, figures_flow, figures_run, figures_tokens, figures_tuning
from pipelines.dedup import DedupSettings
from pipelines.figures_ablations import ablations
from pipelines.figures_alerts import alerts
from pipelines.figures_excerpts import read_excerpts
from pipelines.histograms import histograms, with_unbounded
from pipelines.run import Json
from pipelines.stage import Job
from udfs.pii import replace_pii
from udfs.shards import read_manifest
from udfs.verdicts import Check

SCHEMA_VERSION = 1
MAX_SERIES = 10
"""Sources that have histograms of their own; the others share one."""
MAX_CHARS = 300


def figures(job: Job, checks: list[Check], dedup: DedupSettings) -> Json:
    """The whole document. Shuffles the narrow columns of `signals` once, to join them with the ledgers."""
    job.spark.sparkContext.setJobDescription("count for the report")
    documents = figures_flow.fates(job).persist()
    places = figures_flow.places(documents)
    funnel = figures_flow.funnel(job, places)
    signals = with_unbounded(checks)
    sampled = figures_examples.sample(job, signals)
    named = [row["source"] for row in funnel["sources"] if row["source"] != figures_flow.OTHERS][:MAX_SERIES]
    counted = histograms(job, signals, sampled, named)
    near, copies = figures_examples.examples(job, checks, sampled), figures_duplicates.duplicates(job, dedup)
    cut = figures_duplicates.passages(job)
    show(job, near["rows"], copies, cut)
    report: Json = {
        "schema_version": SCHEMA_VERSION,
        "funnel": funnel,
        "reasons": figures_flow.reasons(job, documents, [check.reason for check in checks]),
        "signals": counted,
        "tuning": figures_tuning.tuning_sample(job, counted["rows"], sampled),
        "examples": near,
        "duplicates": copies,
        "passages": cut,
        "languages": figures_flow.languages(places),
        "hosts": figures_flow.hosts(documents),
        "quality": figures_run.quality(job.run),
        "decontamination": figures_duplicates.decontamination(job),
        "personal_data": figures_run.personal_data(job.run),
        "quarantine": figures_run.quarantine(job),
        "ablations": ablations(job.run),
        "provenance": figures_run.provenance(job),
        **of_shards(job, places),
    }
    documents.unpersist()
    for rows in (report["examples"]["rows"], report["duplicates"]["largest"], report["quarantine"]["rows"]):
        mask(rows)
    report["checks"] = figures_run.checks(job, report)
    return figures_run.plain({**report, "alerts": alerts(report)})


def show(job: Job, near: list[Json], copies: Json, cut: Json) -> None:
    """Add what is read of texts: the causes of values near bounds, copies side by side, repeated passages."""
    largest, cut_most = copies["largest"], cut.get("largest", [])
    causes, both = figures_examples.looks_at_causes(near), figures_duplicates.looks_at_pairs(largest)
    seen = read_excerpts(job, [*causes, *both, *map(figures_duplicates.look_at_passage, cut_most)])
    figures_examples.mark_causes(near, seen)
    copies["pairs"] = figures_duplicates.pairs(largest, {look: seen[look] for look in both})
    for row in cut_most:
        row["excerpt"], row["marks"] = seen[figures_duplicates.look_at_passage(row)][1:]


def of_shards(job: Job, places: list[Json]) -> Json:
    manifest = read_manifest(job.run.path("shards"))
    packed = figures_tokens.packed_documents(job)
    return {
        "tokenizer": figures_tokens.tokenizer(job, manifest, packed, places),
        "packing": figures_tokens.packing(manifest),
    }


def mask(rows: list[Json]) -> None:
    """Cut what came from the crawl to MAX_CHARS, and replace addresses of people in it."""
    for name in ("url", "excerpt", "detail"):
        chosen = [row for row in rows if row.get(name)]
        texts = replace_pii(pa.array([row[name][:MAX_CHARS] for row in chosen], pa.string()))
        for row, text in zip(chosen, texts.to_pylist(), strict=True):
            row[name] = text
