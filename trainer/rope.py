"""Frequencies of rotary positions, plain or stretched for longer contexts.

Plain: theta^(-2i/d) (RoFormer, section 3.4.2). `linear`: all divided by the factor (Chen et al. 2023, position
interpolation). `ntk`: a larger theta, so that the lowest frequency is divided by the factor and the highest stays
(the base change of bloc97's NTK-aware scaling). `yarn`: high frequencies stay, low ones are divided, a ramp between,
and attention is scaled (Peng et al. 2023, section 3). `llama3`: likewise with a ramp over wavelengths (Llama 3.1's
rule). Dynamic scaling, which depends on the length of a text, is for inference and is not here.
"""

import math
from typing import Any

import torch
from torch import Tensor

from trainer.settings import ModelShape, RopeScaling

BETA_FAST, BETA_SLOW = 32.0, 1.0  # rotations within the original context between which YaRN's ramp runs


def theta_of(shape: ModelShape) -> float:
    """The base, as `ntk` has changed it."""
    scaling, d = shape.rope_scaling, shape.head_width
    if scaling is None or scaling.kind != "ntk":
        return shape.rope_theta
    return shape.rope_theta * scaling.factor ** (d / (d - 2))


def frequencies(shape: ModelShape, device: torch.device | None = None) -> tuple[Tensor, float]:
    """(angle for each position, float32 (head_width / 2), factor of cosine and sine)."""
    powers = torch.arange(0, shape.head_width, 2, dtype=torch.float32, device=device) / shape.head_width
    plain, scaling = theta_of(shape) ** -powers, shape.rope_scaling
    if scaling is None or scaling.kind == "ntk":
        return plain, 1.0
    if scaling.kind == "linear":
        return plain / scaling.factor, 1.0
    if scaling.kind == "llama3":
        return _blend(plain, scaling.factor, _llama3_ramp(plain, scaling)), 1.0
    return _blend(plain, scaling.factor, _yarn_ramp(plain, shape, scaling)), 0.1 * math.log(scaling.factor) + 1.0


def _blend(plain: Tensor, factor: float, kept: Tensor) -> Tensor:
    """`kept` 1 leaves a frequency as it is, 0 divides it."""
    return plain * kept + plain / factor * (1 - kept)


def _llama3_ramp(plain: Tensor, scaling: RopeScaling) -> Tensor:
    rotations = scaling.original_length * plain / (2 * math.pi)
    low, high = scaling.low_freq_factor, scaling.high_freq_factor
    return ((rotations - low) / (high - low)).clamp(0, 1)


def _yarn_ramp(plain: Tensor, shape: ModelShape, scaling: RopeScaling) -> Tensor:
    def dimension(rotations: float) -> float:
        """The dimension that turns this often within the original context."""
        turns = scaling.original_length / (rotations * 2 * math.pi)
        return shape.head_width * math.log(turns) / (2 * math.log(shape.rope_theta))

    low, high = max(math.floor(dimension(BETA_FAST)), 0), min(math.ceil(dimension(BETA_SLOW)), shape.head_width - 1)
    place = torch.arange(len(plain), dtype=torch.float32, device=plain.device)
    return 1 - ((place - low) / max(high - low, 0.001)).clamp(0, 1)


def hf_parameters(shape: ModelShape) -> dict[str, Any]:
    """`rope_parameters` of a config in Hugging Face's format."""
    scaling, base = shape.rope_scaling, {"rope_theta": theta_of(shape)}
    if scaling is None or scaling.kind == "ntk":
        return {"rope_type": "default", **base}
    found: dict[str, Any] = {"rope_type": scaling.kind, "factor": scaling.factor, **base}
    if scaling.kind != "linear":
        found["original_max_position_embeddings"] = scaling.original_length
    if scaling.kind == "llama3":
        found |= {"low_freq_factor": scaling.low_freq_factor, "high_freq_factor": scaling.high_freq_factor}
    return found


def of_hf(parameters: dict[str, Any]) -> RopeScaling | None:
    """The scaling that such parameters mean. Raises ValueError for one that is not known here."""
    kind = parameters.get("rope_type", "default")
    if kind == "default":
        return None
    known = {"rope_type", "rope_theta", "factor", "original_max_position_embeddings"}
    known |= {"low_freq_factor", "high_freq_factor"} if kind == "llama3" else set()
    if kind not in ("linear", "yarn", "llama3") or parameters.keys() - known:
        raise ValueError(f"rope_parameters {parameters}")
    names = ("factor", "low_freq_factor", "high_freq_factor")
    given = {name: parameters[name] for name in names if name in parameters}
    if "original_max_position_embeddings" in parameters:
        given["original_length"] = parameters["original_max_position_embeddings"]
    return RopeScaling(kind=kind, **given)
