"""Several processes on one machine: the same training as in one, however it is shared, killed and resumed."""
# ruff: noqa: E402, SIM115 - torch is imported after the check for it; a fork keeps its files open

import json
import os
import random
import signal
import socket
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'gristmill[trainer]'")

from trainer import loop
from trainer.__main__ import entry

assert loop  # imported before processes are forked
STEPS = 20
LONG = ["phases=[{steps: 20}]", "batch={sequences: 8, micro_sequences: 2}", "checkpoints.every=4", "held_out.every=100"]


@dataclass
class Process:
    """A process of a run: a fork of this one, so that torch is not imported again."""

    pid: int
    said: Path

    def kill(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def launch(settings: Path, output: Path, n: int, *overrides: str) -> list[Process]:
    """Start the training command in n processes, as torchrun would."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    world = {"WORLD_SIZE": str(n), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    changes = [f"--set={change}" for change in (*LONG, f"output={output}", *overrides)]
    arguments = ["gristmill-train", "train", "--settings", str(settings), *changes]
    output.mkdir(exist_ok=True)
    started = []
    for rank in range(n):
        said = output / f"said-{rank}"
        pid = os.fork()
        if not pid:
            os.environ.update(world | {"RANK": str(rank), "LOCAL_RANK": str(rank)} if n > 1 else {})
            run_command(arguments, said)
        started.append(Process(pid, said))
    return started


def run_command(arguments: list[str], said: Path) -> NoReturn:
    """Be that command, and end."""
    code = 70
    try:
        file = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, 1)
        os.dup2(file, 2)
        sys.argv, sys.stdout, sys.stderr = arguments, open(1, "w", closefd=False), open(2, "w", closefd=False)
        torch.set_num_threads(1)
        entry()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    os._exit(code)


def train(settings: Path, output: Path, n: int, *overrides: str) -> str:
    """What the first process said, after all have ended well."""
    processes = launch(settings, output, n, *overrides)
    assert [process.wait() for process in processes] == [0] * n, processes[0].said.read_text()[-2000:]
    return processes[0].said.read_text()


def curve(output: Path) -> list[tuple[float, float]]:
    """Loss and gradient norm of each step; the last word on a step holds."""
    lines = map(json.loads, (output / "log.jsonl").read_text().splitlines())
    found = {line["step"]: (line["loss"], line["grad_norm"]) for line in lines if line["event"] == "update"}
    assert sorted(found) == list(range(1, STEPS + 1))
    return [found[step] for step in sorted(found)]


def close(found: list[tuple[float, float]], expected: list[tuple[float, float]]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, rel=2e-3)


@pytest.fixture(scope="module")
def alone(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[float, float]]]:
    """Settings of the small run, and its curve in one process."""
    from conftest import SETTINGS  # pyright: ignore[reportMissingImports]

    folder = tmp_path_factory.mktemp("alone")
    settings = folder / "train.yaml"
    settings.write_text(f"shards: {shards}\noutput: {folder / 'unused'}\n{SETTINGS}")
    train(settings, folder / "one", 1)
    return settings, curve(folder / "one")


Alone = tuple[Path, list[tuple[float, float]]]


@pytest.mark.parametrize(("parallel", "n"), [("ddp", 2), ("zero2", 2), ("zero3", 2), ("ddp", 4), ("zero3", 4)])
def test_twenty_steps_are_the_same_however_they_are_shared(alone: Alone, tmp_path: Path, parallel: str, n: int) -> None:
    settings, expected = alone
    train(settings, tmp_path / "out", n, f"parallel={parallel}", f"batch.micro_sequences={max(1, 2 // n)}")
    close(curve(tmp_path / "out"), expected)


def test_muon_is_the_same_when_its_matrices_are_sliced(alone: Alone, tmp_path: Path) -> None:
    settings, _ = alone
    for n in (1, 2):
        train(settings, tmp_path / str(n), n, "parallel=zero3", "optimizer={kind: muon, lr: 3.0e-3, warmup_steps: 2}")
    for one, other in zip(curve(tmp_path / "1"), curve(tmp_path / "2"), strict=True):
        assert one[0] == pytest.approx(other[0], rel=0.02)  # its iteration is in bfloat16


def kill_at(processes: list[Process], log: Path, step: int, number: int) -> None:
    """Signal these processes once the log has the step, or has ended."""
    until = time.monotonic() + 120
    while time.monotonic() < until and f'"update", "step": {step},' not in (log.read_text() if log.exists() else ""):
        time.sleep(0.001)
    for process in processes:
        process.kill(number)


def test_a_killed_run_goes_on_at_any_number_of_processes(alone: Alone, tmp_path: Path) -> None:
    """Killed at two, resumed at four, killed, resumed at one, killed, and ended at two: the curve is that of one."""
    settings, expected = alone
    out = tmp_path / "out"
    for n, parallel, step in [(2, "zero3", 6), (4, "zero3", 10), (1, "ddp", 14)]:
        processes = launch(settings, out, n, f"parallel={parallel}", f"batch.micro_sequences={max(1, 2 // n)}")
        kill_at(processes, out / "log.jsonl", step, signal.SIGKILL)
        assert {process.wait() for process in processes} <= {-signal.SIGKILL, 0}
    assert "resumed after step" in train(settings, out, 2)
    close(curve(out), expected)


def test_sigterm_to_one_of_several_stops_all_after_a_checkpoint(alone: Alone, tmp_path: Path) -> None:
    settings, expected = alone
    processes = launch(settings, tmp_path / "out", 2)
    kill_at(processes[1:], tmp_path / "out/log.jsonl", 3, signal.SIGTERM)
    assert [process.wait() for process in processes] == [143, 143]
    assert "stopped by signal 15" in processes[0].said.read_text()
    assert "resumed after step" in train(settings, tmp_path / "out", 2)
    close(curve(tmp_path / "out"), expected)


@pytest.mark.parametrize("n_kills", [5, pytest.param(20, marks=pytest.mark.slow)])
def test_kills_at_random_steps_do_not_change_a_bit(alone: Alone, tmp_path: Path, n_kills: int) -> None:
    settings, expected = alone
    out, draw = tmp_path / "out", random.Random(n_kills)
    for _ in range(n_kills):
        done = max([int(path.name[5:]) for path in out.glob("checkpoints/step-*")], default=0)
        [process] = launch(settings, out, 1, "checkpoints.every=1")
        kill_at([process], out / "log.jsonl", min(STEPS, done + draw.randint(1, 3)), signal.SIGKILL)
        assert process.wait() in (-signal.SIGKILL, 0)
    train(settings, out, 1)
    assert curve(out) == expected


def test_a_batch_that_cannot_be_shared_is_refused(alone: Alone, tmp_path: Path) -> None:
    processes = launch(alone[0], tmp_path / "out", 2, "batch.sequences=7")
    assert {process.wait() for process in processes} == {2}
    assert "7 cannot be shared by 2 processes" in processes[0].said.read_text()
