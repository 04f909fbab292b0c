"""The command `gristmill-train`: plan, train, sft, dpo, eval, score, sample, export, verify, which-docs.

Exit codes: 0 done; 2 usage or settings; 65 shards or checkpoint not what they should be; 66 input missing; 70 bug;
73 cannot write; 143 stopped by SIGTERM, 130 by SIGINT, after a checkpoint. torch is imported only by the commands that
compute, so that shards can be verified and traced without it. `python -m trainer` is the same program; several
processes are started with `torchrun --nproc-per-node N -m trainer train ...`.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from conf.load import SettingsError, load_settings
from trainer.data import open_data, open_val, verify_data
from trainer.settings import Settings
from trainer.stream import Stream
from udfs import files
from udfs.errors import GristmillError, UsageError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)

SettingsFile = Annotated[str, typer.Option("--settings", help="Settings file (YAML), as conf/train-demo.yaml.")]
Overrides = Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE over the file, as batch.sequences=8.")]


@app.command()
def train(settings: SettingsFile, overrides: Overrides = None) -> None:
    """Train on text, from the newest checkpoint where there is one; print whether held-out loss beats frequencies."""
    _run(settings, overrides, "pretrain")


@app.command()
def sft(settings: SettingsFile, overrides: Overrides = None) -> None:
    """Train on conversations: the loss counts what the assistant says."""
    _run(settings, overrides, "sft")


@app.command()
def dpo(settings: SettingsFile, overrides: Overrides = None) -> None:
    """Train on compared answers, with direct preference optimisation."""
    _run(settings, overrides, "preference")


def _run(settings: str, overrides: list[str] | None, kind: str) -> NoReturn:
    from trainer.loop import train as run

    raise typer.Exit(run(load_settings(settings, overrides or [], Settings), typer.echo, kind))


@app.command()
def plan(
    settings: SettingsFile,
    devices: Annotated[int, typer.Option(min=1, help="GPUs that train together.")] = 1,
    mfu: Annotated[float, typer.Option(min=0.01, max=1, help="Share of the peak to reckon with.")] = 0.4,
    measure: Annotated[bool, typer.Option("--measure", help="Time some steps here, on one device.")] = False,
    overrides: Overrides = None,
) -> None:
    """Print parameters, FLOPs, memory for each device, hours, and what each source gives, as JSON; train nothing."""
    from trainer.build import base
    from trainer.plan import plan as foresee

    chosen = load_settings(settings, overrides or [], Settings)
    data = open_data(chosen)
    vocab_size = data.manifest.tokenizer.vocab_size
    shape = chosen.model or base(chosen, vocab_size).shape
    train = data.manifest.splits["train"]
    sources = {name: sum(shard.n_tokens for shard in shards) for name, shards in train.items()}
    found = foresee(chosen, shape, vocab_size, devices, mfu)
    if measure:
        from trainer.speed import tokens_per_second

        rate = tokens_per_second(chosen, data)
        found |= {"tokens_per_second": round(rate), "hours": round(found["tokens"] / rate / 3600, 4), "at_mfu": None}
    typer.echo(json.dumps({**found, "tokens_of_sources": sources, "epochs": Stream(chosen, data).epochs}, indent=1))


@app.command("eval")
def evaluate(settings: SettingsFile, overrides: Overrides = None) -> None:
    """Print the newest checkpoint's held-out loss, perplexity and bits per byte by source and language, as JSON."""
    from trainer.evaluate import held_out, together
    from trainer.loop import load_model

    chosen = load_settings(settings, overrides or [], Settings)
    data = open_data(chosen)
    model = load_model(chosen, data, _note).eval()
    scores = held_out(model, data.val, chosen, model.head.device)
    by = {"sources": together(scores, 0), "languages": together(scores, 1)}
    typer.echo(json.dumps({k: {name: s.as_json() for name, s in v.items()} for k, v in by.items()}, indent=1))


@app.command()
def score(
    settings: SettingsFile,
    on: Annotated[str, typer.Option(help="Folder of another data set, of the same tokenizer.")],
    output: Annotated[str, typer.Option(help="File to write.")],
    overrides: Overrides = None,
) -> None:
    """Write what each document of a data set's val split costs the newest checkpoint, in nats, as JSON."""
    from trainer.evaluate import by_document
    from trainer.loop import load_model

    chosen = load_settings(settings, overrides or [], Settings)
    data = open_data(chosen)
    manifest, val = open_val(on, chosen, data.manifest.tokenizer.sha256)
    model = load_model(chosen, data, _note).eval()
    found = {"content_sha256": manifest.content_sha256, "sources": by_document(model, val, chosen, model.head.device)}
    files.write_bytes(output, json.dumps(found).encode())


@app.command()
def sample(
    settings: SettingsFile,
    prompt: Annotated[str, typer.Argument(help="Text to go on from.")] = "The",
    tokens: Annotated[int, typer.Option(min=1, max=512)] = 64,
    overrides: Overrides = None,
) -> None:
    """Print what the newest checkpoint goes on with after a text, the likeliest token each time."""
    import numpy as np
    from tokenizers import Tokenizer

    from trainer.evaluate import sample as generate
    from trainer.loop import load_model

    chosen = load_settings(settings, overrides or [], Settings)
    data = open_data(chosen)
    ids = data.manifest.tokenizer
    tokenizer = Tokenizer.from_file(str(Path(chosen.shards) / "tokenizer" / "tokenizer.json"))
    given = ([] if ids.bos is None else [ids.bos]) + tokenizer.encode(prompt, add_special_tokens=False).ids
    made = generate(load_model(chosen, data, _note).eval(), np.array(given), tokens, ids.eos)
    typer.echo(prompt + tokenizer.decode(made.tolist()))


@app.command()
def export(settings: SettingsFile, overrides: Overrides = None) -> None:
    """Write the newest checkpoint to OUTPUT/export in Hugging Face's format, LoRA merged and in OUTPUT/adapter."""
    from trainer import hf, lora
    from trainer.loop import load_model

    chosen = load_settings(settings, overrides or [], Settings)
    data = open_data(chosen)
    target, model = Path(chosen.output) / "export", load_model(chosen, data, _note)
    if chosen.lora:
        lora.save_adapter(model, chosen.lora, Path(chosen.output) / "adapter")
    longest = max(phase.seq_len or chosen.seq_len for phase in chosen.phases)
    hf.export(lora.merge(model), data.manifest, longest, Path(chosen.shards) / "tokenizer", target)
    typer.echo(f"{target}: model.safetensors, config.json, README.md and the tokenizer")


@app.command()
def verify(settings: SettingsFile, overrides: Overrides = None) -> None:
    """Compare every byte of the shards, and the tokenizer, with the manifest."""
    chosen = load_settings(settings, overrides or [], Settings)
    manifest = verify_data(chosen.shards, digests=True)
    typer.echo(json.dumps({"verified": chosen.shards, **manifest.totals, "content_sha256": manifest.content_sha256}))


@app.command("which-docs")
def which_docs(
    settings: SettingsFile,
    step: Annotated[int | None, typer.Option(min=1, help="Step as the log counts them, from 1.")] = None,
    doc: Annotated[str | None, typer.Option(help="Id of a document: the steps that train on it are printed.")] = None,
    overrides: Overrides = None,
) -> None:
    """Print the documents behind a step, one JSON object a line: sample, source, shard, doc_id, url; or the steps
    that train on a document."""
    chosen = load_settings(settings, overrides or [], Settings)
    if (step is None) == (doc is None):
        raise UsageError("give one of --step and --doc")
    if step is not None and step > chosen.steps:
        raise UsageError(f"--step {step}: the run has {chosen.steps} steps")
    stream = Stream(chosen, open_data(chosen))
    for row in stream.trace(step - 1) if step else ({"step": n + 1} for n in stream.steps_of(doc or "")):
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
