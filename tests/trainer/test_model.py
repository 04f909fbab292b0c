"""The model against itself, document by document; its loss and gradients against torch's own."""
# ruff: noqa: E402 - what needs torch is imported after the check for it

from itertools import chain, pairwise
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'gristmill[trainer]'")

from torch.nn import functional

from trainer import losses
from trainer.data import NO_TARGET, Batch
from trainer.device import tensors
from trainer.model import Documents, Llama, init_weights
from trainer.settings import SHAPES, ModelShape

VOCAB_SIZE = 50
SHAPE = ModelShape(n_layers=2, width=32, n_heads=4, n_kv_heads=2, ff_width=48, tied=False, rope_theta=10_000.0)
LENGTHS = [[5, 1, 10], [16]]
CPU = torch.device("cpu")


def packed() -> Batch:
    """Two sequences of 16 tokens: three documents, and one."""
    rng = np.random.default_rng(3)
    tokens = rng.integers(VOCAB_SIZE, size=(2, 16))
    bounds = np.cumsum([0, *chain.from_iterable(LENGTHS)], dtype=np.int32)
    targets = np.roll(tokens, -1, axis=1)
    targets[:, -1] = NO_TARGET
    targets[0, [4, 5]] = NO_TARGET
    return Batch(tokens, targets, bounds)


def documents(batch: Batch) -> list[Batch]:
    """The documents of the packed batch, each as a batch of its own."""
    flat = [array.reshape(-1) for array in (batch.tokens, batch.targets)]
    return [
        Batch(*(array[None, a:b] for array in flat), np.array([0, b - a], np.int32)) for a, b in pairwise(batch.bounds)
    ]


@pytest.fixture
def model() -> Llama:
    return init_weights(Llama(SHAPE, VOCAB_SIZE), seed=5)


def hidden(model: Llama, batch: Batch) -> Any:
    inputs = tensors(batch, CPU)
    return model.hidden(inputs["tokens"], inputs["positions"], inputs["bounds"])


def test_packed_with_mask_equals_each_document_alone(model: Llama) -> None:
    alone = torch.cat([hidden(model, document)[0] for document in documents(packed())])
    torch.testing.assert_close(hidden(model, packed()).flatten(0, 1), alone, atol=1e-5, rtol=0)


def test_the_loss_of_a_batch_is_the_sum_over_its_documents(model: Llama) -> None:
    whole = model(**tensors(packed(), CPU))
    parts = [model(**tensors(document, CPU)) for document in documents(packed())]
    torch.testing.assert_close(whole, torch.stack(parts).sum())


def test_no_gradient_crosses_into_another_document(model: Llama) -> None:
    embedded: list[Any] = []
    model.embed_tokens.register_forward_hook(lambda _module, _inputs, out: embedded.append(out) or out.retain_grad())
    out = hidden(model, packed())
    out[0, 6:].sum().backward()
    gradient = embedded[0].grad
    assert (gradient[0, :6] == 0).all()
    assert (gradient[1] == 0).all()
    assert (gradient[0, 6:].abs().sum(-1) > 0).all()


def test_a_later_token_has_no_influence(model: Llama) -> None:
    batch = packed()
    before = hidden(model, batch)
    batch.tokens[1, 9] = (batch.tokens[1, 9] + 1) % VOCAB_SIZE
    after = hidden(model, batch)
    assert torch.equal(before[1, :9], after[1, :9])
    assert not torch.equal(before[1, 9:], after[1, 9:])


@pytest.mark.parametrize("n_rows", [1, 7, 100])
def test_the_chunked_loss_equals_cross_entropy(monkeypatch: pytest.MonkeyPatch, n_rows: int) -> None:
    monkeypatch.setitem(losses.LOGITS_AT_ONCE, "cpu", n_rows * VOCAB_SIZE)
    generator = torch.Generator().manual_seed(1)
    states = torch.randn(30, 8, generator=generator, requires_grad=True)
    head = torch.randn(VOCAB_SIZE, 8, generator=generator, requires_grad=True)
    targets = torch.randint(VOCAB_SIZE, (30,), generator=generator)
    targets[::4] = NO_TARGET
    expected = functional.cross_entropy(functional.linear(states, head), targets, reduction="sum")
    wanted = torch.autograd.grad(expected / 3, (states, head))
    found = losses.cross_entropy_sum(states, head, targets)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(torch.autograd.grad(found / 3, (states, head)), wanted)
    with torch.no_grad():
        torch.testing.assert_close(losses.cross_entropy_sum(states, head, targets), expected)


def test_a_masked_target_gives_no_gradient(model: Llama) -> None:
    batch = packed()
    batch.targets[:] = NO_TARGET
    loss = model(**tensors(batch, CPU))
    loss.backward()
    assert loss.item() == 0
    assert all((p.grad == 0).all() for p in model.parameters() if p.grad is not None)


def test_bfloat16_products_give_nearly_the_same_loss(model: Llama) -> None:
    exact = model(**tensors(packed(), CPU))
    with torch.autocast("cpu", torch.bfloat16):
        rounded = model(**tensors(packed(), CPU))
    assert rounded.dtype == torch.float32
    assert abs(rounded.item() / exact.item() - 1) < 0.01


@pytest.mark.skipif(not torch.cuda.is_available(), reason="varlen attention needs a GPU")
def test_varlen_attention_equals_masked_attention(model: Llama) -> None:
    inputs = tensors(packed(), torch.device("cuda"))
    masked = Documents(inputs["positions"], inputs["bounds"], SHAPE)
    with torch.autocast("cuda", torch.bfloat16):
        varlen = Documents(inputs["positions"], inputs["bounds"], SHAPE)
    q, k, v = (torch.randn(2, 16, heads, 64, device="cuda", dtype=torch.bfloat16) for heads in (4, 2, 2))
    expected = masked.attend(q.float(), k.float(), v.float())
    torch.testing.assert_close(varlen.attend(q, k, v).float(), expected, atol=2e-2, rtol=2e-2)


def test_weights_depend_on_the_seed_alone() -> None:
    one, same, other = (init_weights(Llama(SHAPE, VOCAB_SIZE), seed) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert not torch.equal(one.head, other.head)


@pytest.mark.parametrize(
    ("preset", "vocab_size", "millions"), [("tiny", 8192, 1.8), ("1.1B", 32_000, 1100.0), ("8B", 128_256, 8030.3)]
)
def test_presets_have_the_size_of_their_models(preset: Any, vocab_size: int, millions: float) -> None:
    """TinyLlama has 1.1 and Llama 3 8B 8.03 billion parameters."""
    with torch.device("meta"):
        model = Llama(ModelShape(preset=preset), vocab_size)  # pyright: ignore[reportCallIssue]
    assert sum(p.numel() for p in model.parameters()) / 1e6 == pytest.approx(millions, rel=0.03)


def test_every_preset_is_a_valid_shape() -> None:
    assert {ModelShape.model_validate({"preset": name}).preset for name in SHAPES} == set(SHAPES)


def test_a_preset_yields_to_what_is_given() -> None:
    shape = ModelShape.model_validate({"preset": "tiny", "n_layers": 7})
    assert (shape.n_layers, shape.width) == (7, 128)
