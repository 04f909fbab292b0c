"""`gristmill whatif`: what a run would keep with other bounds; reads `signals` and ledgers, writes nothing, no Spark.

Counted are documents that no stage has removed. One that the new bounds remove is lost, though a copy that
de-duplication removed in its favour might take its place. One that they let in has not been compared with others yet:
what is gained is an upper limit. Tokens are estimates, by the rate that the tokenizer had on each source.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from rich.console import Console
from rich.table import Table as Grid

from conf.load import changed_settings
from conf.model import Model
from jobs.terminal import print_json, shown
from pipelines.filter import FilterSettings, check_measured
from pipelines.run import Json, Run, Table
from pipelines.stage import open_table
from udfs.decisions import Part, removed_rows
from udfs.errors import InputError, UsageError
from udfs.parts import read_part
from udfs.verdicts import Check, failures

LATER = ("ledger/dedup", "ledger/decontaminate", "ledger/refine")
STATES = ("kept", "lost", "gained")
Counts = dict[str, Counter[str]]


class Cut(Model):
    min_score: float | None = None


class Decisions(Model):
    """The settings that `filter` decides by."""

    filter: FilterSettings = FilterSettings()
    quality: Cut = Cut()

    def checks(self) -> list[Check]:
        return self.filter.checks(self.quality.min_score)


def what_if(run: Run, overrides: Sequence[str], console: Console, as_json: bool = False) -> None:
    """Print for each source what the run keeps now, and what it would lose and gain with the settings changed."""
    if not overrides:
        raise UsageError("no setting is changed", "name one: --set filter.bounds.gopher.word_count.min=20")
    before = decisions_of(run)
    after = changed_settings(before.model_dump(mode="json"), overrides, Decisions)
    check_measured(run, after.checks())
    work = partial(count_part, before=before.checks(), after=after.checks())
    found: Counts = defaultdict(Counter)
    with ThreadPoolExecutor(4) as pool:
        for counts in pool.map(work, parts(run)):
            for source, counted in counts.items():
                found[source].update(counted)
    tokens = tokens_kept(run)
    for source, counts in found.items():
        rate = tokens.get(source, 0.0) / max(1, counts["kept characters"])
        counts.update({f"{state} tokens": round(rate * counts[f"{state} characters"]) for state in STATES})
    if as_json:
        print_json(console, [as_row(source, counts, bool(tokens)) for source, counts in sorted(found.items())])
    else:
        print_changes(found, bool(tokens), console)


def as_row(source: str, counts: Counter[str], has_tokens: bool) -> Json:
    units = ("documents", "characters", *(["tokens"] if has_tokens else []))
    return {"source": source} | {unit: {state: counts[f"{state} {unit}"] for state in STATES} for unit in units}


def decisions_of(run: Run) -> Decisions:
    """The settings of the run's filter. Raises InputError where it has not run."""
    committed = run.committed("filter")
    if committed is None:
        raise InputError(f"{run.path('ledger/filter')}: not there yet", "run `gristmill filter` first")
    settings = committed.identity["settings"]
    cut = Cut(min_score=settings["quality.min_score"])
    return Decisions(filter=FilterSettings.model_validate(settings["filter"]), quality=cut)


def parts(run: Run) -> list[Part]:
    """Every part of `signals`, with what the stages behind the filter say of it, where they have run."""
    said = [numbered(run, table) for table in LATER]
    signals = numbered(run, "signals")
    return [
        Part(number, "", uri, tuple(uris[number] for uris in said if number in uris)) for number, uri in signals.items()
    ]


def numbered(run: Run, name: str) -> dict[int, str]:
    """Number of a part with rows -> its URI; empty for a table that is not there, or older than what it was made of."""
    try:
        table = open_table(run, name)
    except InputError:
        table = Table(name, ())
    return {file.number: run.path(name, file.path) for file in table.files if file.n_rows}


def count_part(part: Part, before: Sequence[Check], after: Sequence[Check]) -> Counts:
    """source -> documents and characters by state, as `kept documents` and `kept characters`."""
    removed = removed_rows(part)
    counts: Counts = defaultdict(Counter)
    names = {name for check in (*before, *after) for name in check.columns}
    for batch in read_part(part.signals, sorted({"row", "source", "language", "n_chars", *names})):
        is_left = ~np.isin(batch.column("row").to_numpy(), removed)
        was, would = (is_left & ~failures(batch, checks).any(axis=0) for checks in (before, after))
        sources, n_chars = np.asarray(batch.column("source")), batch.column("n_chars").to_numpy()
        for state, flags in zip(STATES, (was, was & ~would, would & ~was), strict=True):
            for source in np.unique(sources[flags]):
                chosen = flags & (sources == source)
                counts[source][f"{state} documents"] += int(chosen.sum())
                counts[source][f"{state} characters"] += int(n_chars[chosen].sum())
    return counts


def tokens_kept(run: Run) -> dict[str, float]:
    """source -> tokens in `clean`, estimated; empty before there is a tokenizer."""
    refined, trained = run.committed("refine"), run.committed("train_tokenizer")
    measured = trained.counts.get("measured") if trained else None
    if not refined or not measured:
        return {}
    n_bytes, n_tokens = Counter[str](), Counter[str]()
    for row in measured:
        n_bytes[row["source"]] += row["bytes"]
        n_tokens[row["source"]] += row["tokens"]
    mean = n_tokens.total() / max(1, n_bytes.total())
    rates = {source: n_tokens[source] / n for source, n in n_bytes.items() if n}
    return {row["source"]: row["bytes"] * rates.get(row["source"], mean) for row in refined.counts["kept"]}


def print_changes(found: Counts, has_tokens: bool, console: Console) -> None:
    units = {"documents": "documents", "characters": "characters"}
    units |= {"tokens": "tokens, estimated"} if has_tokens else {}
    rows = sorted(found.items())
    rows.append(("all", sum((counts for _, counts in rows), Counter[str]())))
    for unit, title in units.items():
        grid = Grid("source", "kept now", "lost", "gained", title=title, title_justify="left")
        for source, counts in rows:
            grid.add_row(shown(source), *(f"{counts[f'{state} {unit}']:,}" for state in STATES))
        console.print(grid)
    console.print("what is gained has not been compared with other documents yet: an upper limit")
