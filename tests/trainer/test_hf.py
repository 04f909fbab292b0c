"""The export loads as what it says it is: here, and in transformers where that is installed."""
# ruff: noqa: E402 - what needs torch is imported after the check for it

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'gristmill[trainer]'")

from trainer.hf import export, load_hf
from trainer.model import Llama, init_weights
from trainer.settings import ModelShape
from udfs.errors import ContractError, InputError
from udfs.shards import Tokenizer

VOCAB_SIZE = 50


@pytest.fixture(params=[True, False], ids=["tied", "untied"])
def model(request: pytest.FixtureRequest) -> Llama:
    shape = ModelShape(n_layers=2, width=32, n_heads=4, n_kv_heads=2, ff_width=48, tied=request.param, rope_theta=500.0)
    return init_weights(Llama(shape, VOCAB_SIZE), seed=4)


@pytest.fixture
def exported(model: Llama, tmp_path: Path) -> Path:
    tokenizer = tmp_path / "tokenizer"
    tokenizer.mkdir()
    (tokenizer / "tokenizer.json").write_text('{"version": "1.0"}')
    export(model, Tokenizer("0" * 64, VOCAB_SIZE, 1, 2, None), 64, tokenizer, tmp_path / "export")
    return tmp_path / "export"


def test_an_export_holds_weights_config_and_tokenizer(exported: Path) -> None:
    assert {path.name for path in exported.iterdir()} == {"model.safetensors", "config.json", "tokenizer.json"}
    config = json.loads((exported / "config.json").read_text())
    assert config["rope_parameters"] == {"rope_type": "default", "rope_theta": 500.0}
    assert (config["bos_token_id"], config["eos_token_id"], config["pad_token_id"]) == (1, 2, None)


def test_an_export_is_read_back_equal(model: Llama, exported: Path) -> None:
    found = load_hf(exported)
    assert found.shape == model.shape
    expected = model.state_dict()
    assert found.state_dict().keys() == expected.keys()
    assert all(torch.equal(weights, expected[name]) for name, weights in found.state_dict().items())


def test_transformers_computes_the_same_logits(model: Llama, exported: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(exported).eval()
    tokens = torch.arange(40).remainder(VOCAB_SIZE)[None]
    positions, bounds = torch.arange(40)[None], torch.tensor([0, 40], dtype=torch.int32)
    with torch.no_grad():
        ours = model(tokens, positions, bounds) @ model.head.T
        torch.testing.assert_close(theirs(tokens).logits, ours, atol=1e-4, rtol=0)


def test_another_kind_of_model_is_refused(exported: Path) -> None:
    config = json.loads((exported / "config.json").read_text())
    (exported / "config.json").write_text(json.dumps({**config, "rope_parameters": {"rope_type": "yarn"}}))
    with pytest.raises(ContractError, match="yarn"):
        load_hf(exported)


def test_an_incomplete_export_is_an_input_error(exported: Path) -> None:
    (exported / "model.safetensors").unlink()
    with pytest.raises(InputError, match="export"):
        load_hf(exported)
