"""How often each document stands in the shards: a factor of its source, its quality and its copies in the crawl.

A document of 2.3 epochs stands in the shards twice, and in three of ten cases once more. That case is drawn by a keyed
hash of its id and the number of the epoch, so it depends on neither files nor partitions. Documents held out for
validation are not repeated; they are left out only with their whole source.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from udfs.hashing import keyed_uint64

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Repeats:
    """`epochs` by source; `quality`: (least score, factor), highest score first; the factor of a duplicate cluster is
    its size to `cluster_power`, up to `cluster_most`."""

    epochs: dict[str, float]
    quality: tuple[tuple[float, float], ...] = ()
    cluster_power: float = 0.0
    cluster_most: float = 1.0


def factors(batch: pa.RecordBatch, repeats: Repeats) -> Floats:
    """The factor of each document beside that of its source, from quality_score and cluster_size."""
    sizes = batch.column("cluster_size").to_numpy(zero_copy_only=False).astype(np.float64)
    return np.minimum(sizes**repeats.cluster_power, max(1.0, repeats.cluster_most)) * _quality(batch, repeats)


def _quality(batch: pa.RecordBatch, repeats: Repeats) -> Floats:
    """The factor of the first bin whose least score is reached: 0 where none is, 1 for a document without a score."""
    scores = batch.column("quality_score").to_numpy(zero_copy_only=False).astype(np.float64)
    if not repeats.quality:
        return np.ones(len(scores))
    reached = [scores >= least for least, _ in repeats.quality]
    found = np.select(reached, [factor for _, factor in repeats.quality], 0.0)
    return np.where(np.isnan(scores), 1.0, found)


def copies(batch: pa.RecordBatch, is_held_out: NDArray[np.bool_], repeats: Repeats, seed: int) -> NDArray[np.int64]:
    """How often each document of a batch (id, source, quality_score, cluster_size) stands in the shards."""
    of_source = np.array([repeats.epochs[source] for source in batch.column("source").to_pylist()])
    epochs = of_source * factors(batch, repeats)
    epochs[is_held_out] = of_source[is_held_out] > 0
    whole = np.floor(epochs).astype(np.int64)
    for i in np.flatnonzero(epochs > whole):
        whole[i] += drawn(seed, batch.column("id")[i].as_py(), whole[i]) < epochs[i] - whole[i]
    return whole


def drawn(seed: int, identity: str, epoch: Any) -> float:
    """A number in [0, 1) that decides whether a document stands in the shards in a part of an epoch."""
    return keyed_uint64(seed ^ 0x65706F6368, f"{identity}/{epoch}") / 2**64
