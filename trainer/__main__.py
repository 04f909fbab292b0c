"""The command `gristmill-train`: train, eval, export, verify, which-docs. `python -m trainer` is the same program.

Exit codes: 0 done; 2 usage or settings; 65 shards or checkpoint not what they should be; 66 input missing; 70 bug;
73 cannot write; 143 stopped by SIGTERM, 130 by SIGINT, after a checkpoint. torch is imported only by the commands that
compute, so that shards can be verified and traced without it.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import numpy as np
import typer

from conf.load import SettingsError, load_settings
from trainer.data import make_order, open_data, trace, verify_data
from trainer.settings import Settings
from udfs.errors import GristmillError, UsageError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)

SettingsFile = Annotated[str, typer.Option("--settings", help="Settings file (YAML), as conf/train-demo.yaml.")]
Overrides = Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE over the file, as batch.sequences=8.")]


@app.command()
def train(settings: SettingsFile, overrides: Overrides = None) -> None:
    """Train, from the newest checkpoint where there is one; print whether held-out loss beats token frequencies."""
    from trainer.loop import train as run

    raise typer.Exit(run(load_settings(settings, overrides or [], Settings), typer.echo))


@app.command("eval")
def evaluate(settings: SettingsFile, overrides: Overrides = None) -> None:
    """Print the newest checkpoint's held-out loss, perplexity and bits per byte per source, as JSON."""
    from trainer.evaluate import held_out
    from trainer.loop import load_model

    chosen = load_settings(settings, overrides or [], Settings)
    data = open_data(chosen)
    scores = held_out(load_model(chosen, data, _note), data.val, chosen)
    typer.echo(json.dumps({name: score.as_json() for name, score in scores.items()}, indent=1))


@app.command()
def export(settings: SettingsFile, overrides: Overrides = None) -> None:
    """Write the newest checkpoint to OUTPUT/export in Hugging Face's format."""
    from trainer import hf
    from trainer.loop import load_model

    chosen = load_settings(settings, overrides or [], Settings)
    data = open_data(chosen)
    target = Path(chosen.output) / "export"
    tokenizer_folder = Path(chosen.shards) / "tokenizer"
    hf.export(load_model(chosen, data, _note), data.manifest.tokenizer, chosen.seq_len, tokenizer_folder, target)
    typer.echo(f"{target}: model.safetensors, config.json and the tokenizer")


@app.command()
def verify(settings: SettingsFile, overrides: Overrides = None) -> None:
    """Compare every byte of the shards, and the tokenizer, with the manifest."""
    chosen = load_settings(settings, overrides or [], Settings)
    manifest = verify_data(chosen.shards, digests=True)
    typer.echo(json.dumps({"verified": chosen.shards, **manifest.totals, "content_sha256": manifest.content_sha256}))


@app.command("which-docs")
def which_docs(
    settings: SettingsFile,
    step: Annotated[int, typer.Option(min=1, help="Step as the log counts them, from 1.")],
    overrides: Overrides = None,
) -> None:
    """Print the documents behind a step, one JSON object a line: sample, source, shard, doc_id, url."""
    chosen = load_settings(settings, overrides or [], Settings)
    if step > chosen.steps:
        raise UsageError(f"--step {step}: the run has {chosen.steps} steps")
    data = open_data(chosen)
    n = chosen.batch.sequences
    for row in trace(data.train, make_order(chosen, data.train), np.arange((step - 1) * n, step * n)):
        typer.echo(json.dumps(row))


def entry() -> None:
    """Run the command; end the process with its exit code, and one message instead of a stack trace."""
    try:
        app(prog_name="gristmill-train")
    except SettingsError as error:
        _fail(str(error), "", UsageError.exit_code)
    except GristmillError as error:
        _fail(error.reason, error.hint, error.exit_code)
    except ModuleNotFoundError as error:
        _fail(f"the package {error.name} is missing", "pip install 'gristmill[trainer]'", UsageError.exit_code)


def _fail(reason: str, hint: str, exit_code: int) -> NoReturn:
    _note("\n".join(line for line in (reason, hint) if line))
    sys.exit(exit_code)


def _note(message: str) -> None:
    typer.echo(message, err=True)


if __name__ == "__main__":
    entry()
