"""Processes that train together, started by torchrun; one that is alone needs no torchrun.

`ddp` keeps the weights whole in every process; FSDP2 keeps gradients and optimizer state in slices (`zero2`), or
weights too (`zero3`). Sums over processes are taken here, so the loop reads the same for any number. Tensor and
pipeline parallelism are not here: the shards are Megatron-LM's own format.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from trainer.device import pick_device
from trainer.model import Llama
from trainer.settings import Settings


@dataclass(frozen=True)
class World:
    """This process among `size`."""

    rank: int
    size: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def sum(self, values: Tensor) -> list[float]:
        """The sums of float values (n) over all processes."""
        total = values.double()
        if self.size > 1:
            dist.all_reduce(total)
        return total.tolist()

    def barrier(self) -> None:
        if self.size > 1:
            dist.barrier()

    def agree(self, value: Any) -> Any:
        """What the first process has."""
        found = [value]
        if self.size > 1:
            dist.broadcast_object_list(found, device=torch.device("cpu"))
        return found[0]


@contextmanager
def joined() -> Iterator[World]:
    """The world that torchrun's environment tells of, or that of one process."""
    if "RANK" not in os.environ:
        yield World(0, 1, pick_device())
        return
    device = pick_device()
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    try:
        yield World(dist.get_rank(), dist.get_world_size(), device)
    finally:
        dist.destroy_process_group()


def spread(model: Llama, settings: Settings, world: World) -> Callable[..., Tensor]:
    """What to call in the place of the model, which keeps its parameters' names; FSDP2 changes it in place."""
    if settings.compile or (settings.compile is None and world.device.type == "cuda"):
        for layer in model.layers:
            layer.compile()
    if world.size == 1:
        return model
    if settings.parallel == "ddp":
        return DistributedDataParallel(model)
    for layer in model.layers:
        fully_shard(layer, reshard_after_forward=settings.parallel == "zero3")
    fully_shard(model)
    return model


@contextmanager
def gradients(forward: Callable[..., Tensor], is_last: bool) -> Iterator[None]:
    """Around a micro-batch: gradients are summed over processes at the last one only."""
    if isinstance(forward, DistributedDataParallel) and not is_last:
        with forward.no_sync():
            yield
        return
    if isinstance(forward, FSDPModule):
        forward.set_requires_gradient_sync(is_last)
    yield


def clip(model: nn.Module, largest: float) -> Tensor:
    """The norm of all gradients (), which are scaled down to `largest` where it is above."""
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), largest)
    return norm.full_tensor() if isinstance(norm, DTensor) else norm
