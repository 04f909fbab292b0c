"""Cross-entropy of the next token, straight from the last hidden states, without ever holding all logits.

A vocabulary of 128k makes the logits of a batch the largest tensor of a step by far. Here they exist for some rows at a
time, and what the backward pass needs of them (the gradients of hidden states and head) is computed at once, so that
nothing is computed twice. torch's own chunked `linear_cross_entropy` does the same; it was three times slower on a CPU
and adds the loss up in bfloat16.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from trainer.data import NO_TARGET

LOGITS_AT_ONCE = {"cpu": 1 << 23, "cuda": 1 << 27}  # a CPU is fastest where they fit its cache


def cross_entropy_sum(hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    """Sum over the targets, NO_TARGET left out, of -log softmax(hidden @ head.T)[target], in nats.

    hidden (n, width), head (vocabulary, width), targets (n) -> float32 (). Products are taken in autocast's dtype where
    it is on, the softmax always in float32.
    """
    n_rows = max(1, LOGITS_AT_ONCE[hidden.device.type] // len(head))
    if torch.is_grad_enabled():
        return _CrossEntropySum.apply(hidden, head, targets, n_rows)  # type: ignore[return-value]
    total = torch.zeros((), device=hidden.device)
    for rows, wanted in zip(hidden.split(n_rows), targets.split(n_rows), strict=True):
        total += functional.cross_entropy(
            functional.linear(rows, head).float(), wanted, ignore_index=NO_TARGET, reduction="sum"
        )
    return total


def cross_entropies(hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    """What `cross_entropy_sum` adds up: float32 (n), 0 without a target. Logits are computed again for the backward
    pass, since each row has a gradient of its own."""
    n_rows = max(1, LOGITS_AT_ONCE[hidden.device.type] // len(head))
    chunks = zip(hidden.split(n_rows), targets.split(n_rows), strict=True)
    return torch.cat([checkpoint(_each, rows, head, wanted, use_reentrant=False) for rows, wanted in chunks])


def _each(rows: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    logits = functional.linear(rows, head).float()
    return functional.cross_entropy(logits, targets, ignore_index=NO_TARGET, reduction="none")


class _CrossEntropySum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, head: Tensor, targets: Tensor, n_rows: int) -> Tensor:
        device = hidden.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else hidden.dtype
        weights = head.to(dtype)
        total = torch.zeros((), device=hidden.device)
        grad_hidden, grad_head = torch.empty_like(hidden), torch.zeros_like(head)
        for start in range(0, len(hidden), n_rows):
            chunk = slice(start, start + n_rows)
            rows = hidden[chunk].to(dtype)
            loss, grad_logits = _chunk(rows @ weights.T, targets[chunk])
            total += loss
            grad_hidden[chunk] = grad_logits.to(dtype) @ weights
            grad_head += grad_logits.to(dtype).T @ rows
        ctx.save_for_backward(grad_hidden, grad_head)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None]:
        grad_hidden, grad_head = ctx.saved_tensors
        return grad_hidden * grads[0], grad_head * grads[0], None, None


def _chunk(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Sum of the losses, and its gradient by the logits: softmax minus one-hot, zero without a target; float32."""
    counts = (targets != NO_TARGET).float()
    index = targets.clamp(min=0)[:, None]
    log_probabilities = torch.log_softmax(logits, dim=-1, dtype=torch.float32)
    loss = -(log_probabilities.gather(1, index)[:, 0] * counts).sum()
    gradient = log_probabilities.exp_()
    gradient.scatter_add_(1, index, -torch.ones_like(index, dtype=torch.float32))
    return loss, gradient.mul_(counts[:, None])


def dpo_losses(policy: Tensor, reference: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    """(losses, margins), each (pairs): -log sigmoid(beta * margin), where the margin is how much more the policy than
    the reference prefers the chosen answer (Rafailov et al. 2023, equation 7).

    `policy`, `reference`: log-probabilities of answers, chosen and rejected in turn, (2 * pairs).
    """
    gain = (policy - reference).unflatten(0, (-1, 2))
    margins = beta * (gain[:, 0] - gain[:, 1])
    return -functional.logsigmoid(margins), margins.detach()


def answer_log_probabilities(cross_entropies: Tensor, bounds: Tensor) -> Tensor:
    """Sum of the log-probabilities of each document's targets (documents), from their cross-entropies (n) and where
    documents start and end."""
    lengths = bounds.diff()
    number = torch.repeat_interleave(torch.arange(len(lengths), device=bounds.device), lengths)
    return -torch.zeros(len(lengths), device=bounds.device).index_add(0, number, cross_entropies)
