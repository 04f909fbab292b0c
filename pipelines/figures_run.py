"""What the stages said of themselves: checks, damaged records, the quality model, times, settings, versions and keys."""

import hashlib
import json
import re
from typing import Any

from pyspark.sql import functions as F

from pipelines.run import Json, Run
from pipelines.stage import Job
from udfs import files

MAX_CHECKS = 300
MAX_INPUTS = 50
MAX_ROWS = 100
SECRET = re.compile(
    r"(?i)((?:secret|password|credential|access[._-]?key|auth[._-]?token|session[._-]?token)[^=\s]*=)(\"[^\"]*\"|'[^']*'|[^\s'\"]+)"
)
STAGES = (
    "ingest", "train_quality", "measure", "filter", "dedup", "decontaminate", "refine", "train_tokenizer", "pack", "validate",
)  # fmt: skip


def checks(job: Job, funnel: Json) -> Json:
    """The data contract's results, and this report's own sums; those that failed first, and no more than MAX_CHECKS."""
    results = json.loads(files.read_bytes(job.run.path("validation", "results.json")))["results"]
    rows = [*results, *balances(funnel)]
    rows.sort(key=lambda row: (row["success"], row["table"]))
    failed = sum(not row["success"] for row in rows)
    return {
        "basis": "exact",
        "passed": len(rows) - failed,
        "failed": failed,
        "n_rows": len(rows),
        "rows": rows[:MAX_CHECKS],
    }


def balances(funnel: Json) -> list[Json]:
    """What comes in is what is removed and what is kept, counted here anew from the tables."""
    inputs = [
        ("report", f"records of {row['input']} not accounted for",
         row["records"] - sum(row[name] for name in ("skipped", "quarantined", "removed", "documents")))
        for row in funnel["records"]
    ]  # fmt: skip
    sources = [
        (
            "report",
            f"documents of {row['source']} not accounted for",
            row["documents"] - sum(row["removed"].values()) - row["kept"],
        )
        for row in funnel["sources"]
    ]
    ingested = sum(row["documents"] for row in funnel["records"])
    between = (
        "report",
        "documents between ingest and signals",
        ingested - sum(row["documents"] for row in funnel["sources"]),
    )
    return [
        {"table": table, "figure": figure, "value": value, "min": 0, "max": 0, "success": value == 0}
        for table, figure, value in (*inputs, *sources, between)
    ]


def quarantine(job: Job) -> Json:
    """Damaged records by reason and file, the worst files first."""
    counts = job.read("quarantine").groupBy("source", "file_path", "reason")
    found = counts.agg(
        F.count("source").alias("records"),
        F.min("record_offset").alias("first_offset"),
        F.min("detail").alias("detail"),
    )
    rows = found.orderBy(F.desc("records"), "source", "file_path", "reason").limit(MAX_ROWS).toArrow().to_pylist()
    by_reason = job.read("quarantine").groupBy("reason").count().orderBy("reason").collect()
    return {
        "basis": "exact",
        "records": job.table("quarantine").n_rows,
        "reasons": {row["reason"]: row["count"] for row in by_reason},
        "rows": rows,
    }


def quality(job: Job) -> Json:
    """The quality model's held-out figures; its scores are a signal like any other."""
    measured = job.run.committed("measure")
    model = measured.identity["settings"]["quality.model"] if measured else "none"
    if model != "trained" or not job.table("quality_model").files:
        reason = (
            "no labelled texts are named in quality.training" if model == "trained" else f"quality.model is {model}"
        )
        return {"not_computed": reason}
    card = json.loads(files.read_bytes(job.run.path("quality_model", "model.json")))
    trained = job.run.committed("train_quality")
    return {
        "basis": "exact, of the texts held out from training",
        "texts": trained.counts["texts"] if trained else None,
        **card,
    }


def stages(run: Run, n_documents: int) -> list[Json]:
    """When each stage ran, how long it took, what it wrote, and the documents of the run it got through in a second."""
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
                "documents_per_second": n_documents / committed.seconds if committed.seconds >= 0.1 else None,
                "key": committed.key,
                "command": without_secrets(record["command"]),
            }
        )
    return rows


def provenance(job: Job) -> Json:
    """What the run came from: settings, inputs, tables and versions."""
    found = {stage: committed for stage in STAGES if (committed := job.run.committed(stage))}
    settings: Json = {}
    for committed in found.values():
        settings |= committed.identity["settings"]
    tables = {name: table for committed in found.values() for name, table in committed.tables.items()}
    return {
        "settings": settings,
        "versions": {name: value for committed in found.values() for name, value in committed.identity["code"].items()},
        "code_digests": sorted({committed.identity["code"]["sources"] for committed in found.values()}),
        "tables": [
            {"table": t.name, "rows": t.n_rows, "files": len(t.files), "bytes": t.n_bytes, "digest": t.digest}
            for t in tables.values()
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


def without_secrets(command: str) -> str:
    """The command with the values of keys that hold secrets starred out.

    >>> without_secrets("run --set spark.hadoop.fs.s3a.secret.key=abc --set seed=1")
    'run --set spark.hadoop.fs.s3a.secret.key=*** --set seed=1'
    """
    return SECRET.sub(r"\1***", command)


def plain(value: Any) -> Any:
    """The value with numbers that JSON has no word for (NaN, infinity) as null."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))) else value
