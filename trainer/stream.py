"""What each step of a run trains on: the phases of the settings, over shards cut for each length of sequences.

Nothing is remembered from step to step; which process takes which sequences is decided by their number alone, so any
number of processes sees the same stream. Phases of one length share an order, and go on where the one before ended.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from conf.load import SettingsError
from trainer.data import Batch, DataSet, Split
from trainer.order import Array, Order, OrderPhase, Places
from trainer.settings import Phase, Settings

STEPS_AT_ONCE = 128  # the order of many samples is found nearly as fast as that of a few


@dataclass(frozen=True)
class Part:
    """A phase: its steps [first, last) take `sequences` samples each of an order, from `first_sample` on."""

    first: int
    last: int
    sequences: int
    first_sample: int
    split: Split
    order: Order


class Stream:
    def __init__(self, settings: Settings, data: DataSet) -> None:
        """Raises SettingsError where a mixture names what the shards do not have, or nothing fills a sequence."""
        sized = [(phase.seq_len or settings.seq_len, phase) for phase in settings.phases]
        splits = {length: data.train(length) for length in dict.fromkeys(length for length, _ in sized)}
        self.parts: list[Part] = []
        taken = dict.fromkeys(splits, 0)
        orders = {length: self._order(settings, length, split) for length, split in splits.items()}
        self._places_of = lru_cache(2)(self._places_of_steps)
        first = 0
        for length, phase in sized:
            n = phase.sequences or settings.batch.sequences
            last = first + phase.steps
            self.parts.append(Part(first, last, n, taken[length], splits[length], orders[length]))
            taken[length] += n * phase.steps
            first = last

    def _order(self, settings: Settings, length: int, split: Split) -> Order:
        phases = [
            OrderPhase(phase.steps * (phase.sequences or settings.batch.sequences), _weights(number, phase, split))
            for number, phase in enumerate(settings.phases)
            if (phase.seq_len or settings.seq_len) == length
        ]
        seed = settings.seed if settings.order_seed is None else settings.order_seed
        return Order(seed, split.windows, phases)

    def part(self, step: int) -> Part:
        return next(part for part in self.parts if step < part.last)

    def samples(self, step: int) -> tuple[Part, Array]:
        """The samples of a step, which count from 0."""
        part = self.part(step)
        start = part.first_sample + (step - part.first) * part.sequences
        return part, np.arange(start, start + part.sequences)

    def _places_of_steps(self, first: int, last: int) -> list[Places]:
        """The places of each of the steps [first, last) of a phase."""
        part, samples = self.samples(first)
        found = part.order.places(np.arange(samples[0], samples[0] + (last - first) * part.sequences))
        return [found.slice(n * part.sequences, (n + 1) * part.sequences) for n in range(last - first)]

    def places(self, step: int) -> Places:
        """Where the samples of a step are cut from."""
        part = self.part(step)
        first = step - (step - part.first) % STEPS_AT_ONCE
        return self._places_of(first, min(first + STEPS_AT_ONCE, part.last))[step - first]

    def batch(self, step: int, rank: int = 0, size: int = 1) -> Batch:
        """The sequences of a step that process `rank` of `size` takes: a slice of them, all of one length."""
        part = self.part(step)
        n = part.sequences // size
        return part.split.batch(self.places(step).slice(rank * n, (rank + 1) * n))

    @property
    def n_tokens(self) -> int:
        return sum((part.last - part.first) * part.sequences * part.split.seq_len for part in self.parts)

    @property
    def epochs(self) -> dict[str, dict[str, float]]:
        """For each length of sequences, how often the run goes through each source."""
        return {
            str(part.split.seq_len): dict(zip(part.split.sources, np.round(part.order.epochs, 3).tolist(), strict=True))
            for part in self.parts
        }

    def trace(self, step: int) -> Iterator[dict[str, Any]]:
        """The documents behind a step, sample by sample."""
        part, samples = self.samples(step)
        for sample, place in zip(samples.tolist(), self.places(step).rows(), strict=True):
            for row in part.split.trace(place):
                yield {"sample": sample, **row}

    def steps_of(self, doc_id: str) -> Iterator[int]:
        """The steps that have a token of this document, in order."""
        for part in self.parts:
            wanted = _places_of(part.split, doc_id)
            for step in range(part.first, part.last if len(wanted.source) else part.first):
                if np.isin(_as_number(self.places(step)), _as_number(wanted)).any():
                    yield step


def _places_of(split: Split, doc_id: str) -> Places:
    """The windows that have a token of the document."""
    found = [
        (source, shard, window)
        for source, records in enumerate(split.shards)
        for shard in range(len(records))
        for numbers in [set(split.mapped(source, shard).find(doc_id))]
        if numbers
        for window in range(split.windows[source][shard])
        if numbers & set(split.cut(source, shard).documents(window))
    ]
    return Places(*np.array(found, np.int64).reshape(-1, 3).T)


def _as_number(places: Places) -> Array:
    """A number for each place: 8 bits of source, 20 of shard, 36 of window."""
    return places.source << 56 | places.shard << 36 | places.window


def _weights(number: int, phase: Phase, train: Split) -> list[float]:
    """Of each source, from the phase's weights or the sources' sizes, and its temperature."""
    key = f"phases.{number}.weights"
    sizes = {source: float(counts.sum()) for source, counts in zip(train.sources, train.windows, strict=True)}
    weights: Mapping[str, float] = sizes if phase.weights is None else phase.weights
    if unknown := sorted(weights.keys() - sizes.keys()):
        raise SettingsError(f"{key}: the shards have no source {', '.join(unknown)}; they have {', '.join(sizes)}")
    if empty := sorted(source for source, weight in weights.items() if weight and not sizes[source]):
        raise SettingsError(f"{key}: no shard of {', '.join(empty)} holds {train.seq_len + 1} tokens; lower seq_len")
    if not sum(weights.values()):
        raise SettingsError(f"seq_len: no shard holds {train.seq_len + 1} tokens (found {train.seq_len}); lower it")
    return [weights.get(source, 0.0) ** (1 / phase.temperature) for source in train.sources]
