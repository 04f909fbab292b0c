"""`gristmill check`: what the settings mean, before anything runs; no Spark."""

from collections import Counter
from typing import Any

from rich.console import Console

from jobs.settings import Settings
from jobs.stages import CHAIN
from jobs.terminal import shown
from pipelines.run import Run
from pipelines.sources import expand
from pipelines.stage import prepare
from udfs import files
from udfs.errors import GristmillError


def describe_plan(settings: Settings, console: Console) -> None:
    """Print inputs with their kinds and sizes, what is measured, the edits and bounds in order, and which stages have
    something to do."""
    print_inputs(settings, console)
    print_measures(settings, console)
    print_bounds(settings, console)
    print_stages(settings, console)


def print_inputs(settings: Settings, console: Console) -> None:
    n_files, n_bytes = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for file in expand(settings.inputs):
        n_files[file.source, file.kind] += 1
        n_bytes[file.source, file.kind] += files.stat(file.uri)[0]
    console.print("inputs")
    for source, kind in sorted(n_files):
        console.print(
            f"  {shown(source):<30} {kind:<8} {n_files[source, kind]:>6} files {n_bytes[source, kind] / 1e6:>12,.1f} MB"
        )


def print_measures(settings: Settings, console: Console) -> None:
    measure, edits = settings.measure, settings.measure.edits
    console.print("of each document")
    console.print(f"  signals are measured: {', '.join(measure.measured_families())}; words by rule {measure.words}")
    if edits is not None:
        made = {name: value for name, value in edits.model_dump().items() if value is not None and value is not False}
        rules = ", ".join(name if value is True else f"{name} {value}" for name, value in made.items())
        console.print(f"  lines are edited: {rules or 'margins and blank lines only'}")
    for name, file in measure.list_files().items():
        console.print(f"  {name} is a list: {shown(file)}")
    if measure.perplexity:
        console.print(f"  perplexity is measured of {', '.join(measure.perplexity)}")
    replaced = ", ".join(f"{name} {action}" for name, action in settings.refine.actions().items())
    console.print(f"  addresses of people: {replaced or 'left as they are'}")


def print_bounds(settings: Settings, console: Console) -> None:
    console.print("a document is kept when")
    console.print("  it has a word")
    if settings.filter.languages is not None:
        wanted = ", ".join(f"{name} >= {score:g}" for name, score in settings.filter.languages.items())
        console.print(f"  its language is one of {wanted}")
    for signal, interval in settings.filter.intervals().items():
        if interval:
            console.print(f"  {signal} {interval}")
    for language, bounds in settings.filter.per_language.items():
        own = {f"{family}.{name}": bound for family, named in bounds.items() for name, bound in named.items()}
        listed = ", ".join(f"{name} {bound.interval() if bound else 'off'}" for name, bound in own.items())
        console.print(f"  for {language}: {listed}")
    if settings.quality.min_score is not None:
        console.print(f"  quality_score >= {settings.quality.min_score:g}")
    if settings.filter.pareto is not None:
        alpha = settings.filter.pareto.alpha
        console.print(
            f"  quality_score > 1 - X, X drawn by its id's hash from the Lomax distribution of alpha {alpha:g}"
        )


def print_stages(settings: Settings, console: Console) -> None:
    run = Run(settings.output)
    console.print(f"stages, output {shown(settings.output)}")
    waiting = False
    for stage in CHAIN:
        waiting = waiting or not is_done(stage.name, run, settings)
        console.print(f"  {stage.name:<16} {'to do' if waiting else 'done'}")


def is_done(name: str, run: Run, settings: Settings) -> bool:
    """True when the stage's last run had this identity and its files are in place."""
    stage = next(stage for stage in CHAIN if stage.name == name)
    previous = run.committed(name)
    if previous is None:
        return False
    try:
        job, _ = prepare(stage, run, settings, _no_session, previous)
    except GristmillError:
        return False
    return job.key == previous.key and run.missing_file(previous) is None


def _no_session() -> Any:
    raise RuntimeError("the plan needs no Spark session")
