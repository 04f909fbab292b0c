"""`gristmill ablate`: does the cleaning help? Variants of a run are packed, small models trained on them and compared.

Order of work: held-out text, then filter ... pack of each arm on what the run has measured, then the trainings, then
the result. What is there already from an earlier call, killed or finished, is not made again; the result depends on
nothing else.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import SparkSession
from rich.console import Console

from jobs.ablate_arms import Arm, arms_of
from jobs.ablate_result import ArmResult, result_of
from jobs.ablate_training import (
    Budget,
    Training,
    foreseen_seconds,
    measured_rate,
    minutes,
    n_at_once,
    settings_of,
    torch_version,
    train_and_score,
    training,
)
from jobs.progress import Stopwatch
from jobs.session import lazy_session
from jobs.settings import Settings
from jobs.stages import STAGES
from pipelines.ablation import MEASURED, RESULT, ArmRun, ablation_path
from pipelines.hold_out import HOLD_OUT, PASSAGES, TEXT
from pipelines.lock import exclusive
from pipelines.run import Json, Run
from pipelines.stage import execute, open_table, prepare
from udfs import files
from udfs.errors import UsageError
from udfs.shards import Manifest, read_manifest

TRAININGS = "trainings"
ARM_STAGES = ("filter", "dedup", "decontaminate", "refine", "train_tokenizer", "pack")
OF_RUN = (*MEASURED, "filter", "dedup", "decontaminate", "refine", "train_tokenizer")


@dataclass(frozen=True)
class Work:
    """What is at hand while an ablation is made."""

    settings: Settings
    run: Run
    session: Callable[[], SparkSession]
    command: str
    console: Console

    def path(self, *names: str) -> str:
        return ablation_path(self.run, self.settings.ablate.name, *names)

    @property
    def trainings(self) -> Path:
        return Path(files.locate(ablation_path(self.run, TRAININGS))[1])

    @property
    def budgets(self) -> list[Budget]:
        ablate = self.settings.ablate
        return [Budget(model, tokens) for model in ablate.models for tokens in ablate.tokens]

    @property
    def seeds(self) -> range:
        return range(1, self.settings.ablate.seeds + 1)


def ablate(settings: Settings, command: str, console: Console) -> Json:
    """Make all that is missing of the ablation, write its result beside the run, and return it."""
    work = begin(settings, command, console)
    with exclusive(Run(ablation_path(work.run)), command):
        held_out = make_held_out(work)
        made = [made_arm(arm, work) for arm in arms(work)]
        every = [one for arm in made for one in arm.trainings]
        sha256 = read_manifest(held_out).content_sha256
        foresee(work, every, sha256)
        train_and_score(every, held_out, sha256, n_at_once(settings.ablate), console)
        result = result_of(settings.ablate, made, sha256, digests(work, held_out))
        files.write_bytes(work.path(RESULT), json.dumps(result, indent=1, ensure_ascii=False).encode())
    return result


def begin(settings: Settings, command: str, console: Console) -> Work:
    """Raises UsageError where the run is not on this machine or torch is not installed, InputError where the run is not
    ready."""
    run = Run(settings.output)
    torch_version()
    if not files.is_local(files.locate(run.root)[0]):
        raise UsageError(f"{run.root}: models are trained in a local folder", "copy the run here, or a part of it")
    if settings.ablate.name == TRAININGS:
        raise UsageError(f"ablate.name: {TRAININGS!r} is the folder of all trainings", "choose another name")
    for table in ("documents", "signals", "tokenizer"):
        open_table(run, table)
    return Work(settings, run, lazy_session("gristmill ablate", settings.spark), command, console)


def make_held_out(work: Work) -> str:
    """The folder of the held-out shards."""
    root = ArmRun(work.path(), work.run, OF_RUN)
    ran = execute(HOLD_OUT, root, work.settings, work.session, work.command)
    work.console.print(f"  {'held-out text':<24} {'done' if ran else 'nothing to do'}")
    return root.path("held_out")


def arms(work: Work) -> list[Arm]:
    tokenizer = {file.path for file in open_table(work.run, "tokenizer").files}
    kind = "sentencepiece" if "tokenizer.model" in tokenizer else "bpe"
    return arms_of(work.settings, work.run, work.path(TEXT, PASSAGES), kind)


def made_arm(arm: Arm, work: Work) -> ArmResult:
    """The arm packed, and its trainings, which may not be there yet."""
    run = pack_arm(arm, work)
    return ArmResult(arm.name, arm.changes, read_manifest(run.path("shards")), trainings_of(arm, run, work))


def pack_arm(arm: Arm, work: Work) -> ArmRun:
    """The arm's run directory, with its shards. A stage whose result the run itself has is taken from there."""
    run = ArmRun(work.path("arms", arm.name), work.run, MEASURED)
    watch, n_ran = Stopwatch(), 0
    for name in ARM_STAGES:
        stage, settings = STAGES[name], arm.of_stage(name, work.settings)
        job, _ = prepare(stage, run, settings, work.session, run.committed(name))
        own = work.run.committed(name)
        if own and own.key == job.key and work.run.missing_file(own) is None:
            run.stages.add(name)
            continue
        n_ran += execute(stage, run, settings, work.session, work.command)
    tokens = read_manifest(run.path("shards")).totals["n_tokens"]
    state = f"packed in {watch}" if n_ran else "nothing to do"
    work.console.print(f"  {arm.name:<24} {state}, {tokens:,} tokens", markup=False)
    return run


def trainings_of(arm: Arm, run: Run, work: Work) -> list[Training]:
    """Every training of an arm. Raises UsageError where it has too little text for one sequence."""
    manifest, ablate = read_manifest(run.path("shards")), work.settings.ablate
    if n_trainable(manifest) <= ablate.seq_len:
        reason = f"ablate.arms: {arm.name} keeps {n_trainable(manifest):,} tokens, a sequence has {ablate.seq_len}"
        raise UsageError(reason, "leave the arm out, or lower ablate.seq_len")
    sha256, shards = manifest.content_sha256, str(Path(run.path("shards")).resolve())
    return [
        training(work.trainings.resolve(), arm.name, shards, sha256, settings_of(budget, seed, ablate), budget)
        for budget in work.budgets
        for seed in work.seeds
    ]


def n_trainable(manifest: Manifest) -> int:
    """Tokens of the largest training shard."""
    shards = (shard for of_source in manifest.splits.get("train", {}).values() for shard in of_source)
    return max((shard.n_tokens for shard in shards), default=0)


def foresee(work: Work, trainings: list[Training], held_out_sha256: str) -> None:
    """Say how long the trainings will take that are not there yet."""
    left = {one.folder: one for one in trainings if not one.scores(held_out_sha256).exists()}
    if left:
        shards = next(iter(left.values())).settings["shards"]
        say_time(work, shards, [one.budget for one in left.values()])


def say_time(work: Work, shards: str, budgets: list[Budget]) -> None:
    """Print what trainings of these budgets will take, by a few steps of each model on these shards."""
    ablate, seconds = work.settings.ablate, 0.0
    at_once = n_at_once(ablate)
    for model in dict.fromkeys(budget.model for budget in budgets):
        tokens = [budget.tokens for budget in budgets if budget.model == model]
        rate = measured_rate(work.trainings, shards, settings_of(Budget(model, tokens[0]), 1, ablate))
        n_scored = len(tokens) * ablate.windows * ablate.seq_len * max(1, len(ablate.held_out))
        seconds += foreseen_seconds(sum(tokens), n_scored, len(tokens), rate, at_once)
        work.console.print(f"  {model}: {rate:,.0f} tokens a second here, one alone; {len(tokens)} trainings")
    work.console.print(f"  about {minutes(seconds)} of training, {at_once} at once")


def plan(settings: Settings, command: str, console: Console) -> None:
    """Print the arms and how long their trainings will take; make nothing but a few timed steps."""
    work = begin(settings, command, console)
    open_table(work.run, "shards")
    for arm in arms(work):
        console.print(f"  {arm.name:<24} {'; '.join(arm.changes) or 'the run as it is'}", markup=False)
    n = len(arms(work)) * settings.ablate.seeds
    say_time(work, str(Path(work.run.path("shards")).resolve()), [b for b in work.budgets for _ in range(n)])


def digests(work: Work, held_out: str) -> Json:
    """What the result was made from."""
    tables = {name: open_table(work.run, name).digest for name in ("documents", "signals")}
    manifest = read_manifest(held_out)
    return {**tables, "tokenizer": manifest.tokenizer.sha256, "held_out": manifest.content_sha256}
