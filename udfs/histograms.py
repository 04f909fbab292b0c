"""Values counted in bins, by source, language group and verdict: what one Python worker adds to a histogram.

The edges come from the caller; nothing here chooses them, and no value is lost: what lies outside the edges and what
is missing has bins of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Ints = np.ndarray[Any, np.dtype[np.int64]]
Floats = np.ndarray[Any, np.dtype[np.float64]]

COUNTS = pa.schema(
    [
        ("signal", pa.int32()),
        ("group", pa.int32()),
        ("variant", pa.int32()),
        ("kept", pa.bool_()),
        ("bin", pa.int32()),
        ("n", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Axis:
    """The bins of a signal. Bin k holds the values with k edges below them; an edge itself belongs to the bin that it
    closes (`right`) or opens (`left`). Bin 0 is below all edges, bin len(edges) above; NaN and null come after it."""

    edges: tuple[float, ...]
    closed: Literal["left", "right"]

    def bins(self, values: Floats) -> Ints:
        side = "left" if self.closed == "right" else "right"
        found = np.searchsorted(self.edges, values, side=side)
        found[np.isnan(values)] = len(self.edges) + 1
        return found


@dataclass(frozen=True)
class HistogramPlan:
    """What to count: `sources` that have a series of their own (all others share one, the last), an axis per signal,
    and per signal the languages of each variant (languages of none are of variant 0)."""

    sources: tuple[str, ...]
    axes: tuple[Axis, ...]
    variants: tuple[tuple[tuple[str, ...], ...], ...]

    def shape(self, signal: int) -> tuple[int, int, int, int]:
        """(group, variant, kept, bin) of a signal's counts."""
        return len(self.sources) + 1, len(self.variants[signal]), 2, len(self.axes[signal].edges) + 2


def count_bins(batches: Iterator[pa.RecordBatch], plan: HistogramPlan) -> Iterator[pa.RecordBatch]:
    """The counts that are not zero, as rows of COUNTS. Batches hold source, language, kept, then a double per signal."""
    counts = [np.zeros(plan.shape(i), np.int64) for i in range(len(plan.axes))]
    for batch in batches:
        groups = pc.index_in(batch.column(0), pa.array(plan.sources, pa.string()))
        group = groups.fill_null(len(plan.sources)).to_numpy().astype(np.int64)
        kept = batch.column(2).to_numpy(zero_copy_only=False).astype(np.int64)
        for i, axis in enumerate(plan.axes):
            values = batch.column(3 + i).to_numpy(zero_copy_only=False)
            place = (group, variant_of(batch.column(1), plan.variants[i]), kept, axis.bins(values))
            flat = np.ravel_multi_index(place, counts[i].shape)
            counts[i] += np.bincount(flat, minlength=counts[i].size).reshape(counts[i].shape)
    for i, counted in enumerate(counts):
        yield as_rows(i, counted)


def variant_of(languages: pa.Array, variants: tuple[tuple[str, ...], ...]) -> Ints:
    """Number of the variant that names each language; 0 where none does."""
    found = np.zeros(len(languages), np.int64)
    for number, named in enumerate(variants):
        if number:
            found[pc.is_in(languages, pa.array(named, pa.string())).to_numpy(zero_copy_only=False)] = number
    return found


def as_rows(signal: int, counts: Ints) -> pa.RecordBatch:
    group, variant, kept, place = np.nonzero(counts)
    columns = [
        np.full(len(group), signal),
        group,
        variant,
        kept.astype(bool),
        place,
        counts[group, variant, kept, place],
    ]
    return pa.RecordBatch.from_arrays(
        [pa.array(c, f.type) for c, f in zip(columns, COUNTS, strict=True)], schema=COUNTS
    )
