"""Export to Hugging Face's format and back: model.safetensors, config.json, the tokenizer's files, a model card.

The folder loads in transformers 5 as LlamaForCausalLM, with norms on queries and keys as Qwen3ForCausalLM, and in what
reads that format. Weights stay float32. A mixture of experts has no export: the formats differ from release to release.
Nothing of transformers is needed here.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from trainer import rope
from trainer.model import INIT_STD, Llama
from trainer.settings import ModelShape, RopeScaling
from udfs.errors import ContractError, InputError, OutputError, UsageError
from udfs.shards import Manifest, Tokenizer

ARCHITECTURES = {"llama": "LlamaForCausalLM", "qwen3": "Qwen3ForCausalLM"}
TURN_END = "<|im_end|>"


def export(model: Llama, manifest: Manifest, seq_len: int, tokenizer_folder: Path, target: Path) -> None:
    """Write `model` and a copy of the tokenizer's files to `target`. Raises OutputError, UsageError for a mixture of
    experts."""
    if model.shape.experts:
        raise UsageError("a mixture of experts cannot be exported", "load its checkpoint with torch")
    weights = {_hf_name(name): tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    config = _config(model, manifest.tokenizer, seq_len)
    try:
        shutil.copytree(tokenizer_folder, target, dirs_exist_ok=True)
        save_file(weights, target / "model.safetensors", metadata={"format": "pt"})
        _write_json(target / "config.json", config)
        stops = [manifest.tokenizer.eos, *_turn_end(target)]
        _write_json(target / "generation_config.json", {"bos_token_id": manifest.tokenizer.bos, "eos_token_id": stops})
        (target / "README.md").write_text(_card(model, manifest, seq_len))
        # safetensors leaves its file readable by the owner only
        (target / "model.safetensors").chmod((target / "config.json").stat().st_mode)
    except OSError as error:
        raise OutputError(f"{target}: the export cannot be written: {error}") from error


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n")


def _turn_end(folder: Path) -> list[int]:
    """The id that ends a turn, where the tokenizer has a chat template."""
    config = folder / "tokenizer_config.json"
    if not config.exists() or "chat_template" not in json.loads(config.read_text()):
        return []
    added = json.loads((folder / "tokenizer.json").read_text())["added_tokens"]
    return [token["id"] for token in added if token["content"] == TURN_END]


def _card(model: Llama, manifest: Manifest, seq_len: int) -> str:
    """The model card: what was trained, on what."""
    n = sum(weights.numel() for weights in model.parameters())
    rows = "".join(
        f"| {source} | {sum(s.n_docs for s in shards):,} | {sum(s.n_tokens for s in shards):,} |\n"
        for source, shards in sorted(manifest.splits["train"].items())
    )
    return (
        f"# A Llama of {n / 1e6:,.1f} million parameters\n\n"
        f"Trained with gristmill, last on {manifest.kind} shards, with sequences of {seq_len} tokens.\n"
        f"Data set `{manifest.content_sha256}`, tokenizer `{manifest.tokenizer.sha256}`.\n\n"
        f"| source | documents | tokens |\n|---|---|---|\n{rows}\n"
        "Each document of the data set can be named by the step that trained on it: `gristmill-train which-docs`.\n"
        "Not evaluated for any use.\n"
    )


def _hf_name(name: str) -> str:
    return name if name.startswith("lm_head.") else f"model.{name}"


def _config(model: Llama, tokenizer: Tokenizer, seq_len: int) -> dict[str, Any]:
    shape = model.shape
    kind = "qwen3" if shape.qk_norm else "llama"
    scaling = shape.rope_scaling
    longest = seq_len if scaling is None else max(seq_len, int(scaling.original_length * scaling.factor))
    return {
        "architectures": [ARCHITECTURES[kind]],
        "model_type": kind,
        "vocab_size": len(model.head),
        "hidden_size": shape.width,
        "intermediate_size": shape.ff_width,
        "num_hidden_layers": shape.n_layers,
        "num_attention_heads": shape.n_heads,
        "num_key_value_heads": shape.n_kv_heads,
        "head_dim": shape.head_width,
        "hidden_act": "silu",
        "max_position_embeddings": longest,
        "initializer_range": INIT_STD,
        "rms_norm_eps": shape.norm_eps,
        "rope_parameters": rope.hf_parameters(shape),
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


def load_hf(folder: Path, scaling: RopeScaling | None = None, recompute: int = 0) -> Llama:
    """The model of an export, or of any Llama or Qwen3 in safetensors files without biases, its positions stretched by
    `scaling`. Raises InputError for a missing file, ContractError for what this Llama cannot be."""
    try:
        config = json.loads((folder / "config.json").read_text())
        weights = {name: tensor for file in _weight_files(folder) for name, tensor in load_file(file).items()}
    except OSError as error:
        raise InputError(f"{folder}: {error}") from error
    shape = _shape(config, folder)
    stretched = shape.model_copy(update={"rope_scaling": scaling}) if scaling else shape
    model = Llama(stretched, config["vocab_size"], recompute)
    expected = {_hf_name(name): tensor for name, tensor in model.state_dict().items()}
    different = sorted(expected.keys() ^ weights.keys())
    if different:
        raise ContractError(f"{folder}: found weights unlike those of the config: {', '.join(different[:5])}")
    with torch.no_grad():
        for name, tensor in expected.items():
            tensor.copy_(weights[name])
    return model


def _weight_files(folder: Path) -> list[Path]:
    """model.safetensors, or the files it is split into."""
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        return [folder / "model.safetensors"]
    return [folder / name for name in sorted(set(json.loads(index.read_text())["weight_map"].values()))]


def _shape(config: dict[str, Any], folder: Path) -> ModelShape:
    parameters, kind = config.get("rope_parameters", {}), config.get("model_type")
    try:
        if kind not in ARCHITECTURES or config.get("attention_bias"):
            raise ValueError(f"model_type {kind}, attention_bias {config.get('attention_bias')}")
        scaling = rope.of_hf(parameters)
    except ValueError as error:
        hint = "expected llama or qwen3 without bias, and a rope_type that is default, linear, yarn or llama3"
        raise ContractError(f"{folder}/config.json: found {error}", hint) from error
    return ModelShape(
        n_layers=config["num_hidden_layers"],
        width=config["hidden_size"],
        n_heads=config["num_attention_heads"],
        n_kv_heads=config["num_key_value_heads"],
        ff_width=config["intermediate_size"],
        tied=config["tie_word_embeddings"],
        rope_theta=parameters["rope_theta"],
        rope_scaling=scaling,
        qk_norm=kind == "qwen3",
        norm_eps=config["rms_norm_eps"],
    )
