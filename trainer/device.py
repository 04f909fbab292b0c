"""Where tensors live, and in which precision products are taken."""

import contextlib

import numpy as np
import torch
from torch import Tensor

from trainer.data import Batch
from trainer.settings import Settings

DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def pick_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def autocast(device: torch.device, settings: Settings) -> contextlib.AbstractContextManager[object]:
    """Half-precision products where the settings ask for them, or leave the choice and the GPU has bfloat16."""
    automatic = settings.precision == "auto" and device.type == "cuda" and torch.cuda.is_bf16_supported()
    dtype = torch.bfloat16 if automatic else DTYPES.get(settings.precision)
    return contextlib.nullcontext() if dtype is None else torch.autocast(device.type, dtype)


def tensors(batch: Batch, device: torch.device) -> dict[str, Tensor]:
    """The arguments of a model."""
    arrays = {"tokens": batch.tokens, "targets": batch.targets, "positions": batch.positions, "bounds": batch.bounds}
    return {name: _to_device(array, device) for name, array in arrays.items()}


def _to_device(array: np.ndarray, device: torch.device) -> Tensor:  # type: ignore[type-arg]
    tensor = torch.from_numpy(array)
    return tensor if device.type == "cpu" else tensor.pin_memory().to(device, non_blocking=True)
