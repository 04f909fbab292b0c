"""What a training run is told: pydantic models, read with conf.load. Model shapes by name, everything else by value."""

from typing import Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from conf.model import Model

# Values of SHAPE_FIELDS. 124M and 360M have the layers and widths of GPT-2 small and medium, 1.1B is TinyLlama's shape,
# 8B is Llama 3's.
SHAPES: dict[str, tuple[int, int, int, int, int, bool, float]] = {
    "tiny": (4, 128, 4, 2, 384, True, 10_000.0),
    "124M": (12, 768, 12, 12, 2048, True, 10_000.0),
    "360M": (24, 1024, 16, 16, 2816, True, 10_000.0),
    "1.1B": (22, 2048, 32, 4, 5632, False, 10_000.0),
    "8B": (32, 4096, 32, 8, 14336, False, 500_000.0),
}
SHAPE_FIELDS = ("n_layers", "width", "n_heads", "n_kv_heads", "ff_width", "tied", "rope_theta")


class ModelShape(Model):
    """A Llama's shape: `preset` fills in what is not given. The vocabulary comes from the shards."""

    preset: Literal["tiny", "124M", "360M", "1.1B", "8B"] | None = None
    n_layers: PositiveInt
    width: PositiveInt
    n_heads: PositiveInt
    n_kv_heads: PositiveInt
    ff_width: PositiveInt
    tied: bool
    """The head shares the embedding's weights."""
    rope_theta: PositiveFloat
    norm_eps: PositiveFloat = 1e-5

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, given: Any) -> Any:
        if not isinstance(given, dict) or given.get("preset") not in SHAPES:
            return given
        return {**dict(zip(SHAPE_FIELDS, SHAPES[given["preset"]], strict=True)), **given}

    @model_validator(mode="after")
    def _heads_fit(self) -> "ModelShape":
        if self.width % (2 * self.n_heads) or self.n_heads % self.n_kv_heads:
            raise ValueError("width must be an even multiple of n_heads, and n_heads a multiple of n_kv_heads")
        return self


class Phase(Model):
    """Some steps with one mixture of sources; a second phase with another mixture is an anneal."""

    steps: PositiveInt
    weights: dict[str, float] | None = None
    """Share of sequences from each source, scaled to a sum of one; without it, every window equally often."""

    @model_validator(mode="after")
    def _weights_are_shares(self) -> "Phase":
        if self.weights is not None and (min(self.weights.values(), default=-1) < 0 or sum(self.weights.values()) <= 0):
            raise ValueError("weights must not be negative, and one must be above zero")
        return self


class Batch(Model):
    sequences: PositiveInt = 16
    """Sequences for each update of the weights."""
    micro_sequences: PositiveInt = 16
    """Sequences in memory at a time: gradients are accumulated over them. Results change by rounding only."""


class Optimizer(Model):
    lr: PositiveFloat = 3e-4
    min_lr_ratio: float = Field(default=0.1, ge=0, le=1)
    """The cosine ends at lr times this."""
    warmup_steps: int = Field(default=100, ge=0)
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = Field(default=0.1, ge=0)
    clip: PositiveFloat = 1.0
    """Largest norm of the gradient."""


class HeldOut(Model):
    every: PositiveInt = 100
    """Steps between evaluations; there is always one at the end."""
    windows: PositiveInt = 64
    """Sequences per source, the first ones of its val shards."""


class Checkpoints(Model):
    every: PositiveInt = 100
    """Steps between checkpoints; there is always one at the end."""
    keep: int = Field(default=2, ge=2)
    """The newest so many stay: one to use, and one to fall back to."""


class Settings(Model):
    shards: str
    """Folder of the data set: manifest.json, shards, tokenizer/."""
    output: str
    """Folder for log.jsonl, checkpoints/ and export/."""
    seed: int = Field(default=1, ge=0, lt=2**63)
    seq_len: PositiveInt = 1024
    verify: bool = True
    """Digest every shard file before training: about 2 s per GB."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of matrix products; auto is bfloat16 on a GPU that has it. Weights and optimizer state are float32."""
    model: ModelShape
    phases: list[Phase] = Field(min_length=1)
    batch: Batch = Batch()
    optimizer: Optimizer = Optimizer()
    held_out: HeldOut = HeldOut()
    checkpoints: Checkpoints = Checkpoints()

    @property
    def steps(self) -> int:
        return sum(phase.steps for phase in self.phases)
