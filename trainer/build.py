"""The model of a run: made anew or read from a folder, with LoRA where it is asked for."""

from pathlib import Path
from typing import Any

from trainer import hf
from trainer.data import DataSet
from trainer.lora import add_lora
from trainer.model import Llama, init_weights
from trainer.settings import Settings
from udfs.errors import ContractError


def build(settings: Settings, vocab_size: int) -> Llama:
    """The model as it is before the first step, on the CPU. Raises ContractError where `init_from` has another
    vocabulary than the shards."""
    model = base(settings, vocab_size)
    return add_lora(model, settings.lora, settings.seed) if settings.lora else model


def base(settings: Settings, vocab_size: int) -> Llama:
    """The model without LoRA."""
    if settings.model is not None:
        return init_weights(Llama(settings.model, vocab_size, settings.recompute), settings.seed)
    folder = Path(settings.init_from or "")
    model = hf.load_hf(folder, settings.rope_scaling, settings.recompute)
    if len(model.head) != vocab_size:
        hint = "make the shards with the tokenizer of this model"
        raise ContractError(f"{folder}: found a vocabulary of {len(model.head)}, the shards have {vocab_size}", hint)
    return model


def identity(settings: Settings, data: DataSet, model: Llama) -> dict[str, Any]:
    """What has to be equal for a run to go on from a checkpoint: the data, their order, the shape of the model."""
    return {
        "content_sha256": data.manifest.content_sha256,
        "tokenizer": data.manifest.tokenizer.sha256,
        "model": model.shape.model_dump(mode="json", exclude={"preset"}),
        "sequences": settings.batch.sequences,
        **settings.model_dump(mode="json", include={"seed", "order_seed", "seq_len", "phases", "lora"}),
        "optimizer": settings.optimizer.kind,
    }
