"""Checkpoints that are whole or not there: written aside, synced, digested, renamed, verified when they are read.

    checkpoints/LATEST                  name of the newest
    checkpoints/step-00000300/          torch's distributed format: weights and optimizer, a file or more a process;
                                        manifest.json (step, identity, extra, SHA-256 of each file)

Tensors are copied while training waits and written while it goes on. A damaged checkpoint is passed over for the one
before it, aloud. The identity says which run this is: shards, order, shape. Slices are put together again when they are
read, so another number of processes can go on. Nothing else is needed to go on exactly: the order of training has no
state but the step.
"""

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch.distributed as dist
from torch import nn
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import async_save
from torch.optim import Optimizer

from trainer.parallel import World
from udfs.errors import ContractError, GristmillError, InputError, OutputError

warnings.filterwarnings("ignore", "torch.distributed is disabled")  # a process that is alone writes alone

FORMAT = {"format": "gristmill-checkpoint", "version": 2}


@dataclass(frozen=True)
class Checkpoint:
    """A sound one: its folder, and what stands in its manifest. `extra` is small, as JSON has it."""

    folder: Path
    step: int
    identity: dict[str, Any]
    extra: dict[str, Any]

    def load_into(self, model: nn.Module, optimizers: list[Optimizer]) -> None:
        """Set weights and optimizer state, sliced as the model is; without optimizers the weights only."""
        weights, optimizer_state = get_state_dict(model, optimizers)
        state = {"model": weights, "optimizer": optimizer_state.get("state", {})}
        if not optimizers:
            del state["optimizer"]
        load(state, checkpoint_id=self.folder, no_dist=not dist.is_initialized())
        set_state_dict(model, optimizers, model_state_dict=weights, optim_state_dict=optimizer_state)


class Saver:
    """Writes checkpoints of a run, one at a time, behind the training."""

    def __init__(self, folder: Path, keep: int, identity: dict[str, Any], world: World) -> None:
        self._folder, self._keep, self._identity, self._world = folder, keep, identity, world
        # Of its own: the writing must not wait for, nor mix with, what training sends between processes.
        self._group: Any = dist.new_group(backend="gloo") if world.size > 1 else None
        self._thread = ThreadPoolExecutor(1)
        self._pending: Future[None] | None = None

    def save(self, step: int, model: nn.Module, optimizers: list[Optimizer], extra: dict[str, Any]) -> None:
        """Begin to write; what was begun before is finished first. Raises OutputError, as `wait` does."""
        self.wait()
        aside = self._folder / f".step-{step:08d}"
        if self._world.is_first:
            with _output_errors(aside):
                shutil.rmtree(aside, ignore_errors=True)
                aside.mkdir(parents=True)
        self._world.barrier()
        weights, optimizer_state = get_state_dict(model, optimizers)
        state = {"model": weights, "optimizer": optimizer_state["state"]}
        written: Any = async_save(state, checkpoint_id=aside, process_group=self._group, no_dist=self._world.size == 1)
        self._pending = self._thread.submit(self._finish, written, aside, step, extra)

    def _finish(self, written: Future[Any], aside: Path, step: int, extra: dict[str, Any]) -> None:
        with _output_errors(aside):
            written.result()
            if self._world.is_first:  # torch has heard from every process before the first one is done
                manifest = {**FORMAT, "step": step, "identity": self._identity, "extra": extra}
                commit(self._folder, aside, manifest, self._keep)

    def wait(self) -> None:
        """Until what was begun is committed. Raises OutputError where it cannot be; the one before is still there."""
        pending, self._pending = self._pending, None
        if pending:
            pending.result()
            self._world.barrier()


class _output_errors:  # noqa: N801 - reads as a function
    """Errors of writing, as OutputError; what was written aside is removed."""

    def __init__(self, aside: Path) -> None:
        self._aside = aside

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        # torch reports a full disk as a RuntimeError, or wraps it in an exception of its own
        if error is not None and not isinstance(error, GristmillError):
            shutil.rmtree(self._aside, ignore_errors=True)
            hint = "free space, or choose another output folder"
            raise OutputError(f"{self._aside}: the checkpoint cannot be written: {error}", hint) from error


def commit(folder: Path, aside: Path, manifest: dict[str, Any], keep: int) -> Path:
    """Make what stands aside the newest checkpoint, and remove all but the `keep` newest."""
    manifest |= {"files": {path.name: _digest(path) for path in sorted(aside.iterdir())}}
    (aside / "manifest.json").write_text(json.dumps(manifest | {"sha256": _digest_of(manifest)}, indent=1))
    for path in (*aside.iterdir(), aside):
        _sync(path)
    target = folder / aside.name.removeprefix(".")
    if target.exists():  # damaged, or it would have been resumed from: nothing is lost with it
        shutil.rmtree(target)
    aside.rename(target)
    (folder / ".LATEST").write_text(target.name)
    _sync(folder / ".LATEST")
    (folder / ".LATEST").replace(folder / "LATEST")
    _sync(folder)
    _prune(folder, target, keep)
    return target


def _digest_of(manifest: dict[str, Any]) -> str:
    """Of all it says but this."""
    said = {key: value for key, value in manifest.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _digest(path: Path) -> dict[str, Any]:
    with path.open("rb") as stream:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(stream, "sha256").hexdigest()}


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _prune(folder: Path, newest: Path, keep: int) -> None:
    """Leave `newest` and the keep - 1 before it; later ones were passed over as damaged."""
    earlier = sorted(path for path in folder.glob("step-*") if path.name <= newest.name)
    for path in sorted({*folder.glob("step-*"), *folder.glob(".step-*")} - set(earlier[-keep:])):
        shutil.rmtree(path)


def find(folder: Path, identity: dict[str, Any], say: Callable[[str], None]) -> Checkpoint | None:
    """The newest sound checkpoint, or None where there has never been one. `say` hears of every damaged one. Raises
    ContractError where all are damaged, or the sound one is of another run."""
    names = _newest_first(folder)
    for name in names:
        try:
            checkpoint = read(folder / name)
        except GristmillError as error:
            say(f"{error.reason}; falling back to the checkpoint before it")
            continue
        _check_identity(folder / name, checkpoint.identity, identity)
        return checkpoint
    if names:
        hint = "restore them from a copy, or train into another output folder"
        raise ContractError(f"{folder}: none of the {len(names)} checkpoints is sound", hint)
    return None


def find_existing(folder: Path, identity: dict[str, Any], say: Callable[[str], None]) -> Checkpoint:
    """As `find`; raises InputError where there is no checkpoint."""
    checkpoint = find(folder, identity, say)
    if checkpoint is None:
        raise InputError(f"{folder}: there is no checkpoint", "run gristmill-train train first")
    return checkpoint


def _newest_first(folder: Path) -> list[str]:
    """What LATEST names, there or not, then the others."""
    names = sorted((path.name for path in folder.glob("step-*")), reverse=True)
    latest = folder / "LATEST"
    named = [latest.read_text(errors="replace").strip()] if latest.exists() else []
    return named + [name for name in names if name not in named]


def read(folder: Path) -> Checkpoint:
    """The checkpoint in a folder, every byte of it compared with its manifest. Raises ContractError."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        checkpoint = Checkpoint(folder, manifest["step"], manifest["identity"], manifest["extra"])
        expected, is_itself = dict(manifest["files"]), manifest["sha256"] == _digest_of(manifest)
        found = {name: _digest(folder / name) for name in expected}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ContractError(f"{folder}: not a whole checkpoint: {error!r}") from error
    if {key: manifest.get(key) for key in FORMAT} != FORMAT or not is_itself:
        raise ContractError(f"{folder}/manifest.json: damaged, or not of {FORMAT}")
    wrong = sorted(name for name in expected if found[name] != expected[name])
    if wrong:
        raise ContractError(
            f"{folder}: found {wrong[0]} with {found[wrong[0]]}, the manifest says {expected[wrong[0]]}"
        )
    return checkpoint


def _check_identity(place: Path, found: dict[str, Any], expected: dict[str, Any]) -> None:
    different = [key for key in expected if found.get(key) != expected[key]]
    if different:
        lines = "; ".join(f"{key} {found.get(key)}, now {expected[key]}" for key in different)
        hint = "go on with the shards and settings it was made with, or train into another output folder"
        raise ContractError(f"{place}: the checkpoint belongs to another run: {lines}", hint)
