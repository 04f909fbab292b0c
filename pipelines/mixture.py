"""The mixture of the training shards: from shares, a token budget and factors to epochs by source.

Sizes are estimates, good to a few per cent: bytes of text, counted exactly, over the bytes per token that
train_tokenizer measured for the source. What came of it is counted when the shards are written. No text is moved here.
"""

from collections import Counter
from collections.abc import Iterable
from functools import partial
from typing import Annotated

from pydantic import Field

from conf.model import Model
from pipelines.run import Run
from pipelines.stage import Job
from pipelines.tasks import run_tasks
from udfs.errors import ContractError, UsageError
from udfs.repeats import Repeats
from udfs.tokenize_text import Weight, weigh_part

Weights = dict[tuple[str, str], Weight]
"""(split, source) -> what there is of it."""


class QualityBin(Model):
    min: float
    """Least quality score of the bin."""
    factor: float = Field(ge=0)
    """How many times as often its documents are repeated."""


Epochs = Annotated[float, Field(gt=0)]


class MixtureSettings(Model):
    weights: dict[str, Annotated[float, Field(ge=0)]] | None = None
    """Shares of the training tokens by source, in any unit; sources that are not named are left out. null: by size."""
    temperature: float = Field(default=1.0, gt=0)
    """Shares are raised to 1 / temperature: above 1 small sources gain."""
    tokens: int | None = Field(default=None, ge=1)
    """Training tokens to make, about; null: as many as `epochs` allows."""
    epochs: Epochs | dict[str, Epochs] = 1.0
    """How often a source is repeated: at most, where weights, temperature or tokens are set, else exactly. Sources that
    are not named stand once."""
    quality: list[QualityBin] = []
    """Factors by quality score; a document below every `min` is left out, one without a score has factor 1."""
    cluster_power: float = Field(default=0.0, ge=0, le=1)
    """A kept document is repeated cluster_size to this power times as often: 0 is off, 0.5 the square root."""
    cluster_most: float = Field(default=4.0, ge=1)
    """The largest factor by cluster size."""

    def most(self, source: str) -> float:
        return self.epochs.get(source, 1.0) if isinstance(self.epochs, dict) else self.epochs

    @property
    def is_plain(self) -> bool:
        """Whether every document stands exactly once."""
        return self == MixtureSettings()

    @property
    def factors(self) -> tuple[float, float]:
        """The least and the greatest factor that a document may have beside that of its source."""
        bins = [0.0, 1.0, *(bin.factor for bin in self.quality)] if self.quality else [1.0]
        return min(bins), max(bins) * (self.cluster_most if self.cluster_power else 1.0)

    @property
    def is_by_share(self) -> bool:
        return self.weights is not None or self.temperature != 1.0 or self.tokens is not None

    def repeats(self, epochs: dict[str, float]) -> Repeats:
        bins = sorted(((bin.min, bin.factor) for bin in self.quality), reverse=True)
        return Repeats(epochs, tuple(bins), self.cluster_power, self.cluster_most)


def weigh(job: Job, mixture: MixtureSettings, seed: int, val_share: float) -> Weights:
    """(split, source) -> what `clean` holds of it; reads all text once, and only its length."""
    work = partial(weigh_part, seed=seed, val_share=val_share, repeats=mixture.repeats({}))
    return add_up(run_tasks(job.spark, "weigh the sources", work, job.uris("clean")))


def add_up(parts: Iterable[Weights]) -> Weights:
    """What all parts hold together."""
    sums: Weights = {}
    for found in parts:
        for place, weight in found.items():
            sums[place] = sums.get(place, Weight()).plus(weight)
    return sums


def epochs_of(mixture: MixtureSettings, tokens: dict[str, float]) -> dict[str, float]:
    """How often each source stands in the training shards, where once makes `tokens` (source -> tokens, estimated).
    Raises UsageError for sources that are not there, and for a budget that `epochs` does not allow."""
    check_names("weights", mixture.weights or {}, tokens)
    check_names("epochs", mixture.epochs if isinstance(mixture.epochs, dict) else {}, tokens)
    if not mixture.is_by_share:
        return {source: mixture.most(source) for source in tokens}
    shares = shares_of(mixture, tokens)
    once = {source: share / tokens[source] for source, share in shares.items() if share}  # epochs for a budget of 1
    scarce = max(once, key=lambda source: once[source] / mixture.most(source))
    most = mixture.most(scarce) / once[scarce]
    total = mixture.tokens or most
    if total > most:
        reason = f"pack.mixture.tokens: {total:,} tokens would repeat {scarce} {total * once[scarce]:.2f} times"
        raise UsageError(
            reason, f"at most {int(most):,} are there for these shares; raise pack.mixture.epochs for more"
        )
    return {source: total * once.get(source, 0.0) for source in tokens}


def shares_of(mixture: MixtureSettings, tokens: dict[str, float]) -> dict[str, float]:
    """The share of each source in the training tokens; they sum to 1."""
    weights = tokens if mixture.weights is None else mixture.weights
    raised = {source: weight ** (1 / mixture.temperature) for source, weight in weights.items()}
    empty = sorted(source for source, weight in raised.items() if weight and not tokens[source])
    if empty or not sum(raised.values()):
        reason = f"pack.mixture.weights: no training text of {', '.join(empty) or 'any source with a weight'}"
        raise UsageError(reason, "leave it out, or lower pack.val_share")
    return {source: weight / sum(raised.values()) for source, weight in raised.items()}


def check_names(key: str, named: dict[str, float], tokens: dict[str, float]) -> None:
    if unknown := sorted(named.keys() - tokens.keys()):
        reason = f"pack.mixture.{key}: clean has no source {', '.join(unknown)}"
        raise UsageError(reason, f"its sources are {', '.join(sorted(tokens))}")


def tokens_expected(run: Run, weights: Weights, framing: int) -> dict[tuple[str, str], float]:
    """The tokens that one epoch of each split and source makes, by estimate; `framing` of them for each document."""
    trained = run.committed("train_tokenizer")
    if trained is None:
        raise ContractError("train_tokenizer has no record", "run `gristmill train_tokenizer` first")
    n_bytes, n_tokens = Counter[str](), Counter[str]()
    for row in trained.counts["measured"]:
        n_bytes[row["source"]] += row["bytes"]
        n_tokens[row["source"]] += row["tokens"]
    rates = {source: n_tokens[source] / n_bytes[source] for source in n_tokens if n_bytes[source]}
    mean = 1 / max(1.0, trained.counts["bytes_per_token"])
    return {
        (split, source): weight.n_bytes * rates.get(source, mean) + framing * weight.copies
        for (split, source), weight in weights.items()
    }
