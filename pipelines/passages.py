"""Passages that stand more than once in what is left of the corpus: all but the first of equals are cut by `refine`.

The text of the documents left is read once, and once more for those that lose something. What is shuffled: 40 bytes a
passage of lines, paragraphs or sentences; for runs of n words, 40 bytes for each n / 4 words or so, and once more for
each word of what stands twice.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Literal

import pyarrow as pa
from pydantic import Field, ValidationInfo, field_validator
from pyspark.sql import DataFrame

from conf.model import Model
from pipelines.stage import Job
from pipelines.tables import PASSAGES
from pipelines.tasks import map_shards, stream_tasks, write_frame
from udfs.bundles import BUNDLES, bundled, by_key
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


Work = Callable[[Part, Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


class Exchange:
    """Rows on their way between the parts they are about and the partitions where equal ones meet."""

    def __init__(self, job: Job, parts: Sequence[Part]) -> None:
        self.job = job
        self.parts = {part.number: part for part in parts}
        self.n_shards = 1 + job.table("signals").n_rows // DOCUMENTS_PER_PARTITION
        self.by_key = by_key(self.n_shards, "key")

    def stream(self, read: Callable[[Part], Iterator[pa.RecordBatch]]) -> DataFrame:
        """Bundles of the rows of each part, by key."""
        by = self.by_key
        return stream_tasks(self.job.spark, lambda part: bundled(read(part), by), list(self.parts.values()), BUNDLES)

    def meet(self, rows: DataFrame, work: Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]) -> DataFrame:
        """Bundles by part of what `work` yields for all rows of some keys."""
        return map_shards(rows, self.n_shards, lambda _, found: bundled(work(found), by_part), BUNDLES)

    def at_home(self, rows: DataFrame, work: Work, schema: pa.Schema) -> DataFrame:
        """What `work` yields for each part and the rows about it."""
        parts = self.parts

        def go(number: int, found: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            if number in parts:
                yield from work(parts[number], found)

        return map_shards(rows, max(parts, default=0) + 1, go, schema)


def find_passages(job: Job, parts: Sequence[Part], plan: PassagePlan) -> None:
    """documents, ledgers -> passages."""
    if not plan.rules:
        job.add("passages", [])
        return
    exchange = Exchange(job, parts)
    runs = exchange.stream(partial(runs_of, plan=plan))
    if any(rule.is_anchored for rule in plan.rules):
        anchors = exchange.meet(exchange.stream(partial(anchors_of, plan=plan)), shared_anchors)
        by = exchange.by_key
        about = exchange.at_home(anchors, lambda part, rows: bundled(runs_about(part, rows, plan), by), BUNDLES)
        runs = runs.unionByName(about)
    later = exchange.meet(runs, partial(later_runs, rules=plan.rules))
    cuts = exchange.at_home(later, partial(cuts_in, plan=plan, schema=PASSAGES), PASSAGES)
    job.add("passages", write_frame(cuts, job.run.path("passages"), job.key, PASSAGES))
