"""A checkpoint is whole or not there, whatever happens while it is written."""
# ruff: noqa: E402 - what needs torch is imported after the check for it

import json
import os
import random
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'gristmill[trainer]'")

from trainer import checkpoint
from trainer.checkpoint import Saver, find, find_existing
from trainer.parallel import World
from udfs.errors import ContractError, InputError, OutputError

RUN = {"seed": 1}
ALONE = World(0, 1, torch.device("cpu"))
N = 1000


def model_of(step: int) -> Any:
    model = torch.nn.Linear(N, 1, bias=False)
    torch.nn.init.constant_(model.weight, float(step))
    return model


def optimizer_of(model: Any, step: int) -> Any:
    """AdamW that has made one step, with a first moment that tells of `step`."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.0, weight_decay=0.0)
    model.weight.grad = torch.full_like(model.weight, float(step))
    optimizer.step()
    return optimizer


def save(folder: Path, *steps: int, keep: int = 2) -> None:
    saver = Saver(folder, keep, RUN, ALONE)
    for step in steps:
        model = model_of(step)
        saver.save(step, model, [optimizer_of(model, step)], {"said": step})
    saver.wait()


def found_step(folder: Path) -> int:
    """The step of the checkpoint that is found, after its weights and moments were seen to be of that step."""
    found = find_existing(folder, RUN, lambda _: None)
    model = model_of(0)
    optimizer = optimizer_of(model, 0)
    found.load_into(model, [optimizer])
    assert model.weight.tolist() == [[float(found.step)] * N]
    [state] = optimizer.state.values()
    torch.testing.assert_close(state["exp_avg"], torch.full((1, N), 0.1 * found.step))
    assert found.extra == {"said": found.step}
    return found.step


@contextmanager
def largest_file(n_bytes: int) -> Iterator[None]:
    """Files of this process cannot grow beyond n_bytes: writing fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_checkpoint_is_read_back_equal(tmp_path: Path) -> None:
    save(tmp_path, 3)
    assert found_step(tmp_path) == 3


def test_weights_can_be_read_without_the_optimizer(tmp_path: Path) -> None:
    save(tmp_path, 3)
    model = model_of(0)
    find_existing(tmp_path, RUN, pytest.fail).load_into(model, [])
    assert model.weight.tolist() == [[3.0] * N]


def test_a_checkpoint_of_another_run_is_refused_and_what_differs_is_named(tmp_path: Path) -> None:
    save(tmp_path, 3)
    with pytest.raises(ContractError, match=r"step-00000003: .* another run: seed 1, now 2"):
        find(tmp_path, {"seed": 2}, pytest.fail)


def test_a_step_that_is_saved_again_stands_in_place_of_the_damaged_one(tmp_path: Path) -> None:
    save(tmp_path, 1, 2)
    (tmp_path / "step-00000002" / "manifest.json").write_text("{}")
    assert found_step(tmp_path) == 1
    save(tmp_path, 2)
    assert found_step(tmp_path) == 2


def test_what_changes_while_it_is_written_is_not_in_it(tmp_path: Path) -> None:
    saver, model = Saver(tmp_path, 2, RUN, ALONE), model_of(5)
    optimizer = optimizer_of(model, 5)
    saver.save(5, model, [optimizer], {"said": 5})
    torch.nn.init.zeros_(model.weight)
    optimizer.state[model.weight]["exp_avg"].zero_()
    saver.wait()
    assert found_step(tmp_path) == 5


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    save(tmp_path, 1)
    with largest_file(4_000), pytest.raises(OutputError, match="step-00000002"):
        save(tmp_path, 2)
    assert names(tmp_path) == ["LATEST", "step-00000001"]
    assert found_step(tmp_path) == 1


def test_what_a_kill_left_aside_is_not_read_and_goes_with_the_next(tmp_path: Path) -> None:
    save(tmp_path, 1)
    (tmp_path / "step-00000001").rename(tmp_path / ".step-00000002")
    save(tmp_path, 1)
    assert names(tmp_path) == ["LATEST", "step-00000001"]


FILE_EVENTS = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree", "os.truncate", "os.link"}


def save_until(folder: Path, n_operations: int) -> bool:
    """Save step 3 in a process of its own that is killed before its n-th operation on a file; whether it was."""
    child = os.fork()
    if not child:
        left = [n_operations]

        def kill(event: str, arguments: tuple[Any, ...]) -> None:
            if event in FILE_EVENTS and str(folder) in str(arguments[0]):
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(kill)
        try:
            save(folder, 3)
        except BaseException:
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -9)
    return status == -9


def test_a_kill_between_any_two_file_operations_leaves_a_sound_checkpoint(tmp_path: Path) -> None:
    seen = []
    for n_operations in range(1000):
        folder = tmp_path / str(n_operations)
        save(folder, 1, 2)
        killed = save_until(folder, n_operations)
        seen.append(found_step(folder))
        save(folder, 4)  # what is left over does not stand in the way
        assert found_step(folder) == 4
        assert len(names(folder)) == 3
        if not killed:
            break
    assert len(seen) > 12
    assert seen == sorted(seen)
    assert set(seen) == {2, 3}


def test_no_flipped_bit_is_used(tmp_path: Path) -> None:
    """A thousand flips, each of one bit anywhere in the newest checkpoint: it is passed over for the one before."""
    save(tmp_path, 1, 2)
    folder, draw = tmp_path / "step-00000002", random.Random(1)
    files = sorted(folder.iterdir())
    sizes = [file.stat().st_size for file in files]
    for _ in range(1000):
        file = draw.choices(files, sizes)[0]
        content = bytearray(file.read_bytes())
        whole = bytes(content)
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        file.write_bytes(content)
        said: list[str] = []
        found = find(tmp_path, RUN, said.append)
        assert found is not None
        assert found.step == 1, file
        assert "step-00000002" in said[0]
        file.write_bytes(whole)
    assert found_step(tmp_path) == 2


def test_a_damaged_name_of_the_newest_is_passed_over(tmp_path: Path) -> None:
    save(tmp_path, 1, 2)
    for content in (b"step-0000000\xff", b"step-00000007", b"\0", b""):
        (tmp_path / "LATEST").write_bytes(content)
        assert found_step(tmp_path) == 2


def test_a_checkpoint_that_latest_names_but_is_gone_is_spoken_of(tmp_path: Path) -> None:
    save(tmp_path, 1)
    (tmp_path / "LATEST").write_text("step-00000002")
    said: list[str] = []
    found = find(tmp_path, RUN, said.append)
    assert found is not None
    assert found.step == 1
    assert "step-00000002: not a whole checkpoint" in said[0]


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\xff", b'{"files": {}, "step": 1, "identity": {}, "extra": {}, "sha256": ""}']
)
def test_a_damaged_manifest_is_no_checkpoint(tmp_path: Path, content: bytes) -> None:
    save(tmp_path, 1)
    (tmp_path / "step-00000001" / "manifest.json").write_bytes(content)
    with pytest.raises(ContractError, match="none of the 1"):
        found_step(tmp_path)


def test_no_checkpoint_at_all(tmp_path: Path) -> None:
    assert find(tmp_path, RUN, pytest.fail) is None
    with pytest.raises(InputError, match="there is no checkpoint"):
        found_step(tmp_path)


def test_the_manifest_names_every_file(tmp_path: Path) -> None:
    save(tmp_path, 1)
    folder = tmp_path / "step-00000001"
    named = json.loads((folder / "manifest.json").read_text())["files"]
    assert {*named, "manifest.json"} == set(names(folder))
    assert checkpoint.read(folder).step == 1
