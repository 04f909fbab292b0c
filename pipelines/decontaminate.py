"""decontaminate: remove documents that hold items of evaluation sets.

Reads the text of the documents that are left once more, in Python workers; the sets are small and read by every worker.
Without sets nothing is read and nothing removed.
"""

from collections import Counter
from functools import partial
from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator

from conf.model import Model
from pipelines.ledger import add_ledger, parts_left, write_ledger
from pipelines.measure import MeasureSettings
from pipelines.stage import Job
from udfs.decontaminate import DecontaminatePlan, EvaluationSet, decontaminate_part


class EvaluationSpec(Model):
    places = frozenset({"path"})

    name: str
    """Name of the set in the ledger."""
    path: str
    """JSON lines, plain or gzip."""
    fields: tuple[str, ...] = ()
    """Fields to look for; empty takes every field that is a string."""


def _as_spec(value: object) -> object:
    return {"name": value.rpartition("/")[2].split(".")[0], "path": value} if isinstance(value, str) else value


class DecontaminateSettings(Model):
    sets: tuple[Annotated[EvaluationSpec, BeforeValidator(_as_spec)], ...] = ()
    """Evaluation sets: paths, or {name, path, fields}."""
    n: int = Field(default=13, ge=1, le=64)
    """Words in a run (13 as in GPT-3)."""
    min_words: int = Field(default=8, ge=1)
    """Items of fewer words are not looked for."""
    share: float = Field(default=0.5, gt=0, le=1)
    """Remove a document that holds this share of an item's runs or more."""

    @field_validator("sets")
    @classmethod
    def _names_differ(cls, sets: tuple[EvaluationSpec, ...]) -> tuple[EvaluationSpec, ...]:
        for name, n in Counter(spec.name for spec in sets).items():
            if n > 1:
                raise ValueError(f"{name!r} names more than one set; give each a `name`")
        return sets

    def outside_files(self) -> dict[str, str]:
        return {spec.name: spec.path for spec in self.sets}


def decontaminate(job: Job, decontaminate: DecontaminateSettings, measure: MeasureSettings) -> None:
    """documents, signals, ledgers -> ledger/decontaminate."""
    if not decontaminate.sets:
        add_ledger(job, [])
        return
    sets = tuple(EvaluationSet(spec.name, spec.path, spec.fields) for spec in decontaminate.sets)
    limits = (decontaminate.n, decontaminate.min_words, decontaminate.share)
    plan = DecontaminatePlan(sets, *limits, measure.edits_plan(), measure.words)
    write_ledger(job, partial(decontaminate_part, plan=plan), parts_left(job, "ledger/filter", "ledger/dedup"))
