"""The result of an ablation as one JSON document, from the scores of its models. No time, path or machine is in it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from conf.model import identity_of
from jobs.ablate_training import Budget, Training
from pipelines.ablation import AblateSettings
from pipelines.ablation_mixtures import Mixture, best_mixture
from pipelines.ablation_scaling import Point, scaling
from pipelines.ablation_statistics import (
    LEVEL,
    RESAMPLES,
    Scored,
    bits_per_byte,
    chosen,
    difference,
    groups,
    losses_of,
)
from pipelines.run import Json
from udfs.shards import Manifest

SCHEMA_VERSION = 1
WORTHWHILE_EPOCHS = 4
FEW_SEEDS = 3
FEW_STEPS = 300
"""With fewer updates of its weights a small model knows how often each token stands, and little else."""
SAME = "the same shards"


@dataclass(frozen=True)
class ArmResult:
    name: str
    changes: tuple[str, ...]
    manifest: Manifest
    trainings: Sequence[Training]

    @property
    def tokens(self) -> int:
        return self.manifest.totals["n_tokens"]

    def scored(self, budget: Budget, held_out_sha256: str) -> Scored:
        files = [one.scores(held_out_sha256) for one in self.trainings if one.budget == budget]
        return losses_of([json.loads(file.read_bytes()) for file in files])


def result_of(ablate: AblateSettings, arms: Sequence[ArmResult], held_out: str, digests: Json) -> Json:
    """The whole result; verdicts are of the last budget."""
    budget = arms[0].trainings[-1].budget
    scored = {arm.name: arm.scored(budget, held_out) for arm in arms}
    reference = next(arm for arm in arms if arm.name == ablate.reference)
    differences = [row for arm in arms if arm is not reference for row in compared(arm, reference, scored)]
    rows = [arm_row(arm, budget, scored[arm.name]) for arm in arms]
    return {
        "schema_version": SCHEMA_VERSION,
        "name": ablate.name,
        "reference": ablate.reference,
        "budget": {"model": budget.model, "tokens": budget.tokens, "seeds": ablate.seeds},
        "interval": {"level": LEVEL, "resamples": RESAMPLES},
        "held_out": [
            {"source": source, "documents": len(losses.n_bytes), "bytes": round(losses.n_bytes.sum())}
            for source, losses in scored[ablate.reference].items()
        ],
        "arms": rows,
        "differences": differences,
        "warnings": warnings(ablate, rows, differences),
        "scaling": {arm.name: fitted for arm in arms if (fitted := scaling(points(arm, held_out)))},
        "mixture": mixture(arms, reference, scored),
        "cost": cost(arms),
        "digests": digests,
        "settings": identity_of(ablate),
    }


def arm_row(arm: ArmResult, budget: Budget, scored: Scored) -> Json:
    found = {}
    for where, places in groups(scored).items():
        of_seeds = bits_per_byte(chosen(scored, places))
        found[where] = {"mean": float(of_seeds.mean()), "seeds": of_seeds.tolist()}
    return {
        "name": arm.name,
        "changes": list(arm.changes),
        "documents": arm.manifest.totals["n_docs"],
        "tokens": arm.tokens,
        "epochs": budget.tokens / arm.tokens,
        "content_sha256": arm.manifest.content_sha256,
        "bits_per_byte": found,
    }


def compared(arm: ArmResult, reference: ArmResult, scored: dict[str, Scored]) -> list[Json]:
    """The arm beside the reference: in all, by held-out source, by language. `more_tokens` are those that it has and
    the reference has not, less the other way round; `per_million` is the difference for each million of them."""
    mine, other = scored[arm.name], scored[reference.name]
    more = arm.tokens - reference.tokens
    rows = []
    for where, places in groups(other).items():
        found = difference(chosen(mine, places), chosen(other, places))
        is_same = arm.manifest.content_sha256 == reference.manifest.content_sha256
        row: dict[str, Any] = {"arm": arm.name, "where": where, "value": found.value}
        row |= {"low": found.low, "high": found.high, "verdict": SAME if is_same else found.verdict}
        rows.append(row | {"more_tokens": more, "per_million": found.value / more * 1e6 if more else None})
    return rows


def warnings(ablate: AblateSettings, arms: Sequence[Json], differences: Sequence[Json]) -> list[str]:
    """What a reader should know before a decision."""
    found = []
    if ablate.seeds < FEW_SEEDS:
        found.append(f"{ablate.seeds} seeds say little of how much luck is in a difference; take {FEW_SEEDS} or more")
    steps = ablate.tokens[-1] // (ablate.seq_len * ablate.sequences)
    if steps < FEW_STEPS:
        said = f"{steps} steps teach a model little but how often each token stands"
        found.append(f"{said}; lower ablate.sequences, or raise ablate.tokens, to have {FEW_STEPS} or more")
    for arm in arms:
        if arm["epochs"] > WORTHWHILE_EPOCHS:
            said = f"{arm['name']} was read {arm['epochs']:.1f} times; beyond {WORTHWHILE_EPOCHS} repetition costs"
            found.append(f"{said}, so its figures speak of its size too (Muennighoff et al. 2023)")
    undecided = [row for row in differences if row["where"] == "all" and row["low"] <= 0 <= row["high"]]
    return found + [
        f"{row['arm']}: {row['verdict']}; the interval holds zero, so decide nothing by it" for row in undecided
    ]


def points(arm: ArmResult, held_out: str) -> list[Point]:
    """The arm's budgets, with the bits per byte over all held-out sources."""
    of_budget = {one.budget: n_parameters(one) for one in arm.trainings}
    scored = {budget: arm.scored(budget, held_out) for budget in of_budget}
    bits = {budget: bits_per_byte(chosen(found, groups(found)["all"])) for budget, found in scored.items()}
    return [Point(budget.tokens, n, bits[budget]) for budget, n in of_budget.items()]


def mixture(arms: Sequence[ArmResult], reference: ArmResult, scored: dict[str, Scored]) -> Json | None:
    """The best mixture by the arms that differ in theirs only; None where they are too few."""
    own = mixture_of(reference, scored[reference.name])
    mixed = [arm for arm in arms if all(change.startswith("pack.mixture.weights=") for change in arm.changes)]
    return best_mixture([mixture_of(arm, scored[arm.name]) for arm in mixed], own)


def mixture_of(arm: ArmResult, scored: Scored) -> Mixture:
    of_source = {name: sum(s.n_tokens for s in shards) for name, shards in arm.manifest.splits["train"].items()}
    shares = {name: n_tokens / sum(of_source.values()) for name, n_tokens in of_source.items()}
    return Mixture(shares, {name: float(bits_per_byte([losses]).mean()) for name, losses in scored.items()})


def cost(arms: Sequence[ArmResult]) -> Json:
    """Trainings, their tokens, and their FLOPs by C = 6ND (Kaplan et al. 2020)."""
    every = {one.folder: one for arm in arms for one in arm.trainings}.values()
    flops = sum(6 * n_parameters(one) * one.budget.tokens for one in every)
    return {"trainings": len(every), "tokens": sum(one.budget.tokens for one in every), "flops": flops}


def n_parameters(one: Training) -> int:
    """From the training's log."""
    with (one.folder / "log.jsonl").open() as log:
        return json.loads(next(log))["n_parameters"]
