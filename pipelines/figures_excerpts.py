"""Texts for people to look at: of the few hundred documents that the page shows, and of no other.

Each part reads its ids and the row groups that hold one of these documents. E-mail addresses and other data of people
are replaced here, before anything is shown.
"""

from collections.abc import Iterable
from functools import partial

import pyarrow as pa

from pipelines.ledger import parts_left
from pipelines.measure import MeasureSettings
from pipelines.stage import Job
from pipelines.tasks import run_tasks
from udfs.excerpts import Look, Seen, look_at
from udfs.pii import replace_pii


def read_excerpts(job: Job, looks: Iterable[Look]) -> dict[Look, Seen]:
    """What is seen at each place; nothing is marked in a text in which data of people was replaced."""
    refined = job.run.committed("refine")
    assert refined is not None  # the job reads its tables
    measure = MeasureSettings.model_validate(refined.identity["settings"]["measure"])
    work = partial(look_at, looks=tuple(looks), edits=measure.edits_plan(), word_rule=measure.words)
    found = [seen for part in run_tasks(job.spark, "read examples", work, parts_left(job)) for seen in part]
    texts = replace_pii(pa.array([seen.text for seen in found], pa.string())).to_pylist()
    return {
        seen.look: seen if seen.text == text else Seen(seen.look, text, [])
        for seen, text in zip(found, texts, strict=True)
    }
