"""Ablations that were made of a run, for its report: what stands in their results, by arm."""

from pipelines.ablation import results
from pipelines.run import Json, Run

MAX_ABLATIONS = 20
MAX_ARMS = 50
MAX_WARNINGS = 20


def ablations(run: Run) -> Json:
    """A row for each ablation, with one for each of its arms."""
    found = results(run)
    if not found:
        return {"not_computed": "no ablation was made of this run; `gristmill ablate` makes one"}
    rows = [described(result) for result in found[:MAX_ABLATIONS]]
    return {"basis": "trained models", "n_rows": len(found), "rows": rows}


def described(result: Json) -> Json:
    differences = {row["arm"]: row for row in result["differences"] if row["where"] == "all"}
    names = ("name", "reference", "budget", "held_out", "mixture")
    rows = [arm_row(arm, differences.get(arm["name"])) for arm in result["arms"][:MAX_ARMS]]
    return {**{name: result[name] for name in names}, "rows": rows, "warnings": result["warnings"][:MAX_WARNINGS]}


def arm_row(arm: Json, difference: Json | None) -> Json:
    """An arm beside the reference, for which `verdict` and the difference are null."""
    told = {name: difference[name] if difference else None for name in ("value", "low", "high", "verdict")}
    return {
        "arm": arm["name"],
        "tokens": arm["tokens"],
        "epochs": arm["epochs"],
        "bits_per_byte": arm["bits_per_byte"]["all"]["mean"],
        **told,
    }
