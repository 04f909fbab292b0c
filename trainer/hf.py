"""Export to Hugging Face's format and back: model.safetensors, config.json, the tokenizer's files.

The folder loads as LlamaForCausalLM in transformers 5, and in what reads that format. Weights stay float32. Nothing of
transformers is needed here.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from trainer.model import INIT_STD, Llama
from trainer.settings import ModelShape
from udfs.errors import ContractError, InputError, OutputError
from udfs.shards import Tokenizer


def export(model: Llama, tokenizer: Tokenizer, seq_len: int, tokenizer_folder: Path, target: Path) -> None:
    """Write `model` and a copy of the tokenizer's files to `target`. Raises OutputError."""
    weights = {_hf_name(name): tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    config = json.dumps(_config(model, tokenizer, seq_len), indent=2) + "\n"
    try:
        shutil.copytree(tokenizer_folder, target, dirs_exist_ok=True)
        save_file(weights, target / "model.safetensors", metadata={"format": "pt"})
        (target / "config.json").write_text(config)
        # safetensors leaves its file readable by the owner only
        (target / "model.safetensors").chmod((target / "config.json").stat().st_mode)
    except OSError as error:
        raise OutputError(f"{target}: the export cannot be written: {error}") from error


def _hf_name(name: str) -> str:
    return name if name.startswith("lm_head.") else f"model.{name}"


def _config(model: Llama, tokenizer: Tokenizer, seq_len: int) -> dict[str, Any]:
    shape = model.shape
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": len(model.head),
        "hidden_size": shape.width,
        "intermediate_size": shape.ff_width,
        "num_hidden_layers": shape.n_layers,
        "num_attention_heads": shape.n_heads,
        "num_key_value_heads": shape.n_kv_heads,
        "head_dim": shape.width // shape.n_heads,
        "hidden_act": "silu",
        "max_position_embeddings": seq_len,
        "initializer_range": INIT_STD,
        "rms_norm_eps": shape.norm_eps,
        "rope_parameters": {"rope_type": "default", "rope_theta": shape.rope_theta},
        "tie_word_embeddings": shape.tied,
        "attention_bias": False,
        "mlp_bias": False,
        "attention_dropout": 0.0,
        "use_cache": True,
        "bos_token_id": tokenizer.bos,
        "eos_token_id": tokenizer.eos,
        "pad_token_id": tokenizer.pad,
        "dtype": "float32",
    }


def load_hf(folder: Path) -> Llama:
    """The model of an export, or of any Llama in one safetensors file without rope scaling or biases. Raises InputError
    for a missing file, ContractError for what this Llama cannot be."""
    try:
        config = json.loads((folder / "config.json").read_text())
        weights = load_file(folder / "model.safetensors")
    except OSError as error:
        raise InputError(f"{folder}: {error}") from error
    model = Llama(_shape(config, folder), config["vocab_size"])
    expected = {_hf_name(name): tensor for name, tensor in model.state_dict().items()}
    different = sorted(expected.keys() ^ weights.keys())
    if different:
        raise ContractError(f"{folder}: found weights unlike those of the config: {', '.join(different[:5])}")
    with torch.no_grad():
        for name, tensor in expected.items():
            tensor.copy_(weights[name])
    return model


def _shape(config: dict[str, Any], folder: Path) -> ModelShape:
    rope = config.get("rope_parameters", {})
    if config.get("model_type") != "llama" or rope.get("rope_type") != "default" or config.get("attention_bias"):
        found = f"model_type {config.get('model_type')}, rope_parameters {rope}"
        raise ContractError(f"{folder}/config.json: found {found}, expected llama with rope_type default and no bias")
    return ModelShape(
        n_layers=config["num_hidden_layers"],
        width=config["hidden_size"],
        n_heads=config["num_attention_heads"],
        n_kv_heads=config["num_key_value_heads"],
        ff_width=config["intermediate_size"],
        tied=config["tie_word_embeddings"],
        rope_theta=rope["rope_theta"],
        norm_eps=config["rms_norm_eps"],
    )
