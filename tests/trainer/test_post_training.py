"""SFT and DPO: the loss is what it is said to be, and models learn what they are shown."""
# ruff: noqa: E402 - what needs torch is imported after the check for it

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'gristmill[trainer]'")

from chat_data import write_chat

from trainer import hf, loop, lora
from trainer.data import open_data
from trainer.device import tensors
from trainer.losses import answer_log_probabilities, dpo_losses
from trainer.model import Llama, init_weights
from trainer.settings import Settings
from udfs.errors import ContractError, UsageError

MakeSettings = Callable[..., Settings]
pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    return write_chat(tmp_path / "talk", "sft")


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    return write_chat(tmp_path / "pairs", "preference")


def log_of(settings: Settings) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (Path(settings.output) / "log.jsonl").read_text().splitlines()]


def exported(settings: Settings, folder: Path) -> Path:
    data = open_data(settings)
    model = lora.merge(loop.load_model(settings, data, pytest.fail))
    hf.export(model, data.manifest, settings.seq_len, Path(settings.shards) / "tokenizer", folder)
    return folder


def test_the_dpo_loss_is_that_of_its_formula() -> None:
    policy, reference = torch.tensor([-4.0, -9.0, -3.0, -2.0]), torch.tensor([-5.0, -8.5, -2.0, -4.0])
    losses, margins = dpo_losses(policy, reference, beta=0.1)
    # beta * ((chosen - its reference) - (rejected - its reference)), by hand
    assert margins.tolist() == pytest.approx([0.1 * (1.0 - -0.5), 0.1 * (-1.0 - 2.0)])
    assert losses.tolist() == pytest.approx([np.log1p(np.exp(-0.15)), np.log1p(np.exp(0.3))])


@pytest.mark.filterwarnings("ignore")  # of the packages that TRL imports
def test_the_dpo_loss_equals_that_of_trl(make_settings: MakeSettings, pairs: Path, tmp_path: Path) -> None:
    """TRL's own loss function, over two models that transformers runs on padded pairs."""
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    trl = pytest.importorskip("trl.trainer.dpo_trainer", reason="trl is not installed")
    settings = make_settings(f"shards={pairs}", "seq_len=64")
    split = open_data(settings).train(64)
    models = [init_weights(Llama(shape_of(settings), 64), seed) for seed in (1, 2)]
    batch = split.batch(split.first_places(0, 2))
    inputs = tensors(batch, CPU)
    ours = [answer_log_probabilities(model(**inputs, each=True), inputs["bounds"]) for model in models]
    found = dpo_losses(*ours, 0.1)[0].mean()
    theirs = []
    for number, model in enumerate(models):
        hf.export(model, open_data(settings).manifest, 64, pairs / "tokenizer", tmp_path / str(number))
        theirs.append(transformers.AutoModelForCausalLM.from_pretrained(tmp_path / str(number)))
    expected = trl_loss(trl, *theirs, padded(batch))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def shape_of(settings: Settings) -> Any:
    assert settings.model is not None
    return settings.model.model_copy(update={"n_layers": 2})


def padded(batch: Any) -> dict[str, Any]:
    """TRL's batch: all chosen answers, then all rejected ones, with masks."""
    tokens, targets = batch.tokens.reshape(-1), batch.targets.reshape(-1)
    rows = []
    for start, end in zip(batch.bounds[:-1], batch.bounds[1:], strict=True):
        last = start + (targets[start:end] >= 0).nonzero()[0].max()
        ids = [*tokens[start : last + 1], targets[last]]
        rows.append((ids, [0, *(targets[start : last + 1] >= 0).astype(int)]))
    longest = max(len(ids) for ids, _ in rows)
    rows = rows[::2] + rows[1::2]
    return {
        "input_ids": torch.tensor([[*ids, *[0] * (longest - len(ids))] for ids, _ in rows]),
        "attention_mask": torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids, _ in rows]),
        "completion_mask": torch.tensor([[*mask, *[0] * (longest - len(mask))] for _, mask in rows]),
    }


def trl_loss(trl: Any, policy: Any, reference: Any, inputs: dict[str, Any]) -> Any:
    """What DPOTrainer's own method computes, called on an object that holds what it asks for."""
    for model in (policy, reference):
        trl.add_fused_lm_head(model, outputs=("log_probs", "entropy", "mean_logits", "is_top1"))
    accelerator = SimpleNamespace(device=CPU, gather=lambda x: x, gather_for_metrics=lambda x: x)
    given = {
        "model": policy,
        "ref_model": reference,
        "accelerator": accelerator,
        "_metrics": defaultdict(lambda: defaultdict(list)),
    }
    given |= {"beta": 0.1, "loss_types": ["sigmoid"], "loss_weights": [1.0], "label_smoothing": 0.0, "ld_alpha": None}
    given |= {"f_divergence_type": "reverse_kl", "aux_loss_enabled": False, "precompute_ref_logps": False}
    given |= {"use_weighting": False, "_total_train_tokens": 0, "_tp_size": 1}
    args = SimpleNamespace(gradient_checkpointing_kwargs=None)
    return trl.DPOTrainer._compute_loss(SimpleNamespace(args=args, **given), policy, inputs, return_outputs=False)


def test_a_model_learns_to_answer(make_settings: MakeSettings, talk: Path) -> None:
    settings = make_settings(
        f"shards={talk}", "seq_len=64", "phases=[{steps: 150}]", "batch={sequences: 8}", "held_out.every=1000"
    )
    assert loop.train(settings, lambda _: None, "sft") == 0
    scores = [line for line in log_of(settings) if line["event"] == "held_out"][-1]["sources"]["talk"]
    assert scores["loss"] < 1.0  # ln 61 = 4.1 before
    assert "bits_per_byte" not in scores


def test_dpo_teaches_to_prefer_the_chosen_answers(make_settings: MakeSettings, talk: Path, tmp_path: Path) -> None:
    few = ["seq_len=64", "batch={sequences: 8, micro_sequences: 4}", "held_out.every=1000"]
    taught = make_settings(f"shards={talk}", *few, "phases=[{steps: 60}]")
    loop.train(taught, lambda _: None)
    base = exported(taught, tmp_path / "base")
    pairs = write_chat(tmp_path / "pairs", "preference")
    begins = ["model=null", f"init_from={base}", f"shards={pairs}", f"output={tmp_path / 'dpo'}"]
    settings = make_settings(*begins, *few, "phases=[{steps: 40}]", "optimizer={lr: 1.0e-3, warmup_steps: 2}")
    assert loop.train(settings, lambda _: None, "preference") == 0
    updates = [line for line in log_of(settings) if line["event"] == "update"]
    assert updates[0]["loss"] == pytest.approx(np.log(2), abs=1e-4)  # policy and reference are one
    held_out = [line for line in log_of(settings) if line["event"] == "held_out"][-1]["sources"]["talk"]
    assert held_out["accuracy"] > 0.9
    assert held_out["loss"] < 0.6


def test_lora_trains_from_an_export_and_resumes_bit_for_bit(
    make_settings: MakeSettings, talk: Path, tmp_path: Path
) -> None:
    first = make_settings(f"shards={talk}", "seq_len=64")
    loop.train(first, lambda _: None)
    begins = ["model=null", f"init_from={exported(first, tmp_path / 'base')}", f"shards={talk}", "seq_len=64"]
    whole, halved = (make_settings(*begins, "lora={rank: 4}", f"output={tmp_path / name}") for name in ("a", "b"))
    loop.train(whole, lambda _: None)
    (tmp_path / "b").mkdir()
    loop.train(halved, lambda _: None)
    newest = loop.checkpoints(halved) / "step-00000006"
    next(newest.glob("*.distcp")).write_bytes(b"")  # falls back to step 4
    said: list[str] = []
    loop.train(halved, said.append)
    assert "resumed after step 4" in said
    models = [loop.load_model(s, open_data(s), pytest.fail).state_dict() for s in (whole, halved)]
    assert all(torch.equal(models[0][name], models[1][name]) for name in models[0])
    base = hf.load_hf(tmp_path / "base").state_dict()
    assert all(torch.equal(models[0][name], weights) for name, weights in base.items())


def test_shards_of_another_kind_are_refused(make_settings: MakeSettings, talk: Path) -> None:
    with pytest.raises(UsageError, match="found sft shards, expected preference"):
        loop.train(make_settings(f"shards={talk}"), lambda _: None, "preference")


def test_dpo_needs_a_model_to_start_from(make_settings: MakeSettings, pairs: Path) -> None:
    with pytest.raises(UsageError, match="init_from is not given"):
        loop.train(make_settings(f"shards={pairs}"), lambda _: None)


def test_a_model_of_another_vocabulary_is_refused(make_settings: MakeSettings, talk: Path, tmp_path: Path) -> None:
    settings = make_settings()
    manifest = open_data(settings).manifest
    hf.export(init_weights(Llama(shape_of(settings), 65), 1), manifest, 32, talk / "tokenizer", tmp_path / "other")
    with pytest.raises(ContractError, match="found a vocabulary of 65, the shards have 64"):
        loop.train(make_settings("model=null", f"init_from={tmp_path / 'other'}"), lambda _: None)
