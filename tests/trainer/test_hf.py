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
from udfs.shards import Manifest, Tokenizer

VOCAB_SIZE = 50


SCALED = {"factor": 4, "original_length": 32}
MODELS = {
    "tied": {"tied": True},
    "untied": {"tied": False},
    "qk_norm": {"qk_norm": True},
    "linear": {"rope_scaling": {"kind": "linear", "factor": 4}},
    "ntk": {"rope_scaling": {"kind": "ntk", "factor": 4}},
    "yarn": {"rope_scaling": {"kind": "yarn", **SCALED}},
    "llama3": {"rope_scaling": {"kind": "llama3", **SCALED}},
}
SIZES = {"n_layers": 2, "width": 32, "n_heads": 4, "n_kv_heads": 2, "ff_width": 48, "tied": True, "rope_theta": 500.0}


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> Llama:
    shape = ModelShape.model_validate(SIZES | MODELS[request.param])
    return init_weights(Llama(shape, VOCAB_SIZE), seed=4)


@pytest.fixture
def exported(model: Llama, tmp_path: Path) -> Path:
    tokenizer = tmp_path / "tokenizer"
    tokenizer.mkdir()
    (tokenizer / "tokenizer.json").write_text('{"version": "1.0"}')
    manifest = Manifest("pretrain", "", Tokenizer("0" * 64, VOCAB_SIZE, 1, 2, None), {}, {}, {"train": {}})
    export(model, manifest, 64, tokenizer, tmp_path / "export")
    return tmp_path / "export"


def test_an_export_holds_weights_config_and_tokenizer(exported: Path) -> None:
    written = {"model.safetensors", "config.json", "generation_config.json", "README.md", "tokenizer.json"}
    assert {path.name for path in exported.iterdir()} == written
    config = json.loads((exported / "config.json").read_text())
    assert (config["bos_token_id"], config["eos_token_id"], config["pad_token_id"]) == (1, 2, None)


def test_an_export_is_read_back_equal(model: Llama, exported: Path) -> None:
    found = load_hf(exported)
    is_ntk = model.shape.rope_scaling and model.shape.rope_scaling.kind == "ntk"  # another base, once exported
    assert is_ntk or found.shape == model.shape
    expected = model.state_dict()
    assert found.state_dict().keys() == expected.keys()
    assert all(torch.equal(weights, expected[name]) for name, weights in found.state_dict().items())


def test_transformers_computes_the_same_logits(model: Llama, exported: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(exported).eval()
    tokens = torch.arange(40).remainder(VOCAB_SIZE)[None]
    positions, bounds = torch.arange(40)[None], torch.tensor([0, 40], dtype=torch.int32)
    with torch.no_grad():
        ours = model.hidden(tokens, positions, bounds) @ model.head.T
        torch.testing.assert_close(theirs(tokens).logits, ours, atol=1e-4, rtol=0)


def test_another_kind_of_model_is_refused(exported: Path) -> None:
    config = json.loads((exported / "config.json").read_text())
    (exported / "config.json").write_text(json.dumps({**config, "rope_parameters": {"rope_type": "dynamic"}}))
    with pytest.raises(ContractError, match="dynamic"):
        load_hf(exported)


def test_an_incomplete_export_is_an_input_error(exported: Path) -> None:
    (exported / "model.safetensors").unlink()
    with pytest.raises(InputError, match="export"):
        load_hf(exported)
