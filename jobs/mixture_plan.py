"""`gristmill plan`: what each source will give to the training tokens, and how large a model they are enough for.

Reads `clean` for the length of its texts and the rates that train_tokenizer measured; writes nothing, no Spark. Tokens
are estimates, good to a few per cent. Rules of thumb: C = 6ND (Kaplan et al., Scaling laws for neural language models,
2020); some 20 tokens a parameter for the best model of a given C (Hoffmann et al., Training compute-optimal large
language models, 2022); up to four epochs are worth nearly as much as new text, and much less beyond (Muennighoff et
al., Scaling data-constrained language models, 2023).
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from rich.console import Console
from rich.table import Table as Grid

from jobs.settings import Settings
from jobs.terminal import print_json, shown
from pipelines.mixture import Weights, add_up, epochs_of, tokens_expected
from pipelines.run import Json, Run
from pipelines.stage import open_table
from udfs.tokenize_text import Weight, weigh_part

TOKENS_A_PARAMETER = 20
WORTHWHILE_EPOCHS = 4


def print_mixture(settings: Settings, n_parameters: float | None, console: Console, as_json: bool = False) -> None:
    """Print a line for each source, their sum, and advice for a model of `n_parameters`."""
    run, pack = Run(settings.output), settings.pack
    weights = weights_of(run, settings)
    expected = tokens_expected(run, weights, 1 + pack.bos)
    once = {source: expected.get(("train", source), 0.0) for source in sorted({source for _, source in weights})}
    epochs = epochs_of(pack.mixture, once)
    rows = [row_of(source, weights, once[source], epochs[source]) for source in once]
    held_out = sum(tokens for (split, source), tokens in expected.items() if split == "val" and epochs[source])
    lines = advice(sum(row["tokens"] for row in rows), n_parameters, max(epochs.values(), default=0.0))
    if as_json:
        print_json(console, {"sources": rows, "held_out_tokens": held_out, "advice": lines})
        return
    console.print(table_of(rows))
    console.print(f"held out for validation: {held_out:,.0f} tokens")
    for line in lines:
        console.print(line)


def row_of(source: str, weights: Weights, once: float, epochs: float) -> Json:
    """What a source gives to training: its documents, its tokens once, how often they stand there, and all of them."""
    documents = weights.get(("train", source), Weight()).documents
    return {"source": source, "documents": documents, "once": once, "times": epochs, "tokens": once * epochs}


def weights_of(run: Run, settings: Settings) -> Weights:
    """What `clean` holds of each split and source."""
    repeats = settings.pack.mixture.repeats({})
    work = partial(weigh_part, seed=settings.seed, val_share=settings.pack.val_share, repeats=repeats)
    with ThreadPoolExecutor(4) as pool:
        return add_up(pool.map(work, [run.path("clean", part.path) for part in open_table(run, "clean").files]))


def table_of(rows: list[Json]) -> Grid:
    total = sum(row["tokens"] for row in rows)
    grid = Grid("source", *["documents", "tokens, once", "times", "tokens", "share"], box=None, pad_edge=False)
    for column in grid.columns[1:]:
        column.justify = "right"
    for row in rows:
        share = f"{row['tokens'] / total if total else 0:.1%}"
        cells = (f"{row['documents']:,}", f"{row['once']:,.0f}", f"{row['times']:.2f}", f"{row['tokens']:,.0f}", share)
        grid.add_row(shown(row["source"]), *cells)
    grid.add_row("all", "", f"{sum(row['once'] for row in rows):,.0f}", "", f"{total:,.0f}", "")
    return grid


def advice(n_tokens: float, n_parameters: float | None, most_epochs: float) -> list[str]:
    """What the tokens are good for, in sentences."""
    fitting = n_tokens / TOKENS_A_PARAMETER
    lines = [
        (
            f"{n_tokens:,.0f} training tokens: at {TOKENS_A_PARAMETER} a parameter, enough for a model of "
            f"{fitting:,.0f} parameters and {6 * fitting * n_tokens:.3g} FLOP (C = 6ND)"
        )
    ]
    if most_epochs > WORTHWHILE_EPOCHS:
        lines.append(
            f"a source stands {most_epochs:.1f} times: beyond {WORTHWHILE_EPOCHS}, repeats are worth far less than text"
        )
    if n_parameters is None:
        return lines
    wanted = TOKENS_A_PARAMETER * n_parameters
    lines.append(
        f"a model of {n_parameters:,.0f} parameters: {n_tokens / n_parameters:.1f} tokens a parameter, "
        f"{6 * n_parameters * n_tokens:.3g} FLOP"
    )
    if n_tokens < wanted:
        lines.append(f"it wants {wanted:,.0f} tokens, {wanted / n_tokens if n_tokens else 0:.1f} times as many")
    else:
        lines.append(f"that is {n_tokens / wanted:.1f} times the compute-optimal number: a small model trained long")
    return lines
