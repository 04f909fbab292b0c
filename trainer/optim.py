"""AdamW with weight decay on matrices only, and its learning rate: linear warm-up, then cosine."""

import math

import torch
from torch import nn

from trainer.settings import Optimizer


def make_adamw(model: nn.Module, settings: Optimizer) -> torch.optim.AdamW:
    """Decoupled decay (Loshchilov and Hutter, 2019) on matrices, embedding included; none on the weights of norms."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.lr, betas=settings.betas, fused=True)


def learning_rate(step: int, n_steps: int, settings: Optimizer) -> float:
    """The rate of step 0, 1 ... n_steps - 1: it rises to `lr` in warmup_steps, then falls to lr * min_lr_ratio."""
    if step < settings.warmup_steps:
        return settings.lr * (step + 1) / settings.warmup_steps
    progress = (step - settings.warmup_steps) / max(1, n_steps - 1 - settings.warmup_steps)
    cosine = (1 + math.cos(math.pi * progress)) / 2
    return settings.lr * (settings.min_lr_ratio + (1 - settings.min_lr_ratio) * cosine)


def set_learning_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = lr
