"""The training loop: update, log, evaluate, checkpoint; stop when told to; go on where it stopped.

The log, OUTPUT/log.jsonl, has one JSON object a line: "start" (settings, data, yardstick), "update", "held_out", "end".
A resumed run appends to it, so a step that was lost with a kill is there twice; the later line holds.
"""

import json
import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch

from trainer import checkpoint
from trainer.checkpoint import Checkpoint
from trainer.data import DataSet, make_order, open_data
from trainer.device import autocast, pick_device, tensors
from trainer.evaluate import Score, held_out, unigram
from trainer.model import Llama, init_weights
from trainer.optim import learning_rate, make_adamw, set_learning_rate
from trainer.order import Order
from trainer.settings import Settings
from udfs.errors import ContractError, OutputError

SAY_EVERY = 10


@dataclass
class Run:
    settings: Settings
    data: DataSet
    order: Order
    device: torch.device
    model: Llama
    optimizer: torch.optim.Optimizer
    log: IO[str]
    say: Callable[[str], None]
    step: int = 0
    """Updates made so far."""

    def record(self, event: str, **fields: Any) -> None:
        self.log.write(json.dumps({"event": event, "step": self.step, **fields}) + "\n")
        self.log.flush()


def train(settings: Settings, say: Callable[[str], None]) -> int:
    """Train to the last step, from the newest checkpoint where there is one; `say` hears what a person wants to know.
    Returns the exit code: 0, or 128 plus the number of the signal that ended the run, after a checkpoint."""
    data = open_data(settings, settings.verify)
    with open_log(settings) as log, stop_signals() as received:
        run = start(settings, data, log, say)
        resume(run)
        yardstick = describe(run)
        while run.step < settings.steps and not received:
            update(run)
            ended = run.step == settings.steps
            if run.step % settings.held_out.every == 0 and not ended:
                evaluate(run)
            if run.step % settings.checkpoints.every == 0 or ended:
                save(run)
        if received:
            save(run)
            say(f"stopped by signal {received[0]} after step {run.step}; the same command goes on from there")
            return 128 + received[0]
        conclude(run, yardstick)
    return 0


def start(settings: Settings, data: DataSet, log: IO[str], say: Callable[[str], None]) -> Run:
    device = pick_device()
    model = init_weights(Llama(settings.model, data.manifest.tokenizer.vocab_size), settings.seed).to(device)
    optimizer = make_adamw(model, settings.optimizer)
    return Run(settings, data, make_order(settings, data.train), device, model, optimizer, log, say)


def describe(run: Run) -> Score:
    """Print and log what is about to happen. Returns the unigram score of the training shards, the yardstick."""
    data, yardstick = run.data, unigram(run.data.train, run.data.manifest.tokenizer.vocab_size)
    n_parameters = sum(p.numel() for p in run.model.parameters())
    epochs = {name: round(float(n), 3) for name, n in zip(data.train.sources, run.order.epochs, strict=True)}
    n_tokens = run.order.n_samples * run.settings.seq_len
    run.record(
        "start",
        settings=run.settings.model_dump(),
        content_sha256=data.manifest.content_sha256,
        n_parameters=n_parameters,
        epochs=epochs,
        unigram=yardstick.as_json(),
    )
    run.say(f"{n_parameters:,} parameters on {run.device}; {run.settings.steps} steps, {n_tokens:,} tokens")
    run.say(f"passes through each source: {epochs}")
    run.say(f"unigram entropy of the training shards: {yardstick}")
    return yardstick


def update(run: Run) -> None:
    """One step: gradients of all micro-batches, clip, AdamW. The loss is a mean over the targets of the whole batch."""
    began, settings = time.perf_counter(), run.settings
    n, micro = settings.batch.sequences, settings.batch.micro_sequences
    batch = run.data.train.batch(run.order.places(np.arange(run.step * n, (run.step + 1) * n)))
    total = torch.zeros((), device=run.device)
    for row in range(0, n, micro):
        with autocast(run.device, settings):
            part = run.model.loss_sum(**tensors(batch.rows(row, row + micro), run.device)) / max(1, batch.n_targets)
        part.backward()
        total += part.detach()
    norm = torch.nn.utils.clip_grad_norm_(run.model.parameters(), settings.optimizer.clip)
    loss, grad_norm = total.item(), norm.item()
    require_finite(run.step, loss, grad_norm)
    lr = learning_rate(run.step, settings.steps, settings.optimizer)
    set_learning_rate(run.optimizer, lr)
    run.optimizer.step()
    run.optimizer.zero_grad()
    run.step += 1
    rate = batch.tokens.size / (time.perf_counter() - began)
    run.record("update", loss=loss, lr=lr, grad_norm=grad_norm, tokens_per_second=round(rate))
    if run.step % SAY_EVERY == 0 or run.step == settings.steps:
        run.say(f"step {run.step}/{settings.steps}  loss {loss:.4f}  norm {grad_norm:.3f}  {rate:,.0f} tokens/s")


def require_finite(step: int, loss: float, norm: float) -> None:
    """Raises ContractError, before the weights are touched."""
    if not (math.isfinite(loss) and math.isfinite(norm)):
        hint = f"lower optimizer.lr, or look at what was read: gristmill-train which-docs --step {step + 1}"
        raise ContractError(f"step {step + 1}: found loss {loss} and gradient norm {norm}, both must be finite", hint)


def evaluate(run: Run) -> Score | None:
    """Print and log the held-out scores per source; returns that of all sources together, None without a val split."""
    scores = held_out(run.model, run.data.val, run.settings)
    run.record("held_out", sources={name: score.as_json() for name, score in scores.items()})
    for name in run.data.val.sources:
        run.say(f"held out after step {run.step}: {name}: {scores.get(name, 'too small for one sequence')}")
    return sum(scores.values(), Score(0.0, 0, 0.0)) if scores else None


def conclude(run: Run, yardstick: Score) -> None:
    score = evaluate(run)
    if score is None:
        run.say("the shards have no held-out sequence: nothing to compare with the unigram entropy")
        return
    relation = "below" if score.loss < yardstick.loss else "NOT below"
    run.record("end", held_out=score.as_json(), below_unigram=score.loss < yardstick.loss)
    run.say(f"held-out loss {score}: {relation} the unigram entropy, {yardstick}")


def identity(settings: Settings, data: DataSet) -> dict[str, Any]:
    """What has to be equal for a run to go on from a checkpoint: the data, their order, the shape of the model."""
    return {
        "content_sha256": data.manifest.content_sha256,
        "tokenizer": data.manifest.tokenizer.sha256,
        "model": settings.model.model_dump(exclude={"preset"}),
        "sequences": settings.batch.sequences,
        **settings.model_dump(include={"seed", "seq_len", "phases"}),
    }


def checkpoints(settings: Settings) -> Path:
    return Path(settings.output) / "checkpoints"


def save(run: Run) -> None:
    state = {"model": run.model.state_dict(), "optimizer": run.optimizer.state_dict()}
    saved = Checkpoint(run.step, identity(run.settings, run.data), state)
    checkpoint.save(checkpoints(run.settings), saved, run.settings.checkpoints.keep)


def resume(run: Run) -> None:
    found = checkpoint.load(checkpoints(run.settings), identity(run.settings, run.data), run.say)
    if found is None:
        return
    run.model.load_state_dict(found.state["model"])
    run.optimizer.load_state_dict(found.state["optimizer"])
    run.step = found.step
    run.say(f"resumed after step {run.step}")


def load_model(settings: Settings, data: DataSet, say: Callable[[str], None]) -> Llama:
    """The model of the newest sound checkpoint. Raises InputError where there is none."""
    found = checkpoint.load_existing(checkpoints(settings), identity(settings, data), say)
    model = Llama(settings.model, data.manifest.tokenizer.vocab_size)
    model.load_state_dict(found.state["model"])
    return model.to(pick_device())


@contextmanager
def open_log(settings: Settings) -> Iterator[IO[str]]:
    try:
        Path(settings.output).mkdir(parents=True, exist_ok=True)
        log = (Path(settings.output) / "log.jsonl").open("a", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{settings.output}: cannot be written: {error}", "choose another output folder") from error
    with log:
        yield log


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """A list that SIGTERM and SIGINT append their number to, instead of ending the process."""
    received: list[int] = []
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda n, _: received.append(n)) for number in numbers}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
