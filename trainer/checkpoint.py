"""Checkpoints that are whole or not there: written aside, synced, digested, renamed, verified when they are read.

    checkpoints/LATEST                  name of the newest
    checkpoints/step-00000300/          state.pt (weights and optimizer), manifest.json (step, identity, SHA-256)

A damaged checkpoint is passed over for the one before it, aloud. The identity says which run this is: shards, order,
shape. Nothing else is needed to go on exactly: the order of training has no state but the step.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from udfs.errors import ContractError, GristmillError, InputError, OutputError

FORMAT = {"format": "gristmill-checkpoint", "version": 1}


@dataclass(frozen=True)
class Checkpoint:
    """`state` holds the state_dict of "model" and of "optimizer", on the CPU."""

    step: int
    identity: dict[str, Any]
    state: dict[str, Any]


def save(folder: Path, checkpoint: Checkpoint, keep: int) -> Path:
    """The folder of the checkpoint, after it was committed and all but the `keep` newest were removed. Raises
    OutputError; what was there before is then still there."""
    target = folder / f"step-{checkpoint.step:08d}"
    aside = folder / f".{target.name}"
    try:
        _write(aside, checkpoint)
        shutil.rmtree(target, ignore_errors=True)  # the same step, or one that was damaged and passed over
        aside.rename(target)
        (folder / ".LATEST").write_text(target.name)
        _sync(folder / ".LATEST")
        (folder / ".LATEST").replace(folder / "LATEST")
        _sync(folder)
        _prune(folder, target, keep)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
        shutil.rmtree(aside, ignore_errors=True)
        hint = "free space, or choose another output folder"
        raise OutputError(f"{target}: the checkpoint cannot be written: {error}", hint) from error
    return target


def _write(folder: Path, checkpoint: Checkpoint) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    torch.save(checkpoint.state, folder / "state.pt")
    digests = {"state.pt": _digest(folder / "state.pt")}
    manifest = {**FORMAT, "step": checkpoint.step, "identity": checkpoint.identity, "files": digests}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1))
    for path in (folder / "state.pt", folder / "manifest.json", folder):
        _sync(path)


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
    for path in {*folder.glob("step-*"), *folder.glob(".step-*")} - set(earlier[-keep:]):
        shutil.rmtree(path)


def load(folder: Path, identity: dict[str, Any], say: Callable[[str], None]) -> Checkpoint | None:
    """The newest sound checkpoint, or None where there has never been one. `say` hears of every damaged one. Raises
    ContractError where all are damaged, or the sound one is of another run."""
    names = _newest_first(folder)
    for name in names:
        try:
            checkpoint = _read(folder / name)
        except GristmillError as error:
            say(f"{error.reason}; falling back to the checkpoint before it")
            continue
        _check_identity(folder / name, checkpoint.identity, identity)
        return checkpoint
    if names:
        hint = "restore them from a copy, or train into another output folder"
        raise ContractError(f"{folder}: none of the {len(names)} checkpoints is sound", hint)
    return None


def load_existing(folder: Path, identity: dict[str, Any], say: Callable[[str], None]) -> Checkpoint:
    """As `load`; raises InputError where there is no checkpoint."""
    checkpoint = load(folder, identity, say)
    if checkpoint is None:
        raise InputError(f"{folder}: there is no checkpoint", "run gristmill-train train first")
    return checkpoint


def _newest_first(folder: Path) -> list[str]:
    """What LATEST names, there or not, then the others."""
    names = sorted((path.name for path in folder.glob("step-*")), reverse=True)
    latest = folder / "LATEST"
    named = [latest.read_text().strip()] if latest.exists() else []
    return named + [name for name in names if name not in named]


def _read(folder: Path) -> Checkpoint:
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        step, identity, expected = manifest["step"], manifest["identity"], manifest["files"]["state.pt"]
        found = _digest(folder / "state.pt")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ContractError(f"{folder}: not a whole checkpoint: {error!r}") from error
    if {key: manifest.get(key) for key in FORMAT} != FORMAT or found != expected:
        raise ContractError(f"{folder}: found state.pt with {found}, the manifest says {expected}")
    return Checkpoint(step, identity, torch.load(folder / "state.pt", map_location="cpu", weights_only=True))


def _check_identity(place: Path, found: dict[str, Any], expected: dict[str, Any]) -> None:
    different = [key for key in expected if found.get(key) != expected[key]]
    if different:
        lines = "; ".join(f"{key} {found.get(key)}, now {expected[key]}" for key in different)
        hint = "go on with the shards and settings it was made with, or train into another output folder"
        raise ContractError(f"{place}: the checkpoint belongs to another run: {lines}", hint)
