"""A Llama: RMSNorm, rotary positions, SwiGLU, grouped-query attention, tied or untied head, no bias anywhere.

Parameters have the names of Hugging Face's LlamaForCausalLM (below its `model.`), and queries and keys its layout for
rotation, so an export is a copy. Attention stays within documents. Nothing here knows of devices, sharding or training.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention.varlen import varlen_attn
from torch.utils.checkpoint import checkpoint

from trainer.losses import cross_entropies, cross_entropy_sum
from trainer.moe import MixtureOfExperts
from trainer.rope import frequencies
from trainer.settings import ModelShape

INIT_STD = 0.02


class Documents:
    """How documents lie in a batch: what rotation and attention need, made once for all layers."""

    def __init__(self, positions: Tensor, bounds: Tensor, shape: ModelShape) -> None:
        """`positions` (sequences, T), zero where a document starts; `bounds` int32, where documents start in the
        flattened batch, and its end."""
        rates, factor = frequencies(shape, positions.device)
        angles = positions[..., None].float() * rates
        self.cos, self.sin = (wave(angles)[:, :, None] * factor for wave in (torch.cos, torch.sin))
        self.bounds = bounds
        self.mask = None if positions.is_cuda and torch.is_autocast_enabled("cuda") else _mask(positions)

    def rotate(self, x: Tensor) -> Tensor:
        """(sequences, T, heads, head_width), the two halves of head_width rotated against each other (RoFormer,
        section 3.4, in the half-split layout)."""
        left, right = x.chunk(2, dim=-1)
        rotated = [left * self.cos - right * self.sin, right * self.cos + left * self.sin]
        return torch.cat(rotated, dim=-1).to(x.dtype)

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Causal attention within documents: q (sequences, T, heads, head_width), k and v with fewer heads."""
        if self.mask is None:
            length = q.shape[1]
            q, k, v = (x.flatten(0, 1) for x in (q, k, v))
            bounds = (self.bounds, self.bounds, length, length)
            out: Any = varlen_attn(q, k, v, *bounds, window_size=(-1, 0), enable_gqa=True)
            return out.unflatten(0, (-1, length))
        q, k, v = (x.transpose(1, 2) for x in (q, k, v))
        return functional.scaled_dot_product_attention(q, k, v, attn_mask=self.mask, enable_gqa=True).transpose(1, 2)


def _mask(positions: Tensor) -> Tensor:
    """bool (sequences, 1, T, T): query and key are in one document, and the key is not later."""
    number = (positions == 0).cumsum(dim=1)
    return (number[:, None, :, None] == number[:, None, None, :]).tril()


class Attention(nn.Module):
    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.head_width = shape.head_width
        kv_width = self.head_width * shape.n_kv_heads
        self.q_proj = nn.Linear(shape.width, shape.width, bias=False)
        self.k_proj = nn.Linear(shape.width, kv_width, bias=False)
        self.v_proj = nn.Linear(shape.width, kv_width, bias=False)
        self.o_proj = nn.Linear(shape.width, shape.width, bias=False)
        if shape.qk_norm:
            self.q_norm = nn.RMSNorm(self.head_width, shape.norm_eps)
            self.k_norm = nn.RMSNorm(self.head_width, shape.norm_eps)
        self.qk_norm = shape.qk_norm

    def forward(self, x: Tensor, documents: Documents) -> Tensor:
        q, k, v = (proj(x).unflatten(-1, (-1, self.head_width)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        if self.qk_norm:
            q, k = self.q_norm(q).to(v.dtype), self.k_norm(k).to(v.dtype)
        out = documents.attend(documents.rotate(q), documents.rotate(k), v)
        return self.o_proj(out.flatten(-2))


class FeedForward(nn.Module):
    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.width, shape.ff_width, bias=False)
        self.up_proj = nn.Linear(shape.width, shape.ff_width, bias=False)
        self.down_proj = nn.Linear(shape.ff_width, shape.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))


class Block(nn.Module):
    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.input_layernorm = nn.RMSNorm(shape.width, shape.norm_eps)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = nn.RMSNorm(shape.width, shape.norm_eps)
        self.mlp = MixtureOfExperts(shape, shape.experts, FeedForward) if shape.experts else FeedForward(shape)

    def forward(self, x: Tensor, documents: Documents) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), documents)
        return x + self.mlp(self.post_attention_layernorm(x))


class Llama(nn.Module):
    def __init__(self, shape: ModelShape, vocab_size: int, recompute: int = 0) -> None:
        """`recompute`: every so-manieth layer keeps no activations and computes them again; 0 none."""
        super().__init__()
        self.shape, self.recompute = shape, recompute
        self.embed_tokens = nn.Embedding(vocab_size, shape.width)
        self.layers = nn.ModuleList(Block(shape) for _ in range(shape.n_layers))
        self.norm = nn.RMSNorm(shape.width, shape.norm_eps)
        self.lm_head = None if shape.tied else nn.Linear(shape.width, vocab_size, bias=False)

    @property
    def head(self) -> Tensor:
        """(vocabulary, width)"""
        return self.embed_tokens.weight if self.lm_head is None else self.lm_head.weight

    def hidden(self, tokens: Tensor, positions: Tensor, bounds: Tensor) -> Tensor:
        """The last hidden states (sequences, T, width) of `tokens` (sequences, T); the rest as in Documents."""
        documents = Documents(positions, bounds, self.shape)
        x = self.embed_tokens(tokens)
        for number, layer in enumerate(self.layers):
            if self.recompute and self.training and number % self.recompute == 0:
                x = checkpoint(layer, x, documents, use_reentrant=False)
            else:
                x = layer(x, documents)
        return self.norm(x)

    def forward(self, tokens: Tensor, targets: Tensor, positions: Tensor, bounds: Tensor, each: bool = False) -> Tensor:
        """Sum of the cross-entropies of the targets in nats, or with `each` that of each (n), 0 without a target. The
        loss is taken in here because sharded weights are whole only while this runs."""
        hidden = self.hidden(tokens, positions, bounds).flatten(0, 1)
        if each:
            return cross_entropies(hidden, self.head, targets.flatten())
        loss = cross_entropy_sum(hidden, self.head, targets.flatten())
        if not (self.shape.experts and self.training):
            return loss
        return loss + sum(layer.mlp.balance for layer in self.layers) * (targets >= 0).sum()  # type: ignore[operator]


def init_weights(model: Llama, seed: int) -> Llama:
    """`model` with normal weights, the same for the same seed on every device; what writes into the residual stream is
    scaled down by its number of writers (GPT-2, section 2.3)."""
    generator = torch.Generator().manual_seed(seed)
    residual_std = INIT_STD / (2 * model.shape.n_layers) ** 0.5
    for name, weights in model.named_parameters():
        if weights.ndim == 2:
            std = residual_std if name.endswith(("o_proj.weight", "down_proj.weight")) else INIT_STD
            with torch.no_grad():
                weights.copy_(torch.normal(0.0, std, weights.shape, generator=generator))
    return model
