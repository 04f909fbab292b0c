"""LoRA: low-rank additions to chosen matrices, saved in peft's layout, merged for export (Hu et al. 2021).

A target's weight keeps its name and is frozen; `lora_A` begins random, `lora_B` zero, so that training begins at the
base model. No dropout: two runs with one seed are to be equal.
"""

import json
from pathlib import Path
from typing import TypeVar

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from trainer.model import Llama
from trainer.settings import Lora

Layer = TypeVar("Layer", bound=nn.Module)


class LoraLinear(nn.Linear):
    """x @ (weight + scale * lora_B @ lora_A).T"""

    def __init__(self, base: nn.Linear, settings: Lora) -> None:
        super().__init__(base.in_features, base.out_features, bias=False, device="meta")
        self.weight = base.weight
        self.scale = settings.alpha / settings.rank
        self.lora_A = nn.Linear(base.in_features, settings.rank, bias=False)
        self.lora_B = nn.Linear(settings.rank, base.out_features, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        return functional.linear(input, self.weight) + self.lora_B(self.lora_A(input)) * self.scale

    def merged(self) -> nn.Linear:
        """A plain layer that computes the same."""
        plain = nn.Linear(self.in_features, self.out_features, bias=False, device="meta")
        plain.weight = nn.Parameter(self.weight + self.scale * self.lora_B.weight @ self.lora_A.weight)
        return plain


def add_lora(model: Llama, settings: Lora, seed: int) -> Llama:
    """`model` with its targets replaced and everything else frozen."""
    model.requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)
    for parent, name, layer in _layers(model, nn.Linear):
        if name in settings.targets:
            added = LoraLinear(layer, settings)
            bound = layer.in_features**-0.5  # what peft's kaiming_uniform_(a=sqrt(5)) comes to
            nn.init.uniform_(added.lora_A.weight, -bound, bound, generator=generator)
            nn.init.zeros_(added.lora_B.weight)
            setattr(parent, name, added)
    return model


@torch.no_grad()
def merge(model: Llama) -> Llama:
    """`model` with every addition added to its matrix; one without LoRA as it is."""
    for parent, name, layer in _layers(model, LoraLinear):
        setattr(parent, name, layer.merged())
    return model


def _layers(model: Llama, kind: type[Layer]) -> list[tuple[nn.Module, str, Layer]]:
    """(the module that holds it, its name there, the layer)."""
    found = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, kind)]
    return [
        (model.get_submodule(name.rpartition(".")[0]), name.rpartition(".")[2], layer)
        for name, layer in found
        if ".lora_" not in name
    ]


def save_adapter(model: Llama, settings: Lora, target: Path) -> None:
    """Write adapter_config.json and adapter_model.safetensors, which peft loads over the base model."""
    target.mkdir(parents=True, exist_ok=True)
    weights = {
        f"base_model.model.model.{name}": weight.detach().cpu().contiguous()
        for name, weight in model.state_dict().items()
        if ".lora_" in name
    }
    save_file(weights, target / "adapter_model.safetensors", metadata={"format": "pt"})
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": settings.rank,
        "lora_alpha": settings.alpha,
        "lora_dropout": 0.0,
        "target_modules": settings.targets,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
    }
    (target / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")
