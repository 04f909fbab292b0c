"""What a run will cost, against models counted, and figures that others have published."""
# ruff: noqa: E402 - what needs torch is imported after the check for it

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'gristmill[trainer]'")

from trainer.model import Llama
from trainer.plan import flops_per_token, memory, mfu, n_parameters, plan
from trainer.settings import SHAPES, ModelShape, Settings

MakeSettings = Callable[..., Settings]
A100, H200 = 312e12, 989e12
OPTIONS: list[dict[str, Any]] = [{"preset": name} for name in SHAPES]
OPTIONS += [{"preset": "124M", "qk_norm": True}, {"preset": "tiny", "experts": {"n_experts": 4, "top_k": 2}}]


@pytest.mark.parametrize("given", OPTIONS, ids=str)
def test_parameters_are_those_of_the_model(given: dict[str, Any]) -> None:
    shape = ModelShape.model_validate(given)
    with torch.device("meta"):
        model = Llama(shape, 32_000)
    assert n_parameters(shape, 32_000) == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ("n_parameters", "tokens_per_second", "n_devices", "share"),
    [(13e9, 8_300, 16, 0.130), (65.2e9, 380, 1, 0.476)],
    ids=["13B on 16 A100", "LLaMA-65B for each A100"],
)
def test_published_throughputs_have_their_share_of_the_peak(
    n_parameters: float, tokens_per_second: float, n_devices: int, share: float
) -> None:
    assert mfu(tokens_per_second, 6 * n_parameters, n_devices, A100) == pytest.approx(share, abs=5e-4)


def test_the_share_of_a_published_speed_of_llama_3_is_that_which_was_published() -> None:
    """torchtitan: Llama 3.1 8B at T = 8192 on H100, 5,762 tokens/s for each, 33.7 % by its own formula."""
    flops = flops_per_token(ModelShape.model_validate({"preset": "8B"}), 128_256, 8192)
    assert mfu(5_762, flops, 1, H200) == pytest.approx(0.337, abs=0.002)


def test_states_are_sixteen_bytes_a_parameter_shared_out(make_settings: MakeSettings) -> None:
    shape = ModelShape.model_validate({"preset": "1.1B"})
    whole = memory(shape, 32_000, make_settings(), 8)
    sliced = memory(shape, 32_000, make_settings("parallel=zero3"), 8)
    assert whole["states"] / 2**30 == pytest.approx(16.4, abs=0.1)
    assert sliced["states"] == whole["states"] // 8
    recomputed = memory(shape, 32_000, make_settings("recompute=1"), 1)
    assert recomputed["activations"] < whole["activations"] / 3


def test_the_plan_adds_up_over_phases(make_settings: MakeSettings) -> None:
    settings = make_settings("phases=[{steps: 6}, {steps: 2, seq_len: 64, sequences: 2}]", "peak_tflops=100")
    assert settings.model is not None
    found = plan(settings, settings.model, 64, 2, 0.5)
    assert found["tokens"] == 6 * 4 * 32 + 2 * 2 * 64
    assert found["flops_6nd"] == 6 * found["parameters"] * found["tokens"]
    assert found["hours"] == round(found["flops"] / (100e12 * 2 * 0.5) / 3600, 2)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="the peak of memory is a GPU's")
def test_memory_is_foreseen_within_a_tenth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).resolve().parents[2] / "benchmarks")
    from trainer_gpu import measure  # pyright: ignore[reportMissingImports]

    found = measure("124M", seq_len=2048, micro=8, steps=10)
    assert found["planned_bytes"] == pytest.approx(found["peak_bytes"], rel=0.1)
