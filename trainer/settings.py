"""What a training run is told: pydantic models, read with conf.load. Model shapes by name, everything else by value."""

from typing import Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from conf.model import Model

# Values of SHAPE_FIELDS. Up to 30M: for ablations; with a vocabulary of 8192 they have 1.8, 6.8, 13.8 and 22.9 million
# parameters. 124M and 360M have the layers and widths of GPT-2 small and medium, 1.1B is TinyLlama's shape, 8B is Llama
# 3's.
SHAPES: dict[str, tuple[int, int, int, int, int, bool, float]] = {
    "tiny": (4, 128, 4, 2, 384, True, 10_000.0),
    "7M": (6, 256, 8, 4, 768, True, 10_000.0),
    "14M": (6, 384, 6, 6, 1024, True, 10_000.0),
    "30M": (8, 448, 7, 7, 1216, True, 10_000.0),
    "124M": (12, 768, 12, 12, 2048, True, 10_000.0),
    "360M": (24, 1024, 16, 16, 2816, True, 10_000.0),
    "1.1B": (22, 2048, 32, 4, 5632, False, 10_000.0),
    "8B": (32, 4096, 32, 8, 14336, False, 500_000.0),
}
Preset = Literal["tiny", "7M", "14M", "30M", "124M", "360M", "1.1B", "8B"]
SHAPE_FIELDS = ("n_layers", "width", "n_heads", "n_kv_heads", "ff_width", "tied", "rope_theta")


class RopeScaling(Model):
    """Rotary positions stretched for contexts longer than those the weights were trained with; see trainer/rope.py."""

    kind: Literal["linear", "ntk", "yarn", "llama3"]
    factor: float = Field(gt=1)
    """How many times longer."""
    original_length: PositiveInt = 8192
    """Context that the weights were trained with; yarn and llama3 need it."""
    low_freq_factor: PositiveFloat = 1.0
    high_freq_factor: PositiveFloat = 4.0
    """For llama3: between these two the frequencies pass from scaled to unscaled."""


class Experts(Model):
    """A mixture of experts in the place of each feed-forward layer; see trainer/moe.py."""

    n_experts: int = Field(ge=2)
    top_k: PositiveInt = 2
    """Experts for each token."""
    balance: float = Field(default=0.01, ge=0)
    """Weight of the loss that keeps experts equally busy."""


class ModelShape(Model):
    """A Llama's shape: `preset` fills in what is not given. The vocabulary comes from the shards."""

    preset: Preset | None = None
    n_layers: PositiveInt
    width: PositiveInt
    n_heads: PositiveInt
    n_kv_heads: PositiveInt
    ff_width: PositiveInt
    tied: bool
    """The head shares the embedding's weights."""
    rope_theta: PositiveFloat
    rope_scaling: RopeScaling | None = None
    qk_norm: bool = False
    """RMSNorm on queries and keys of each head, as Qwen3 has it."""
    experts: Experts | None = None
    norm_eps: PositiveFloat = 1e-5

    @property
    def head_width(self) -> int:
        return self.width // self.n_heads

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
        if self.experts and self.experts.top_k > self.experts.n_experts:
            raise ValueError("experts.top_k must not be above experts.n_experts")
        return self


class Phase(Model):
    """Some steps with one mixture, one length of sequences and one course of the learning rate. A second phase with
    another mixture and a falling rate is an anneal, one with longer sequences a long-context phase."""

    steps: PositiveInt
    weights: dict[str, float] | None = None
    """Share of sequences from each source, scaled to a sum of one; null for shares by size."""
    temperature: PositiveFloat = 1.0
    """Shares are raised to 1 / temperature: above 1 small sources gain."""
    seq_len: PositiveInt | None = None
    """Null for that of the run. Windows of another length are other windows: their epochs begin anew."""
    sequences: PositiveInt | None = None
    """For each update; null for batch.sequences."""
    decay: Literal["cosine", "linear", "sqrt", "none"] = "cosine"
    """How the learning rate falls in this phase; `none`, then `linear` or `sqrt` (1 - sqrt) is warmup-stable-decay."""
    end: float = Field(default=0.1, ge=0, le=1)
    """Where it falls to, as a share of optimizer.lr."""

    @model_validator(mode="after")
    def _weights_are_shares(self) -> "Phase":
        if self.weights is not None and (min(self.weights.values(), default=-1) < 0 or sum(self.weights.values()) <= 0):
            raise ValueError("weights must not be negative, and one must be above zero")
        return self


class Batch(Model):
    sequences: PositiveInt = 16
    """Sequences for each update of the weights."""
    micro_sequences: PositiveInt = 16
    """Sequences in memory of a process at a time: gradients are accumulated over them. Changes results by rounding."""


class Optimizer(Model):
    kind: Literal["adamw", "muon"] = "adamw"
    """`muon` takes the matrices of the layers, AdamW all else."""
    lr: PositiveFloat = 3e-4
    warmup_steps: int = Field(default=100, ge=0)
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = Field(default=0.1, ge=0)
    clip: PositiveFloat = 1.0
    """Largest norm of the gradient."""


class Skip(Model):
    """Steps whose loss or gradient norm is not finite, or far above the last ones, change nothing."""

    sigmas: PositiveFloat | None = 6.0
    """Standard deviations above the mean of the last steps that make a spike; null skips no spike."""
    window: int = Field(default=128, ge=4)
    """How many last steps are looked at; half as many must have been."""
    stop_after: PositiveInt = 10
    """Steps skipped in a row after which the run ends."""


class Lora(Model):
    """Train low-rank additions to some matrices, and nothing else (Hu et al. 2021)."""

    rank: PositiveInt = 16
    alpha: PositiveFloat = 32.0
    """What is added is scaled by alpha / rank."""
    targets: list[Literal["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]] = Field(
        default=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"], min_length=1
    )


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


class Log(Model):
    """Beside log.jsonl, which is always written."""

    tensorboard: bool = False
    """Write OUTPUT/tensorboard; needs the package tensorboard."""
    wandb: str | None = None
    """Project of Weights & Biases; needs the package wandb."""


class Settings(Model):
    shards: str
    """Folder of the data set: manifest.json, shards, tokenizer/; local, or on any file system that fsspec knows."""
    output: str
    """Folder for log.jsonl, checkpoints/ and export/."""
    seed: int = Field(default=1, ge=0, lt=2**63)
    order_seed: int | None = Field(default=None, ge=0, lt=2**63)
    """Decides the order of the sequences; null for `seed`, which then decides only the first weights beside it."""
    seq_len: PositiveInt = 1024
    verify: bool = True
    """Digest every shard file before training: about 2 s per GB."""
    cache: str | None = None
    """Local folder for shards that are not local."""
    cache_bytes: PositiveInt = 64 << 30
    """Of shards in it; the one used longest ago goes first."""
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Of matrix products; auto is bfloat16 on a GPU that has it. Weights and optimizer state are float32."""
    parallel: Literal["ddp", "zero2", "zero3"] = "ddp"
    """With several processes: whole copies, or FSDP2 with optimizer state and gradients (zero2), or weights too (zero3)
    in slices."""
    compile: bool | None = None
    """torch.compile of each layer; null for on a GPU only."""
    recompute: int = Field(default=0, ge=0)
    """Activation checkpointing of every so-manieth layer: 1 all, 2 every second, 0 none."""
    peak_tflops: PositiveFloat | None = None
    """Of one device, dense bfloat16, for MFU; null for what is known of its name."""
    model: ModelShape | None = None
    init_from: str | None = None
    """Folder in Hugging Face's format to start from, in the place of `model`: an export, or another Llama."""
    rope_scaling: RopeScaling | None = None
    """With init_from: lengthen its context."""
    lora: Lora | None = None
    dpo_beta: PositiveFloat = 0.1
    """On preference shards: how far the policy may move away from init_from (Rafailov et al. 2023)."""
    phases: list[Phase] = Field(min_length=1)
    batch: Batch = Batch()
    optimizer: Optimizer = Optimizer()
    skip: Skip = Skip()
    held_out: HeldOut = HeldOut()
    checkpoints: Checkpoints = Checkpoints()
    log: Log = Log()

    @model_validator(mode="after")
    def _one_beginning(self) -> "Settings":
        if (self.model is None) == (self.init_from is None):
            raise ValueError("one of model and init_from is needed, and one only")
        if self.rope_scaling and not self.init_from:
            raise ValueError("rope_scaling belongs to init_from; give a new model model.rope_scaling")
        return self

    @property
    def steps(self) -> int:
        return sum(phase.steps for phase in self.phases)
