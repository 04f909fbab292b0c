"""Where tensors live, and in which precision products are taken."""

import contextlib

import torch
from torch import Tensor

from trainer.data import Batch
from trainer.settings import Settings


def pick_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def autocast(device: torch.device, settings: Settings) -> contextlib.AbstractContextManager[object]:
    """bfloat16 products where the settings ask for them, or leave the choice and the GPU has them."""
    automatic = settings.precision == "auto" and device.type == "cuda" and torch.cuda.is_bf16_supported()
    if automatic or settings.precision == "bfloat16":
        return torch.autocast(device.type, torch.bfloat16)
    return contextlib.nullcontext()


def tensors(batch: Batch, device: torch.device) -> dict[str, Tensor]:
    """The arguments of Llama.loss_sum."""
    arrays = {"tokens": batch.tokens, "targets": batch.targets, "positions": batch.positions, "bounds": batch.bounds}
    return {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
