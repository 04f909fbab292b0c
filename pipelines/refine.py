"""refine: what is left of `documents`, with edits and replacements applied, becomes `clean`.

Reads each documents part beside its slice of the ledgers, and writes its text once more. Nothing is shuffled, unless
passages that stand in several documents are to be found (pipelines/passages.py).
"""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from conf.model import Model
from pipelines.ledger import add_ledger, ledger_file, parts_left
from pipelines.measure import MeasureSettings
from pipelines.passages import PassageSettings, find_passages
from pipelines.run import Json
from pipelines.stage import Job
from pipelines.tables import CLEAN
from pipelines.tasks import run_tasks
from udfs.errors import ContractError
from udfs.passages import PassagePlan
from udfs.refine import Refined, RefinePlan, refine_part

EARLIER = ("ledger/filter", "ledger/dedup", "ledger/decontaminate")


Action = Literal["keep", "replace", "remove"]


class PiiSettings(Model):
    """What is done with addresses and numbers of people, by kind."""

    email: Action = "replace"
    ip: Action = "replace"
    """Public IPv4 addresses."""
    id_card: Action = "replace"
    """Chinese identity-card numbers, by their checksum."""
    bank_card: Action = "replace"
    """Numbers of bank cards, by issuer and checksum."""
    phone: Action = "keep"
    """Telephone numbers, by their form alone: many that match are none."""

    def actions(self) -> dict[str, str]:
        return {name: action for name, action in self.model_dump().items() if action != "keep"}


class RefineSettings(Model):
    pii: bool | PiiSettings = True
    """Replace addresses and numbers of people: {email, ip, id_card, bank_card, phone}, each `keep`, `replace` or
    `remove`; true for the defaults of these, false for none."""

    passages: tuple[PassageSettings, ...] = ()
    """Passages to cut where they do not stand first: each {unit, n, min_words}; see docs/dedup.md."""

    def actions(self) -> dict[str, str]:
        if isinstance(self.pii, PiiSettings):
            return self.pii.actions()
        return PiiSettings().actions() if self.pii else {}


def refine(job: Job, refine: RefineSettings, measure: MeasureSettings) -> None:
    """documents, signals, ledgers, duplicates -> passages, clean, ledger/refine."""
    parts = parts_left(job, *EARLIER, duplicates=True)
    rules = tuple(passages.rule() for passages in refine.passages)
    edits = measure.edits_plan()
    find_passages(job, parts, PassagePlan(edits, measure.words, rules))
    cuts = job.numbered("passages")
    plan = RefinePlan(job.run.path("clean"), job.key, CLEAN, ledger_file(job), edits, measure.words, refine.actions())
    tasks = [(part, cuts.get(part.number)) for part in parts]
    refined = run_tasks(job.spark, "refine", lambda task: refine_part(*task, plan), tasks)
    job.add("clean", [one.part for one in refined])
    add_ledger(job, [one.removed for one in refined])
    job.counts |= counts_of(refined)
    check_conservation(job)


def counts_of(refined: Sequence[Refined]) -> Json:
    """What is kept by source; what of people was replaced by source and kind, and in how many documents."""
    documents, n_bytes = Counter[str](), Counter[str]()
    replaced, replaced_in = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for one in refined:
        documents.update(one.documents)
        n_bytes.update(one.n_bytes)
        replaced.update(one.replaced)
        replaced_in.update(one.replaced_in)
    return {
        "kept": [
            {"source": source, "documents": documents[source], "bytes": n_bytes[source]} for source in sorted(documents)
        ],
        "replaced": [
            {"source": source, "kind": kind, "n": n, "documents": replaced_in[source, kind]}
            for (source, kind), n in sorted(replaced.items())
        ],
    }


def check_conservation(job: Job) -> None:
    """documents = clean + ledgers, to the row; raises ContractError otherwise."""
    removed = {ledger: job.table(ledger).n_rows for ledger in (*EARLIER, "ledger/refine")}
    n_documents, n_clean = job.table("documents").n_rows, job.table("clean").n_rows
    if n_documents != n_clean + sum(removed.values()):
        parts = ", ".join(f"{n:,} in {ledger}" for ledger, n in removed.items())
        reason = f"{n_documents:,} documents, but {n_clean:,} in clean, {parts}"
        raise ContractError(reason, "a record was lost or counted twice: please report this defect")
