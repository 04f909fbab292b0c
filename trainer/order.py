"""The order of training: sample number -> (source, shard, window), in closed form.

Nothing is drawn, stored or remembered: a run is continued, sliced over machines or traced back from the sample number
alone. A sample takes the source whose quota it fills; the k-th sample of a source takes the k-th window of that source
in an order permuted anew for each epoch, first over its shards, then over the windows of a shard. Reads no data: it is
told how many windows each shard has.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]

SHARE_BITS = 24  # weights are rounded to 2^-24; sample numbers stay below 2^39
FEISTEL_ROUNDS = 6
U64 = np.uint64


@dataclass(frozen=True)
class Places:
    """Where samples are cut from, int64 arrays of one length: `source` and `shard` count from 0, `shard` within its
    source; `window` w is tokens [w·T, w·T+T] of the shard."""

    source: Array
    shard: Array
    window: Array

    def slice(self, start: int, stop: int) -> "Places":
        return Places(self.source[start:stop], self.shard[start:stop], self.window[start:stop])

    def rows(self) -> list[tuple[int, int, int]]:
        return list(zip(self.source.tolist(), self.shard.tolist(), self.window.tolist(), strict=True))


@dataclass(frozen=True)
class OrderPhase:
    """`n_samples` with one mixture, `weights` per source."""

    n_samples: int
    weights: Sequence[float]


def quotas(n: Array, weights: Sequence[float]) -> Array:
    """How many of the first n samples each source has: int64 (sources, len(n)).

    Splits n in two halves of the sources by their joint weights, and so on down. Each column sums to n; no entry ever
    falls as n grows, because a rounded share of a growing number does not; and with s sources an entry is within
    (log2(s) + 2) / 2 of weight times n.
    """
    if len(weights) == 1:
        return n[np.newaxis]
    middle = len(weights) // 2
    total = sum(weights)
    share = round(2**SHARE_BITS * sum(weights[:middle]) / total) if total else 0
    left = (n * share + 2 ** (SHARE_BITS - 1)) >> SHARE_BITS
    return np.concatenate([quotas(left, weights[:middle]), quotas(n - left, weights[middle:])])


def mix(x: Array) -> Array:
    """A bijection on uint64 whose every output bit depends on every input bit (finaliser of MurmurHash3)."""
    x = (x ^ (x >> U64(33))) * U64(0xFF51AFD7ED558CCD)
    x = (x ^ (x >> U64(33))) * U64(0xC4CEB9FE1A85EC53)
    return x ^ (x >> U64(33))


def permute(index: Array, size: Array, key: Array) -> Array:
    """A keyed permutation of [0, size), elementwise on int64 `index` and `size` and uint64 `key` (one key and size make
    one permutation).

    A balanced Feistel network over the next power of four; what falls outside [0, size) is permuted again until it
    falls inside (cycle walking: Black and Rogaway, Ciphers with Arbitrary Finite Domains, 2002).
    """
    half = ((np.frexp((size - 1).astype(np.float64))[1] + 1) // 2).astype(np.uint64)
    out = _feistel(index.astype(np.uint64), half, key)
    while (outside := out >= size.astype(np.uint64)).any():
        out[outside] = _feistel(out[outside], half[outside], key[outside])
    return out.astype(np.int64)


def _feistel(x: Array, half: Array, key: Array) -> Array:
    low = (U64(1) << half) - U64(1)
    left, right = x >> half, x & low
    for number in range(FEISTEL_ROUNDS):
        left, right = right, left ^ (mix(right ^ mix(key + U64(number))) & low)
    return (left << half) | right


class Order:
    """The order of one run: `windows[source][shard]` is a count; `phases` follow each other."""

    def __init__(self, seed: int, windows: Sequence[Array], phases: Sequence[OrderPhase]) -> None:
        self._key = U64(int.from_bytes(hashlib.blake2b(seed.to_bytes(8, "little"), digest_size=8).digest(), "little"))
        self._windows = windows
        self._totals = np.array([counts.sum() for counts in windows], np.int64)
        self._phases = phases
        self._starts = np.array([0, *accumulate(phase.n_samples for phase in phases)], np.int64)
        used = [quotas(np.array([phase.n_samples]), phase.weights)[:, 0] for phase in phases]
        self._used = np.cumsum([np.zeros(len(windows), np.int64), *used], axis=0)
        self._shards_of = lru_cache(maxsize=2 * len(windows))(self._permute_shards)

    @property
    def n_samples(self) -> int:
        return int(self._starts[-1])

    @property
    def epochs(self) -> Array:
        """How often the whole run goes through each source, float64."""
        return self._used[-1] / np.maximum(self._totals, 1)

    def places(self, samples: Array) -> Places:
        """Where the samples of these numbers (int64, each below n_samples, in any order) are cut from."""
        source, ordinal = self._sources(samples)
        epoch, rest = np.divmod(ordinal, self._totals[source])
        shard, size = np.empty_like(rest), np.empty_like(rest)
        for pair in sorted(set(zip(source.tolist(), epoch.tolist(), strict=True))):
            chosen = (source == pair[0]) & (epoch == pair[1])
            order, ends = self._shards_of(*pair)
            place = np.searchsorted(ends, rest[chosen], side="right")
            shard[chosen], size[chosen] = order[place], self._windows[pair[0]][order[place]]
            rest[chosen] -= ends[place] - size[chosen]
        return Places(source, shard, permute(rest, size, self._keys(source, epoch, shard + 1)))

    def _sources(self, samples: Array) -> tuple[Array, Array]:
        """(source, how many samples of that source came before) of each sample."""
        source, ordinal = np.empty_like(samples), np.empty_like(samples)
        phase_of = np.searchsorted(self._starts, samples, side="right") - 1
        for number in np.unique(phase_of):
            chosen = phase_of == number
            n = samples[chosen] - self._starts[number]
            before = quotas(n, self._phases[number].weights)
            taken = quotas(n + 1, self._phases[number].weights) - before
            source[chosen] = taken.argmax(axis=0)
            ordinal[chosen] = (self._used[number][:, np.newaxis] + before)[source[chosen], np.arange(len(n))]
        return source, ordinal

    def _permute_shards(self, source: int, epoch: int) -> tuple[Array, Array]:
        """(the source's shards in the order of this epoch, how many windows there are up to the end of each)."""
        numbers = np.arange(len(self._windows[source]))
        same = np.zeros_like(numbers)
        order = permute(numbers, same + len(numbers), self._keys(same + source, same + epoch, same))
        return order, np.cumsum(self._windows[source][order])

    def _keys(self, source: Array, epoch: Array, shard: Array) -> Array:
        key = mix(self._key ^ source.astype(np.uint64))
        key = mix(key ^ epoch.astype(np.uint64))
        return mix(key ^ shard.astype(np.uint64))
