"""A mixture of experts: a router sends each token to its top k of n feed-forward layers.

Shares are the softmax over the chosen experts' scores (Mixtral, section 2.1). A balance loss keeps experts equally busy
(Switch Transformer, equation 4): n times the sum over experts of the share of tokens times the mean probability. Every
token is served; there is no capacity, and experts are not spread over devices.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from trainer.settings import Experts, ModelShape


class MixtureOfExperts(nn.Module):
    balance: Tensor
    """The weighted balance loss of the last forward pass, ()."""

    def __init__(self, shape: ModelShape, experts: Experts, make: Callable[[ModelShape], nn.Module]) -> None:
        super().__init__()
        self.settings = experts
        self.gate = nn.Linear(shape.width, experts.n_experts, bias=False)
        self.experts = nn.ModuleList(make(shape) for _ in range(experts.n_experts))

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) -> the same."""
        flat = x.flatten(0, -2)
        scores = self.gate(flat).float()
        top, chosen = scores.topk(self.settings.top_k, dim=-1)  # (n, k)
        shares = top.softmax(dim=-1)
        self.balance = self.settings.balance * self._imbalance(scores, chosen)
        out = torch.zeros_like(flat)
        for number, expert in enumerate(self.experts):
            # An expert without tokens is called too: every parameter has a gradient in every process.
            rows, place = torch.where(chosen == number)
            out = out.index_add(0, rows, (expert(flat[rows]) * shares[rows, place, None]).to(out.dtype))
        return out.view_as(x)

    def _imbalance(self, scores: Tensor, chosen: Tensor) -> Tensor:
        """1 where every expert is as busy as the others."""
        n = self.settings.n_experts
        busy = torch.bincount(chosen.flatten(), minlength=n).float() / chosen.numel()
        return n * (busy * scores.softmax(dim=-1).mean(dim=0)).sum()
