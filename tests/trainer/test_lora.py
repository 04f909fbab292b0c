"""LoRA: begins at the base model, trains nothing else, merges to the same, loads in peft."""
# ruff: noqa: E402 - what needs torch is imported after the check for it

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'gristmill[trainer]'")

from trainer.hf import export
from trainer.lora import LoraLinear, add_lora, merge, save_adapter
from trainer.model import Llama, init_weights
from trainer.settings import Lora, ModelShape
from udfs.shards import Manifest, Tokenizer

VOCAB_SIZE = 50
SHAPE = ModelShape(n_layers=2, width=32, n_heads=4, n_kv_heads=2, ff_width=48, tied=True, rope_theta=500.0)
SETTINGS = Lora(rank=4, alpha=6.0, targets=["q_proj", "v_proj", "down_proj"])
TOKENS = torch.arange(40).remainder(VOCAB_SIZE)[None]


def logits(model: Llama) -> torch.Tensor:
    positions, bounds = torch.arange(40)[None], torch.tensor([0, 40], dtype=torch.int32)
    return model.hidden(TOKENS, positions, bounds) @ model.head.T


def base() -> Llama:
    return init_weights(Llama(SHAPE, VOCAB_SIZE), seed=4)


@pytest.fixture
def trained() -> Llama:
    """A model with additions that are not zero."""
    model = add_lora(base(), SETTINGS, seed=1)
    generator = torch.Generator().manual_seed(2)
    for layer in model.modules():
        if isinstance(layer, LoraLinear):
            torch.nn.init.normal_(layer.lora_B.weight, 0.0, 0.1, generator=generator)
    return model


def test_it_begins_at_the_base_model() -> None:
    assert torch.equal(logits(add_lora(base(), SETTINGS, seed=1)), logits(base()))


def test_only_the_additions_have_gradients(trained: Llama) -> None:
    logits(trained).sum().backward()
    with_gradient = {name for name, p in trained.named_parameters() if p.grad is not None}
    assert with_gradient == {name for name, _ in trained.named_parameters() if ".lora_" in name}
    assert len(with_gradient) == 2 * 2 * len(SETTINGS.targets)


def test_merged_it_computes_the_same(trained: Llama) -> None:
    expected = logits(trained)
    merged = merge(trained)
    torch.testing.assert_close(logits(merged), expected, atol=1e-5, rtol=0)
    assert merged.state_dict().keys() == base().state_dict().keys()
    assert not torch.allclose(logits(merged), logits(base()), atol=1e-3)


@pytest.mark.filterwarnings("ignore::FutureWarning")  # peft asks transformers by an old name
def test_the_adapter_loads_in_peft(trained: Llama, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    peft = pytest.importorskip("peft", reason="peft is not installed")
    (tmp_path / "tokenizer").mkdir()
    manifest = Manifest("sft", "", Tokenizer("0" * 64, VOCAB_SIZE, 1, 2, None), {}, {}, {"train": {}})
    export(base(), manifest, 64, tmp_path / "tokenizer", tmp_path / "base")
    save_adapter(trained, SETTINGS, tmp_path / "adapter")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    with torch.no_grad():
        adapted = peft.PeftModel.from_pretrained(theirs, str(tmp_path / "adapter")).eval()
        torch.testing.assert_close(adapted(TOKENS).logits, logits(trained), atol=1e-4, rtol=0)
