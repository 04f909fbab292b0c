"""The training loop, one for all stages: update, log, evaluate, checkpoint; stop when told to; go on where it stopped.

Pretraining and SFT minimise the cross-entropy of the targets that count, preference shards the DPO loss; what they are
is read from the shards. See `trainer.log` for what is logged.
"""

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from trainer import checkpoint, log
from trainer.build import base, build, identity
from trainer.data import Batch, DataSet, open_data
from trainer.device import autocast, tensors
from trainer.evaluate import Score, held_out, preferred, together, unigram
from trainer.losses import answer_log_probabilities, dpo_losses
from trainer.model import Llama
from trainer.optim import Guard, learning_rate, make_optimizers, set_learning_rate
from trainer.parallel import World, clip, gradients, joined, spread
from trainer.plan import flops_per_token, peak_flops
from trainer.settings import Settings
from trainer.stream import Stream
from udfs.errors import ContractError, UsageError

SAY_EVERY = 10
SKIPPED_DOCUMENTS = 64
LARGEST_SCALE = 2.0**16
STEPS_TO_DOUBLE = 2000


@dataclass
class Run:
    settings: Settings
    world: World
    data: DataSet
    stream: Stream
    model: Llama
    forward: Callable[..., Tensor]
    """The model as the processes share it."""
    reference: Callable[..., Tensor] | None
    """For DPO: the model to stay near."""
    optimizers: list[torch.optim.Optimizer]
    guard: Guard
    saver: checkpoint.Saver
    log: log.Log
    say: Callable[[str], None]
    step: int = 0
    """Steps made so far, skipped ones included."""
    saved: int = -1
    """Step of the newest checkpoint."""
    scale: float = 1.0
    """The loss is multiplied by it before gradients are taken in float16, so that small ones do not vanish."""
    reader: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    ahead: Future[Batch] | None = None
    """The next batch, being cut while the model computes."""

    def next_batch(self) -> Batch:
        """The sequences that this process takes in this step."""
        world = self.world
        waiting = self.ahead or self.reader.submit(self.stream.batch, self.step, world.rank, world.size)
        batch, self.ahead = waiting.result(), None
        if self.step + 1 < self.settings.steps:
            self.ahead = self.reader.submit(self.stream.batch, self.step + 1, world.rank, world.size)
        return batch

    def loss(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(sum of the losses of a micro-batch, for DPO how many answers are preferred rightly)."""
        with autocast(self.world.device, self.settings):
            inputs = tensors(batch, self.world.device)
            if self.reference is None:
                return self.forward(**inputs), torch.zeros((), device=self.world.device)
            losses, margins = self.compare(self.reference, inputs)
        return losses.sum(), (margins > 0).sum()

    def compare(self, reference: Callable[..., Tensor], inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Losses and margins of the pairs of answers."""
        with torch.no_grad():
            before = answer_log_probabilities(reference(**inputs, each=True), inputs["bounds"])
        now = answer_log_probabilities(self.forward(**inputs, each=True), inputs["bounds"])
        return dpo_losses(now, before, self.settings.dpo_beta)

    def n_losses(self, batch: Batch) -> int:
        return batch.n_targets if self.reference is None else batch.n_pairs


def train(settings: Settings, say: Callable[[str], None], kind: str | None = None) -> int:
    """Train to the last step, from the newest checkpoint where there is one; `say` hears what a person wants to know.
    Returns the exit code: 0, or 128 plus the number of the signal that ended the run, after a checkpoint. Raises
    UsageError for shards of another `kind`."""
    with joined() as world:
        data = open_data(settings, settings.verify and world.is_first)
        check_kind(settings, data, kind)
        with log.opened(settings, world.is_first) as events, stop_signals() as received:
            run = start(settings, data, world, events, say if world.is_first else lambda _: None)
            resume(run)
            yardstick = describe(run)
            stopped = 0
            while run.step < settings.steps and not stopped:
                stopped = update(run, received)
                ended = run.step == settings.steps
                if run.step % settings.held_out.every == 0 and not ended:
                    evaluate(run)
                if run.step % settings.checkpoints.every == 0 or ended or stopped:
                    save(run)
            run.reader.shutdown()
            run.saver.wait()
            if stopped:
                run.say(f"stopped by signal {stopped} after step {run.step}; the same command goes on from there")
                return 128 + stopped
            conclude(run, yardstick)
    return 0


def check_kind(settings: Settings, data: DataSet, kind: str | None) -> None:
    found = data.manifest.kind
    if kind is not None and kind != found:
        command = {"pretrain": "train", "sft": "sft", "preference": "dpo"}[found]
        raise UsageError(f"{settings.shards}: found {found} shards, expected {kind}", f"use gristmill-train {command}")
    if found == "preference" and settings.init_from is None:
        raise UsageError("init_from is not given", "DPO begins at a model that has learned already: give its export")


def start(settings: Settings, data: DataSet, world: World, events: log.Log, say: Callable[[str], None]) -> Run:
    check_sizes(settings, world)
    torch.manual_seed(settings.seed)
    vocab_size = data.manifest.tokenizer.vocab_size
    model = build(settings, vocab_size).to(world.device)
    forward = spread(model, settings, world)
    reference = None
    if data.manifest.kind == "preference":
        reference = spread(
            base(settings, vocab_size).to(world.device).requires_grad_(False), settings, alone(world, settings)
        )
    folder = checkpoints(settings)
    return Run(
        settings,
        world,
        data,
        Stream(settings, data),
        model,
        forward,
        reference,
        make_optimizers(model, settings.optimizer),
        Guard(settings.skip),
        checkpoint.Saver(folder, settings.checkpoints.keep, identity(settings, data, model), world),
        events,
        say,
        scale=LARGEST_SCALE if settings.precision == "float16" else 1.0,
    )


def alone(world: World, settings: Settings) -> World:
    """The world for a model without gradients: DDP has nothing to do for it, and refuses it."""
    return World(0, 1, world.device) if settings.parallel == "ddp" else world


def check_sizes(settings: Settings, world: World) -> None:
    """Raises UsageError unless the processes can share every batch alike."""
    for n in sorted({phase.sequences or settings.batch.sequences for phase in settings.phases}):
        if n % world.size:
            raise UsageError(f"batch.sequences: {n} cannot be shared by {world.size} processes", "take a multiple")


def describe(run: Run) -> Score | None:
    """Print and log what is about to happen. Returns the unigram score of pretraining shards, the yardstick."""
    data, settings = run.data, run.settings
    is_text = data.manifest.kind == "pretrain"
    split = run.stream.parts[0].split
    yardstick = unigram(split, data.manifest.tokenizer.vocab_size) if is_text else None
    n_parameters = sum(p.numel() for p in run.model.parameters())
    n_trained = sum(p.numel() for p in run.model.parameters() if p.requires_grad)
    run.log.record(
        "start",
        run.step,
        settings=settings.model_dump(mode="json"),
        content_sha256=data.manifest.content_sha256,
        processes=run.world.size,
        n_parameters=n_parameters,
        epochs=run.stream.epochs,
        unigram=yardstick.as_json() if yardstick else None,
    )
    trained = "" if n_trained == n_parameters else f", {n_trained:,} of them trained"
    run.say(f"{n_parameters:,} parameters{trained}, on {run.world.size} x {run.world.device.type}")
    run.say(f"{settings.steps} steps, {run.stream.n_tokens:,} tokens")
    run.say(f"passes through each source, by length of sequences: {run.stream.epochs}")
    if yardstick:
        run.say(f"unigram entropy of the training shards: {yardstick}")
    return yardstick


def update(run: Run, received: list[int]) -> int:
    """One step: gradients of all micro-batches, clip, update; or nothing, where the guard refuses it. The number of a
    signal that any process has received, 0 for none. The loss is a mean over the targets of the whole batch."""
    began = time.perf_counter()
    batch = run.next_batch()
    waited = time.perf_counter() - began
    loss, right, stopped = backward(run, batch, received[0] if received else 0)
    norm = clip(run.model, run.settings.optimizer.clip).item()
    lr = learning_rate(run.step, run.settings.optimizer, run.settings.phases)
    why = run.guard.refuses(loss, norm)
    if why is None:
        set_learning_rate(run.optimizers, lr)
        for optimizer in run.optimizers:
            optimizer.step()
    run.scale = next_scale(run, why)
    for optimizer in run.optimizers:
        optimizer.zero_grad()
    run.step += 1
    seconds = time.perf_counter() - began
    note(run, batch, seconds, {"loss": loss, "lr": lr, "grad_norm": norm, "wait_share": waited / seconds}, right)
    if why is not None:
        skip(run, why, loss, norm)
    return stopped


def backward(run: Run, batch: Batch, signal_number: int) -> tuple[float, float, int]:
    """(mean loss, share of pairs preferred rightly, number of a signal) over all processes; gradients are left."""
    n, micro, device = len(batch.tokens), run.settings.batch.micro_sequences, run.world.device
    n_losses = max(1.0, run.world.sum(torch.tensor([run.n_losses(batch)], device=device))[0])
    total = torch.zeros(2, device=device)
    for row in range(0, n, micro):
        with gradients(run.forward, is_last=row + micro >= n):
            loss, right = run.loss(batch.rows(row, min(n, row + micro)))
            # Gradients are averaged over processes, but the loss is a mean over what all of them hold.
            (loss * (run.scale * run.world.size / n_losses)).backward()
        total += torch.stack([loss.detach(), right])
    if run.scale != 1.0:
        for parameter in run.model.parameters():
            if parameter.grad is not None:
                parameter.grad /= run.scale
    heard = torch.tensor([float(signal_number == number) for number in STOPPING], device=device)
    loss_sum, right_sum, *signals = run.world.sum(torch.cat([total, heard]))
    stopped = next((number for number, n in zip(STOPPING, signals, strict=True) if n), 0)
    return loss_sum / n_losses, right_sum / n_losses, stopped


def next_scale(run: Run, why: str | None) -> float:
    """The scale of the next step: halved when gradients overflowed, doubled now and then."""
    if run.settings.precision != "float16":
        return 1.0
    if why == "not finite":
        return max(1.0, run.scale / 2)
    return min(LARGEST_SCALE, run.scale * 2) if (run.step + 1) % STEPS_TO_DOUBLE == 0 else run.scale


def note(run: Run, batch: Batch, seconds: float, fields: dict[str, float], right: float) -> None:
    """Log a step, and print some of them."""
    rate = batch.tokens.size * run.world.size / seconds
    peak = peak_flops(run.settings.peak_tflops, run.world.device)
    flops = flops_per_token(run.model.shape, len(run.model.embed_tokens.weight), batch.tokens.shape[1])
    more = {} if peak is None else {"mfu": round(rate * flops / (peak * run.world.size), 4)}
    more |= {} if run.reference is None else {"accuracy": right}
    run.log.record("update", run.step, **fields, tokens_per_second=round(rate), **more)
    if run.step % SAY_EVERY == 0 or run.step == run.settings.steps:
        said = "".join(f"  {name} {value:.3f}" for name, value in more.items())
        run.say(
            f"step {run.step}/{run.settings.steps}  loss {fields['loss']:.4f}  norm {fields['grad_norm']:.3f}"
            f"  {rate:,.0f} tokens/s{said}"
        )


def skip(run: Run, why: str, loss: float, norm: float) -> None:
    """Tell of a step that changed nothing, with the first documents behind it. Raises ContractError after too many."""
    documents = [row["doc_id"] for row in islice(run.stream.trace(run.step - 1), SKIPPED_DOCUMENTS)]
    run.log.record("skipped", run.step, why=why, loss=str(loss), grad_norm=str(norm), documents=documents)
    run.say(f"step {run.step} skipped: {why} (loss {loss}, norm {norm}); weights and optimizer are as before")
    if run.guard.in_a_row >= run.settings.skip.stop_after:
        hint = f"lower optimizer.lr, or look at what was read: gristmill-train which-docs --step {run.step}"
        raise ContractError(f"{run.guard.in_a_row} steps in a row were skipped, the last for: {why}", hint)


def evaluate(run: Run) -> Score | None:
    """Print and log the held-out scores per source; that of all sources together, None without a val split."""
    if run.reference is not None:
        scores = preferred(run.data.val, run.settings, run.loss)
    else:
        run.model.eval()
        scores = held_out(run.forward, run.data.val, run.settings, run.world.device)
        run.model.train()
    by_source = together(scores, 0)
    run.log.record("held_out", run.step, sources={name: score.as_json() for name, score in by_source.items()})
    for name in run.data.val.sources:
        run.say(f"held out after step {run.step}: {name}: {by_source.get(name, 'too small for one sequence')}")
    return sum(by_source.values(), Score()) if by_source else None


def conclude(run: Run, yardstick: Score | None) -> None:
    score = evaluate(run)
    if score is None or yardstick is None:
        run.say("no held-out sequence to compare with" if score is None else f"held out: {score}")
        return
    relation = "below" if score.loss < yardstick.loss else "NOT below"
    run.log.record("end", run.step, held_out=score.as_json(), below_unigram=score.loss < yardstick.loss)
    run.say(f"held-out loss {score}: {relation} the unigram entropy, {yardstick}")


def checkpoints(settings: Settings) -> Path:
    return Path(settings.output) / "checkpoints"


def save(run: Run) -> None:
    """Begin a checkpoint, unless that of this step is there."""
    if run.saved != run.step:
        run.saver.save(run.step, run.model, run.optimizers, {"guard": run.guard.state, "scale": run.scale})
        run.saved = run.step


def resume(run: Run) -> None:
    mine = identity(run.settings, run.data, run.model)
    found = checkpoint.find(checkpoints(run.settings), mine, run.say) if run.world.is_first else None
    found = run.world.agree(found)
    if found is None:
        return
    found.load_into(run.model, run.optimizers)
    run.guard.load(found.extra["guard"])
    run.step, run.saved, run.scale = found.step, found.step, found.extra["scale"]
    run.say(f"resumed after step {run.step}")


def load_model(settings: Settings, data: DataSet, say: Callable[[str], None]) -> Llama:
    """The model of the newest sound checkpoint. Raises InputError where there is none."""
    model = build(settings, data.manifest.tokenizer.vocab_size)
    checkpoint.find_existing(checkpoints(settings), identity(settings, data, model), say).load_into(model, [])
    return model


STOPPING = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """A list that SIGTERM and SIGINT append their number to, instead of ending the process."""
    received: list[int] = []
    before = {number: signal.signal(number, lambda n, _: received.append(n)) for number in STOPPING}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
