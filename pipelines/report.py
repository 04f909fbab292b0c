"""report: draft."""

import json
from pipelines.stage import Job
from pipelines.tokenizer import write_file


def report(job: Job, filter, dedup) -> None:
    """draft"""
    job.add("report", [write_file(job, "report", "index.html", b"<html></html>")])
