"""The update of the weights: AdamW or Muon, the course of the learning rate, and which steps are left out."""

import math
from collections import deque
from typing import Any

import torch
from torch import nn

from trainer.settings import Optimizer, Phase, Skip

SHAPES = {
    "cosine": lambda x: (1 + math.cos(math.pi * x)) / 2,
    "linear": lambda x: 1 - x,
    "sqrt": lambda x: 1 - math.sqrt(x),
    "none": lambda x: 1.0,
}
"""Share of the fall that is still to come, at share x of a phase. For `sqrt`: Hägele et al. 2024, section 4."""


def make_optimizers(model: nn.Module, settings: Optimizer) -> list[torch.optim.Optimizer]:
    """AdamW with decoupled decay (Loshchilov and Hutter 2019) on matrices, embedding included, and none on the weights
    of norms; or Muon (Jordan 2024) on the matrices of the layers, scaled to AdamW's step size, AdamW on the rest."""
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    hidden = [p for name, p in named if p.ndim == 2 and "layers." in name] if settings.kind == "muon" else []
    taken = set(map(id, hidden))
    rest = [p for _, p in named if id(p) not in taken]
    groups = [
        {"params": [p for p in rest if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0},
    ]
    filled = [group for group in groups if group["params"]]
    found: list[torch.optim.Optimizer] = []
    if filled:
        found.append(torch.optim.AdamW(filled, lr=settings.lr, betas=settings.betas, fused=True))
    if hidden:
        scaled = {"lr": settings.lr, "weight_decay": settings.weight_decay, "adjust_lr_fn": "match_rms_adamw"}
        found.append(torch.optim.Muon(hidden, **scaled))
    return found


def learning_rate(step: int, settings: Optimizer, phases: list[Phase]) -> float:
    """The rate of step 0, 1 ...: it rises to `lr` in warmup_steps; each phase takes it from where it stood to the
    phase's `end`, or leaves it there."""
    if step < settings.warmup_steps:
        return settings.lr * (step + 1) / settings.warmup_steps
    ratio, first = 1.0, 0
    for phase in phases:
        last = first + phase.steps - 1
        end = ratio if phase.decay == "none" else phase.end
        if step <= last:
            begin = max(first, settings.warmup_steps)
            left = SHAPES[phase.decay]((step - begin) / max(1, last - begin))
            return settings.lr * (end + (ratio - end) * left)
        ratio, first = end, last + 1
    return settings.lr * ratio


def set_learning_rate(optimizers: list[torch.optim.Optimizer], lr: float) -> None:
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = lr


class Guard:
    """Which steps are left out: those with a loss or a gradient norm that is not finite, or a spike (the rule of
    OLMo-core's SkipStepOptimizer: so many standard deviations above the mean of the last steps)."""

    def __init__(self, settings: Skip) -> None:
        self._settings = settings
        self._last: deque[tuple[float, float]] = deque(maxlen=settings.window)
        self.in_a_row = 0

    def refuses(self, loss: float, norm: float) -> str | None:
        """Why this step is left out; None where it is not, and then it counts among the last ones."""
        why = self._problem(loss, norm)
        self.in_a_row = self.in_a_row + 1 if why else 0
        if not why:
            self._last.append((loss, norm))
        return why

    def _problem(self, loss: float, norm: float) -> str | None:
        if not (math.isfinite(loss) and math.isfinite(norm)):
            return "not finite"
        if self._settings.sigmas is None or len(self._last) < self._settings.window // 2:
            return None
        for name, value, last in zip(("loss", "norm"), (loss, norm), zip(*self._last, strict=True), strict=True):
            mean = sum(last) / len(last)
            deviation = math.sqrt(sum((x - mean) ** 2 for x in last) / len(last))
            if value > mean + self._settings.sigmas * deviation:
                return f"spike of the {name}"
        return None

    @property
    def state(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"last": list(self._last), "in_a_row": self.in_a_row}

    def load(self, state: dict[str, Any]) -> None:
        self._last.extend((loss, norm) for loss, norm in state["last"])
        self.in_a_row = state["in_a_row"]
