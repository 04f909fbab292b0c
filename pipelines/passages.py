"""Passages that stand more than once in what is left of the corpus: all but the first of equals are cut by `refine`.

The text of the documents left is read once, and once more for those that lose something. What is shuffled: 40 bytes a
passage of lines, paragraphs or sentences; for runs of n words, 40 bytes for each n / 4 words or so, and once more for
each word of what stands twice.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from conf.model import Model
from pipelines.flow import Batches, Flow, Place, exchange, flow, union, write_flow
from pipelines.stage import Job
from pipelines.tables import PASSAGES
from udfs.bundles import by_key
from udfs.decisions import Part
from udfs.passage_cuts import cuts_in
from udfs.passages import (
    MAX_PIECES,
    PassagePlan,
    PassageRule,
    anchors_of,
    by_part,
    later_runs,
    runs_about,
    runs_of,
    shared_anchors,
)

DOCUMENTS_PER_PARTITION = 50_000
USUAL_PIECES = {"line": 1, "paragraph": 1, "sentence": 3, "word": 50}


class PassageSettings(Model):
    unit: Literal["line", "paragraph", "sentence", "word"]
    """What a passage is a run of. `line` is CCNet's and C4's rule, `sentence` that of C4's paper, `word` exact
    substrings. Words are compared to the byte; of the others case, accents, digits and punctuation do not count."""
    n: int = Field(default=None, validate_default=True, ge=1, le=MAX_PIECES)
    """So many in a row; null takes 1 line, 1 paragraph, 3 sentences, 50 words."""
    min_words: int = Field(default=1, ge=1)
    """Passages of fewer words stay."""

    @field_validator("n", mode="before")
    @classmethod
    def _usual(cls, n: int | None, info: ValidationInfo) -> int | None:
        return USUAL_PIECES.get(info.data.get("unit", "")) if n is None else n

    def rule(self) -> PassageRule:
        return PassageRule(self.unit, self.n, self.min_words)


class Exchange:
    """Rows on their way between the parts they are about and the shards where equal ones meet."""

    def __init__(self, job: Job, parts: Sequence[Part]) -> None:
        self.job = job
        self.parts = {part.number: part for part in parts}
        self.n_shards = 1 + job.table("signals").n_rows // DOCUMENTS_PER_PARTITION

    def stream(self, read: Callable[[Part], Batches]) -> Flow:
        """The rows of each part."""
        return flow(self.job.spark, read, list(self.parts.values()))

    def meet(self, rows: Flow, work: Callable[[Batches], Batches]) -> Flow:
        """What `work` yields for all rows of some keys."""
        return exchange(rows, self.n_shards, by_key(self.n_shards, "key"), lambda _, found: work(found))

    def at_home(self, rows: Flow, work: Callable[[Part, Batches], Batches]) -> Flow:
        """What `work` yields for each part and the rows about it."""
        parts = self.parts

        def go(number: int, found: Batches) -> Batches:
            if number in parts:
                yield from work(parts[number], found)

        return exchange(rows, max(parts, default=0) + 1, by_part, go, is_heavy=True)


def find_passages(job: Job, parts: Sequence[Part], plan: PassagePlan) -> None:
    """documents, ledgers -> passages."""
    if not plan.rules:
        job.add("passages", [])
        return
    passages = Exchange(job, parts)
    runs = passages.stream(partial(runs_of, plan=plan))
    if any(rule.is_anchored for rule in plan.rules):
        anchors = passages.meet(passages.stream(partial(anchors_of, plan=plan)), shared_anchors)
        runs = union(runs, passages.at_home(anchors, partial(runs_about, plan=plan)))
    later = passages.meet(runs, partial(later_runs, rules=plan.rules))
    cuts = passages.at_home(later, partial(cuts_in, plan=plan, schema=PASSAGES))
    job.add("passages", write_flow(cuts, Place(job.run.path("passages"), job.key, PASSAGES)))
