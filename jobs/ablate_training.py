"""The trainings of an ablation: what each is told, the processes that run them side by side, and how long they take.

Each stands in a folder named by the digest of all that its result depends on, so arms with the same shards share one,
ablations of a run share theirs, and what is there already is not made again. The trainer is a program of its own here:
it is given a settings file and leaves files. One thread for each, which on a CPU makes the numbers the same every time.
"""

import hashlib
import importlib.metadata
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from pipelines.ablation import AblateSettings
from pipelines.run import Json
from pipelines.versions import sources_digest
from udfs.errors import ContractError, UsageError

SECONDS_BETWEEN_LOOKS = 0.5
START_SECONDS = 6.0
"""Of a process of the trainer until its first step: torch, shards and their digests."""
SCORING_SHARE = 1 / 3
"""Of the work of a training token is that of a scored one: forward only."""
LOG_LINES = 15


@dataclass(frozen=True)
class Budget:
    """A model by its preset, and the tokens that it is trained with."""

    model: str
    tokens: int

    def __str__(self) -> str:
        return f"{self.model}, {self.tokens:,} tokens"


@dataclass(frozen=True)
class Training:
    arm: str
    budget: Budget
    seed: int
    folder: Path
    settings: Json

    @property
    def steps(self) -> int:
        return self.settings["phases"][0]["steps"]

    @property
    def file(self) -> Path:
        return self.folder / "train.json"

    def scores(self, held_out_sha256: str) -> Path:
        """Where the scores on a held-out set stand once they are made."""
        return self.folder / f"scores-{held_out_sha256[:16]}-{self.settings['held_out']['windows']}.json"

    def steps_done(self) -> int:
        """By its log, which a resumed training goes on writing."""
        try:
            lines = (self.folder / "log.jsonl").read_bytes().splitlines()
            return max((json.loads(line)["step"] for line in lines[-3:]), default=0)
        except (OSError, ValueError, KeyError):
            return 0  # not begun, or a line is just being written


def training(root: Path, arm: str, shards: str, content_sha256: str, told: Json, budget: Budget) -> Training:
    """A training of the shards with this content; `told`: its settings without places."""
    versions = {"sources": sources_digest(("trainer",)), "torch": torch_version()}
    identity = {"settings": told, "content_sha256": content_sha256, "versions": versions}
    key = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]
    folder = root / key
    return Training(arm, budget, told["seed"], folder, {**told, "shards": shards, "output": str(folder)})


def torch_version() -> str:
    """Raises UsageError where torch is not installed; it is not imported here."""
    try:
        return importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        raise UsageError(
            "ablations train models, and torch is not installed", "pip install 'gristmill[trainer]'"
        ) from None


def settings_of(budget: Budget, seed: int, ablate: AblateSettings) -> Json:
    """What the trainer is told beside places; the order of the sequences has a seed of its own, which is fixed."""
    steps = max(1, budget.tokens // (ablate.seq_len * ablate.sequences))
    return {
        "seed": seed,
        "order_seed": 0,
        "seq_len": ablate.seq_len,
        "model": {"preset": budget.model},
        "phases": [{"steps": steps}],
        "batch": {"sequences": ablate.sequences, "micro_sequences": ablate.sequences},
        "optimizer": {"lr": ablate.lr, "warmup_steps": max(1, steps // 10)},
        "held_out": {"every": steps, "windows": ablate.windows},
        "checkpoints": {"every": max(1, steps // 4)},
    }


def n_at_once(ablate: AblateSettings) -> int:
    return ablate.at_once or len(os.sched_getaffinity(0))


def train_and_score(
    trainings: Sequence[Training], held_out: str, held_out_sha256: str, at_once: int, console: Console
) -> None:
    """Train and score what is not scored yet. Raises ContractError where a process fails."""
    distinct = {one.folder: one for one in trainings}.values()
    waiting = [one for one in distinct if not one.scores(held_out_sha256).exists()]
    for one in waiting:
        one.folder.mkdir(parents=True, exist_ok=True)
        one.file.write_text(json.dumps(one.settings, indent=1))
    console.print(f"  {len(waiting)} of {len(distinct)} models are to be trained, {at_once} at once")
    with progress(waiting, console) as tell:
        run_all([(one, ("train",)) for one in waiting], at_once, tell)
    scored = [(one, ("score", "--on", held_out, "--output", str(one.scores(held_out_sha256)))) for one in waiting]
    run_all(scored, at_once, lambda ended, left: None)


Tell = Callable[[Training | None, int], None]
"""Hears which training has just ended, or None, and how many are left."""


def run_all(tasks: Iterable[tuple[Training, tuple[str, ...]]], at_once: int, tell: Tell) -> None:
    """Run a command of the trainer for each, some at once. However this ends, no process of it is left: one that is
    stopped writes a checkpoint first."""
    waiting = list(tasks)
    running: list[tuple[Training, subprocess.Popen[bytes]]] = []
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                running.append(start(*waiting.pop(0)))
            time.sleep(SECONDS_BETWEEN_LOOKS)
            for one, process in [pair for pair in running if pair[1].poll() is not None]:
                running.remove((one, process))
                check(one, process.returncode)
                tell(one, len(waiting) + len(running))
            tell(None, len(waiting) + len(running))
    finally:
        for _, process in running:
            process.terminate()
        for _, process in running:
            process.wait()


def start(one: Training, command: tuple[str, ...]) -> tuple[Training, "subprocess.Popen[bytes]"]:
    words = [sys.executable, "-m", "trainer", command[0], "--settings", str(one.file), *command[1:]]
    with (one.folder / "output.log").open("ab") as log:
        return one, subprocess.Popen(words, stdout=log, stderr=log, env={**os.environ, "OMP_NUM_THREADS": "1"})


def check(one: Training, code: int) -> None:
    if code:
        log = one.folder / "output.log"
        said = "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES:])
        raise ContractError(f"the training of {one.arm}, seed {one.seed}, ended with {code}:\n{said}", f"see {log}")


@contextmanager
def progress(trainings: Sequence[Training], console: Console) -> Iterator[Tell]:
    """Tells of steps made and time left: as a bar on a terminal, elsewhere in a line for each training that ends."""
    total = sum(one.steps for one in trainings)
    began, before = time.monotonic(), sum(one.steps_done() for one in trainings)
    columns = (TextColumn("  training"), BarColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        bar = bars.add_task("", total=total)

        def tell(ended: Training | None, left: int) -> None:
            done = sum(one.steps_done() for one in trainings)
            seconds = time.monotonic() - began
            said = f"{done:,} of {total:,} steps"
            if done > before:
                said += f", about {minutes(seconds * (total - done) / (done - before))} left"
            bars.update(bar, completed=done, description=said)
            if ended and not console.is_terminal:
                console.print(f"  trained {ended.arm}, {ended.budget}, seed {ended.seed}; {left} to go: {said}")

        yield tell


def minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def measured_rate(root: Path, shards: str, told: Json) -> float:
    """Tokens per second of one training alone on this machine, by a few steps of it. Raises ContractError."""
    folder = root / "speed"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "train.json"
    file.write_text(json.dumps({**told, "shards": shards, "output": str(folder)}))
    words = [sys.executable, "-m", "trainer", "plan", "--measure", "--settings", str(file)]
    found = subprocess.run(words, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False)
    if found.returncode:
        raise ContractError(f"gristmill-train plan ended with {found.returncode}: {found.stderr.decode()[-500:]}")
    return json.loads(found.stdout)["tokens_per_second"]


def foreseen_seconds(n_tokens: int, n_scored: int, n_trainings: int, rate: float, at_once: int) -> float:
    """Of trainings of `n_tokens` in all, that score `n_scored` in all."""
    return (n_trainings * 2 * START_SECONDS + (n_tokens + SCORING_SHARE * n_scored) / rate) / at_once
