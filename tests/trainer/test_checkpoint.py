"""A checkpoint is whole or not there, whatever happens while it is written."""
# ruff: noqa: E402 - what needs torch is imported after the check for it

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'gristmill[trainer]'")

from trainer.checkpoint import Checkpoint, load, load_existing, save
from udfs.errors import ContractError, InputError, OutputError

RUN = {"seed": 1}


def checkpoint(step: int) -> Checkpoint:
    return Checkpoint(step, RUN, {"model": {"weight": torch.full((10_000,), float(step))}, "optimizer": {}})


@contextmanager
def largest_file(n_bytes: int) -> Iterator[None]:
    """Files of this process cannot grow beyond n_bytes: writing fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def found_step(folder: Path) -> int:
    return load_existing(folder, RUN, lambda _: None).step


def test_a_checkpoint_is_read_back_equal(tmp_path: Path) -> None:
    save(tmp_path, checkpoint(3), keep=2)
    found = load_existing(tmp_path, RUN, pytest.fail)
    assert (found.step, found.identity) == (3, RUN)
    assert torch.equal(found.state["model"]["weight"], torch.full((10_000,), 3.0))


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    save(tmp_path, checkpoint(1), keep=2)
    with largest_file(20_000), pytest.raises(OutputError, match="step-00000002"):
        save(tmp_path, checkpoint(2), keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["LATEST", "step-00000001"]
    assert found_step(tmp_path) == 1


def test_what_a_kill_left_aside_is_not_read_and_goes_with_the_next(tmp_path: Path) -> None:
    save(tmp_path, checkpoint(1), keep=2)
    (tmp_path / "step-00000001").rename(tmp_path / ".step-00000002")
    save(tmp_path, checkpoint(1), keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["LATEST", "step-00000001"]


def test_a_checkpoint_that_latest_names_but_is_gone_is_spoken_of(tmp_path: Path) -> None:
    save(tmp_path, checkpoint(1), keep=2)
    (tmp_path / "LATEST").write_text("step-00000002")
    said: list[str] = []
    found = load(tmp_path, RUN, said.append)
    assert found is not None
    assert found.step == 1
    assert "step-00000002: not a whole checkpoint" in said[0]


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\xff", b'{"files": {"state.pt": {}}, "step": 1, "identity": {}}']
)
def test_a_damaged_manifest_is_no_checkpoint(tmp_path: Path, content: bytes) -> None:
    (save(tmp_path, checkpoint(1), keep=2) / "manifest.json").write_bytes(content)
    with pytest.raises(ContractError, match="none of the 1"):
        found_step(tmp_path)


def test_no_checkpoint_at_all(tmp_path: Path) -> None:
    assert load(tmp_path, RUN, pytest.fail) is None
    with pytest.raises(InputError, match="there is no checkpoint"):
        found_step(tmp_path)
