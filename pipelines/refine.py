"""refine: what is left of `documents`, with edits and replacements applied, becomes `clean`.

Reads each documents part beside its slice of the ledgers, and writes its text once more. Nothing is shuffled.
"""

from collections import Counter
from functools import partial

from conf.model import Model
from pipelines.ledger import parts_left
from pipelines.measure import MeasureSettings
from pipelines.stage import Job
from pipelines.tables import CLEAN
from pipelines.tasks import run_tasks
from udfs.errors import ContractError
from udfs.refine import RefinePlan, refine_part

LEDGERS = ("ledger/stage=filter", "ledger/stage=dedup", "ledger/stage=decontaminate")


class RefineSettings(Model):
    pii: bool = True
    """Replace e-mail addresses and public IPv4 addresses."""


def refine(job: Job, refine: RefineSettings, measure: MeasureSettings) -> None:
    """documents, signals, ledgers, duplicates -> clean."""
    plan = RefinePlan(job.run.path("clean"), job.key, CLEAN, measure.edits_plan(), measure.words, refine.pii)
    work = partial(refine_part, plan=plan)
    refined = run_tasks(job.spark, "refine", work, parts_left(job, *LEDGERS, duplicates=True))
    job.add("clean", [one.part for one in refined])
    documents, n_bytes = Counter[str](), Counter[str]()
    for one in refined:
        documents.update(one.documents)
        n_bytes.update(one.n_bytes)
    job.counts["kept"] = [
        {"source": source, "documents": documents[source], "bytes": n_bytes[source]} for source in sorted(documents)
    ]
    check_conservation(job)


def check_conservation(job: Job) -> None:
    """documents = clean + ledgers, to the row; raises ContractError otherwise."""
    removed = {ledger: job.table(ledger).n_rows for ledger in LEDGERS}
    n_documents, n_clean = job.table("documents").n_rows, job.table("clean").n_rows
    if n_documents != n_clean + sum(removed.values()):
        parts = ", ".join(f"{n:,} in {ledger}" for ledger, n in removed.items())
        reason = f"{n_documents:,} documents, but {n_clean:,} in clean, {parts}"
        raise ContractError(reason, "a record was lost or counted twice: please report this defect")
