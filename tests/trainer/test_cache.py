"""Shards that are not local: fetched, compared, kept below a size; the same batches as from local ones."""

from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import numpy as np
import pytest

from trainer.cache import Cache
from trainer.data import open_data
from trainer.settings import Settings
from trainer.stream import Stream
from udfs.errors import ContractError
from udfs.shards import read_manifest

MakeSettings = Callable[..., Settings]


@pytest.fixture
def remote(shards: Path) -> Iterator[str]:
    """The data set in fsspec's memory."""
    memory = fsspec.filesystem("memory")
    memory.put(str(shards), "/far", recursive=True)
    yield "memory://far"
    memory.rm("/far", recursive=True)


def test_batches_are_those_of_local_shards(make_settings: MakeSettings, remote: str, tmp_path: Path) -> None:
    near, far = make_settings(), make_settings(f"shards={remote}", f"cache={tmp_path / 'cache'}")
    streams = [Stream(settings, open_data(settings)) for settings in (near, far)]
    for step in range(near.steps):
        batches = [stream.batch(step) for stream in streams]
        assert all(np.array_equal(*(getattr(b, name) for b in batches)) for name in ("tokens", "targets", "bounds"))


def test_it_is_kept_below_its_size(remote: str, tmp_path: Path) -> None:
    shards = list(read_manifest(remote).shards())
    most = 2 * max(sum(shard.bytes.values()) for shard in shards)
    cache = Cache(remote, str(tmp_path), most)
    for shard in [*shards, *shards]:
        prefix = cache.local(shard)
        assert Path(f"{prefix}.bin").stat().st_size == shard.bytes["bin"]
        assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= most


def test_what_is_not_the_manifests_is_refused(remote: str, tmp_path: Path) -> None:
    shard = next(read_manifest(remote).shards())
    memory, name = fsspec.filesystem("memory"), f"/far/{shard.path}.bin"
    memory.pipe(name, memory.cat(name)[::-1])
    with pytest.raises(ContractError, match=r"\.bin: its SHA-256 is not the manifest's"):
        Cache(remote, str(tmp_path), 1 << 30).local(shard)
    assert not [file for file in tmp_path.iterdir() if file.suffix == ".bin"]
