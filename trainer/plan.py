"""What a run will cost, before it starts: parameters, FLOPs, memory for each device, hours, tokens of each source.

FLOPs of a token are 6 for each weight of a matrix product, plus 12 x layers x width x T for attention over the whole
length, causal or not: the formula of torchtitan (torchtitan/models/utils.py) and nanochat (nanochat/gpt.py), so that
MFU can be compared. C = 6ND (Kaplan et al. 2020) stands beside it. Memory is an estimate from shapes.
"""

from typing import Any

import torch

from trainer.settings import ModelShape, Settings

PEAK_TFLOPS = {"H100": 989.0, "H200": 989.0, "A100": 312.0}
"""Dense bfloat16 of a device whose name has this in it, by NVIDIA's data sheets."""
STATE_BYTES = 16  # float32: weights, gradients, two moments
CUDA_BYTES = 1 << 30  # context and libraries


def matrix_weights(shape: ModelShape, vocab_size: int) -> int:
    """Weights that a token is multiplied with: all matrices, the head, of experts those chosen; not the embedding."""
    kv_width = shape.head_width * shape.n_kv_heads
    attention = 2 * shape.width**2 + 2 * shape.width * kv_width
    n_active = shape.experts.top_k if shape.experts else 1
    router = shape.experts.n_experts * shape.width if shape.experts else 0
    return (
        shape.n_layers * (attention + 3 * shape.width * shape.ff_width * n_active + router) + shape.width * vocab_size
    )


def n_parameters(shape: ModelShape, vocab_size: int) -> int:
    """All parameters."""
    rest = (shape.experts.n_experts - shape.experts.top_k) if shape.experts else 0
    norms = shape.width * (2 * shape.n_layers + 1) + (2 * shape.head_width * shape.n_layers if shape.qk_norm else 0)
    idle_experts = shape.n_layers * rest * 3 * shape.width * shape.ff_width
    return matrix_weights(shape, vocab_size) + idle_experts + norms + (0 if shape.tied else shape.width * vocab_size)


def flops_per_token(shape: ModelShape, vocab_size: int, seq_len: int) -> int:
    """Forward and backward, at this length of sequences."""
    return 6 * matrix_weights(shape, vocab_size) + 12 * shape.n_layers * shape.width * seq_len


def peak_flops(given_tflops: float | None, device: torch.device) -> float | None:
    """Of one device, per second; None where it is not known."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    known = given_tflops or next((peak for part, peak in PEAK_TFLOPS.items() if part in name), None)
    return None if known is None else known * 1e12


def mfu(tokens_per_second: float, flops: float, n_devices: int, peak: float) -> float:
    """Model FLOPs utilisation: what is computed for the model, as a share of what the devices could compute."""
    return tokens_per_second * flops / (n_devices * peak)


def memory(shape: ModelShape, vocab_size: int, settings: Settings, n_devices: int) -> dict[str, int]:
    """Bytes for each device, foreseen for bfloat16 products on a GPU: `states`, `activations`, `logits`, `total`."""
    n, half = n_parameters(shape, vocab_size), 2
    sliced = n_devices if settings.parallel != "ddp" else 1
    weights_whole = 4 * n if settings.parallel == "zero2" and n_devices > 1 else 0
    longest = max(phase.seq_len or settings.seq_len for phase in settings.phases)
    tokens = settings.batch.micro_sequences * longest
    # Kept of a layer for its backward pass, in units of width: inputs of both norms (float32 and bfloat16), q, k, v and
    # the attention's output, and three times the inner width of the feed-forward.
    kv = 2 * shape.n_kv_heads / shape.n_heads
    per_layer = tokens * (shape.width * (2 * 4 + (2 + 2 + kv) * half) + 3 * shape.ff_width * half)
    n_kept = shape.n_layers - (len(range(0, shape.n_layers, settings.recompute)) if settings.recompute else 0)
    kept = int(per_layer * max(1, n_kept) + (shape.n_layers - n_kept) * tokens * shape.width * 4)
    found = {
        "states": STATE_BYTES * n // sliced + weights_whole,
        "bfloat16_weights": half * n,
        "activations": kept,
        "logits": 3 * 4 * (1 << 27) + 4 * shape.width * vocab_size,
        "runtime": CUDA_BYTES,
    }
    return {**found, "total": sum(found.values())}


def plan(settings: Settings, shape: ModelShape, vocab_size: int, n_devices: int, share: float) -> dict[str, Any]:
    """What stands above, as JSON has it; hours at an MFU of `share`, where the device's peak is known."""
    lengths = [(phase, phase.seq_len or settings.seq_len) for phase in settings.phases]
    tokens = [phase.steps * (phase.sequences or settings.batch.sequences) * length for phase, length in lengths]
    n, n_tokens = n_parameters(shape, vocab_size), sum(tokens)
    flops = sum(flops_per_token(shape, vocab_size, length) * n for n, (_, length) in zip(tokens, lengths, strict=True))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    peak = peak_flops(settings.peak_tflops, device)
    return {
        "parameters": n,
        "tokens": n_tokens,
        "tokens_per_parameter": round(n_tokens / n, 2),
        "flops": flops,
        "flops_6nd": 6 * n * n_tokens,
        "memory_per_device": memory(shape, vocab_size, settings, n_devices),
        "hours": None if peak is None else round(flops / (peak * n_devices * share) / 3600, 2),
        "at_mfu": share,
    }
