"""What the stages said of themselves: checks, damaged records, the quality model, settings, versions and digests."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pyspark.sql import functions as F

from pipelines.figures_flow import MAX_SOURCES
from pipelines.histograms import outside
from pipelines.refine import RefineSettings
from pipelines.run import Json, Run
from pipelines.stage import Job
from udfs import files
from udfs.secrets import without_secrets

MAX_CHECKS = 300
MAX_INPUTS = 50
MAX_DAMAGED = 100
STAGES = (
    "ingest", "train_quality", "measure", "filter", "dedup",
    "decontaminate", "refine", "train_tokenizer", "pack", "validate",
)  # fmt: skip


def checks(job: Job, report: Json) -> Json:
    """The data contract's results, and this report's own sums; those that failed first, and no more than MAX_CHECKS."""
    contract = json.loads(files.read_bytes(job.run.path("validation", "results.json")))["results"]
    own = [
        {"table": "report", "figure": figure, "value": value, "min": 0, "max": 0, "success": value == 0}
        for figure, value in balances(report)
    ]
    rows = sorted([*own, *contract], key=lambda row: row["success"])
    failed = sum(not row["success"] for row in rows)
    return {
        "basis": "exact",
        "passed": len(rows) - failed,
        "failed": failed,
        "n_rows": len(rows),
        "rows": rows[:MAX_CHECKS],
    }


def balances(report: Json) -> Iterator[tuple[str, int]]:
    """(figure, value) of what has to be 0: differences between counts that were taken in two ways."""
    funnel = report["funnel"]
    yield "records that are nowhere", funnel["records"] - sum(fate["records"] for fate in funnel["fates"])
    for row in funnel["inputs"]:
        found = row["skipped"] + row["quarantined"] + row["removed"] + row["documents"]
        yield f"records of {row['input']} that are nowhere", row["records"] - found
    for row in funnel["sources"]:
        yield f"documents of {row['source']} kept, less those in clean", row["kept"] - row["clean"]
    alone = {row["reason"]: row["alone"] for row in report["reasons"]["rows"] if row["stage"] == "filter"}
    for signal in report["signals"]["rows"]:
        if signal["reason"] in alone:
            difference = outside(signal) - alone[signal["reason"]]
            yield f"documents outside {signal['reason']} by bins, less those by the ledger", difference


def quarantine(job: Job) -> Json:
    """Damaged records by reason and file, the worst files first."""
    counts = job.read("quarantine").groupBy("source", "file_path", "reason")
    sums = [
        F.count("source").alias("records"),
        F.min("record_offset").alias("first_offset"),
        F.min("detail").alias("detail"),
    ]
    worst = counts.agg(*sums).orderBy(F.desc("records"), "source", "file_path", "reason").limit(MAX_DAMAGED)
    return {"basis": "exact", "records": job.table("quarantine").n_rows, "rows": worst.toArrow().to_pylist()}


def quality(run: Run) -> Json:
    """The quality model's held-out figures; its scores are a signal like any other."""
    measured, trained = run.committed("measure"), run.committed("train_quality")
    model = measured.identity["settings"]["quality.model"] if measured else "none"
    if model != "trained":
        return {"not_computed": f"quality.model is {model}"}
    if trained is None or not trained.counts:
        return {"not_computed": "no labelled texts are named in quality.training"}
    return {"basis": "exact, of the texts held out from training", **trained.counts}


def personal_data(run: Run) -> Json:
    """Addresses and numbers of people that `refine` replaced or removed, by source and kind."""
    refined = run.committed("refine")
    assert refined is not None  # the job reads its tables
    actions = RefineSettings.model_validate({"pii": refined.identity["settings"]["refine"]["pii"]}).actions()
    if not actions:
        return {"not_computed": "refine.pii is off, so nothing was looked for"}
    kinds: dict[str, Counter[str]] = {kind: Counter() for kind in actions}
    sources: dict[str, Counter[str]] = {}
    for row in refined.counts["replaced"]:
        kinds[row["kind"]].update({"n": row["n"], "documents": row["documents"]})
        sources.setdefault(row["source"], Counter())[row["kind"]] += row["n"]
    ordered = sorted(sources.items(), key=lambda item: (-item[1].total(), item[0]))[:MAX_SOURCES]
    return {
        "basis": "exact",
        "kinds": [
            {"kind": kind, "action": action, "n": kinds[kind]["n"], "documents": kinds[kind]["documents"]}
            for kind, action in actions.items()
        ],
        "rows": [{"source": source, **{kind: counts[kind] for kind in actions}} for source, counts in ordered],
    }


def provenance(job: Job) -> Json:
    """What the run came from: settings, inputs, versions, and the digest of every table."""
    found = {stage: committed for stage in STAGES if (committed := job.run.committed(stage))}
    settings: Json = {}
    versions: Json = {}
    for committed in found.values():
        settings |= committed.identity["settings"]
        versions |= {name: value for name, value in committed.identity["code"].items() if name != "sources"}
    return {
        "settings": settings,
        "versions": versions,
        "code_digests": sorted({committed.identity["code"]["sources"] for committed in found.values()}),
        "tables": [
            {"table": table.name, "rows": table.n_rows, "digest": table.digest}
            for committed in found.values()
            for table in committed.tables.values()
        ],
        "inputs": inputs(found["ingest"].fingerprints),
    }


def inputs(fingerprints: Json) -> Json:
    """The input files, the largest first, and a digest over the digests of all of them."""
    ordered = sorted(fingerprints.items(), key=lambda item: (-item[1]["n_bytes"], item[0]))
    every = "".join(f"{name}\0{found['sha256']}\n" for name, found in sorted(fingerprints.items()))
    return {
        "files": len(ordered),
        "bytes": sum(found["n_bytes"] for _, found in ordered),
        "sha256": hashlib.sha256(every.encode("utf-8", "surrogateescape")).hexdigest(),
        "rows": [
            {"file": name, "bytes": found["n_bytes"], "sha256": found["sha256"]} for name, found in ordered[:MAX_INPUTS]
        ],
    }


def history(run: Run) -> Json:
    """The run's name, and when each stage ran, how long it took and what it wrote: what differs between equal runs."""
    rows = []
    for stage in STAGES:
        record, committed = run.record(stage), run.committed(stage)
        if record is None or committed is None:
            continue
        tables = committed.tables.values()
        rows.append(
            {
                "stage": stage,
                "started": record["started"],
                "seconds": committed.seconds,
                "rows": sum(table.n_rows for table in tables),
                "bytes": sum(table.n_bytes for table in tables),
                "key": committed.key,
                "command": without_secrets(record["command"]),
            }
        )
    return {"name": run.root.rstrip("/").rpartition("/")[2], "stages": rows}


def plain(value: Any) -> Any:
    """The value with numbers that JSON has no word for (NaN, infinity) as null."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))) else value
