"""An ablation's result on a terminal: a line for each arm and what it shows; or a table of all ablations."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table as Grid

from jobs.terminal import shown
from pipelines.run import Json


def print_result(result: Json, console: Console) -> None:
    budget = result["budget"]
    console.print(
        f"{shown(result['name'])}: bits per byte of held-out text, beside {shown(result['reference'])}; "
        f"{shown(budget['model'])}, {budget['tokens']:,} tokens, {budget['seeds']} seeds",
    )
    grid = plain("arm", "tokens", "epochs", "bits/byte", "difference", "95 % interval", "per 1 M", "verdict")
    differences = {row["arm"]: row for row in result["differences"] if row["where"] == "all"}
    for arm in result["arms"]:
        cells = [f"{arm['tokens']:,}", f"{arm['epochs']:.2f}", f"{arm['bits_per_byte']['all']['mean']:.4f}"]
        grid.add_row(shown(arm["name"]), *cells, *difference_cells(differences.get(arm["name"])))
    console.print(grid)
    print_places(result, console)
    print_scaling(result, console)
    if result["mixture"]:
        print_mixture(result["mixture"], console)
    for warning in result["warnings"]:
        console.print(f"! {shown(warning)}")


def plain(*names: str) -> Grid:
    return Grid(*names, box=None, pad_edge=False)


def difference_cells(row: Json | None) -> list[str]:
    if row is None:
        return ["", "", "", "reference"]
    per_million = "" if row["per_million"] is None else f"{row['per_million']:+.4f}"
    return [f"{row['value']:+.4f}", f"{row['low']:+.4f} to {row['high']:+.4f}", per_million, shown(row["verdict"])]


def print_places(result: Json, console: Console) -> None:
    """The differences by held-out source and by language, where there are several."""
    places = list(dict.fromkeys(row["where"] for row in result["differences"] if row["where"] != "all"))
    if not places:
        return
    grid = plain("difference", *map(shown, places))
    for arm in dict.fromkeys(row["arm"] for row in result["differences"]):
        rows = {row["where"]: row for row in result["differences"] if row["arm"] == arm}
        grid.add_row(shown(arm), *(short(rows[place]) for place in places))
    console.print(grid)


def print_scaling(result: Json, console: Console) -> None:
    """The exponents of each arm, where they could be fitted."""
    for arm, found in result["scaling"].items():
        said = [
            f"{name}^-{one['value']:.3f} ({one['low']:.3f} to {one['high']:.3f})"
            for name, one in found["exponents"].items()
        ]
        console.print(f"{shown(arm)}: bits per byte fall as {' '.join(said)}")


def print_mixture(found: Json, console: Console) -> None:
    """The shares that a fit to random mixtures foretells to be best."""
    console.print(
        f"best mixture by a fit to {found['mixtures']}, which misses an arm by {found['error']:.4f} bits/byte:"
    )
    grid = plain("source", "share", "95 % interval")
    for source, share in found["shares"].items():
        grid.add_row(shown(source), f"{share['value']:.2f}", f"{share['low']:.2f} to {share['high']:.2f}")
    console.print(grid)
    gained = found["difference"]
    console.print(
        f"foretold beside the reference: {gained['value']:+.4f} ({gained['low']:+.4f} to {gained['high']:+.4f})"
    )


def short(row: Json) -> str:
    """The difference, in brackets where its interval holds zero."""
    value = f"{row['value']:+.4f}"
    return f"({value})" if row["low"] <= 0 <= row["high"] else value


def print_list(results: Sequence[Json], console: Console) -> None:
    """All ablations of a run: what each compared, and what it found of every arm."""
    grid = plain("ablation", "model", "tokens", "seeds", "arm", "bits/byte", "beside", "difference", "verdict")
    for result in results:
        budget, reference = result["budget"], result["reference"]
        differences = {row["arm"]: row for row in result["differences"] if row["where"] == "all"}
        for arm in result["arms"]:
            row = differences.get(arm["name"])
            said = [shown(reference), f"{row['value']:+.4f}", shown(row["verdict"])] if row else ["", "", "reference"]
            named = [shown(result["name"]), shown(budget["model"]), f"{budget['tokens']:,}", str(budget["seeds"])]
            grid.add_row(*named, shown(arm["name"]), f"{arm['bits_per_byte']['all']['mean']:.4f}", *said)
    console.print(grid)
