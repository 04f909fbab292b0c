"""Values counted in bins, by source, language group and verdict: what one Python worker adds to a histogram.

The edges come from the caller; nothing here chooses them, and no value is lost: what lies outside the edges and what
is missing has bins of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from udfs.decisions import Part, removed_rows
from udfs.parts import read_part
from udfs.spans import Floats, Ints
from udfs.verdicts import Check

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
    closes (`right`) or opens (`left`). Bin 0 is below all edges, bin len(edges) above; NaN comes after it."""

    edges: tuple[float, ...]
    closed: Literal["left", "right"]

    def bins(self, values: Floats) -> Ints:
        side = "left" if self.closed == "right" else "right"
        found = np.searchsorted(self.edges, values, side=side)
        found[np.isnan(values)] = len(self.edges) + 1
        return found


@dataclass(frozen=True)
class Histogram:
    """What to count of one signal: its column, its bins, and the languages of each variant of its bound; variant 0 has
    all languages that no other one names."""

    check: Check
    axis: Axis
    languages: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class HistogramPlan:
    """`sources` have a series of their own; all others share one, the last."""

    sources: tuple[str, ...]
    histograms: tuple[Histogram, ...]

    def shape(self, signal: int) -> tuple[int, int, int, int]:
        """(group, variant, kept, bin) of a signal's counts."""
        histogram = self.histograms[signal]
        return len(self.sources) + 1, len(histogram.languages), 2, len(histogram.axis.edges) + 2


def count_part(part: Part, plan: HistogramPlan) -> Iterator[pa.RecordBatch]:
    """The counts of a part of `signals` that are not zero, as rows of COUNTS; removed is what stands in its ledgers."""
    counts = [np.zeros(plan.shape(i), np.int64) for i in range(len(plan.histograms))]
    removed = removed_rows(part)
    columns = {"row", "source", "language", *(name for one in plan.histograms for name in one.check.columns)}
    for batch in read_part(part.signals, sorted(columns)):
        groups = pc.index_in(batch.column("source"), pa.array(plan.sources, pa.string()))
        group = groups.fill_null(len(plan.sources)).to_numpy(zero_copy_only=False).astype(np.int64)
        kept = 1 - np.isin(batch.column("row").to_numpy(), removed).astype(np.int64)
        for counted, one in zip(counts, plan.histograms, strict=True):
            variant = variant_of(batch.column("language"), one.languages)
            place = np.ravel_multi_index((group, variant, kept, one.axis.bins(one.check.values(batch))), counted.shape)
            counted += np.bincount(place, minlength=counted.size).reshape(counted.shape)
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
    """Rows of COUNTS for the counts (group, variant, kept, bin) of one signal that are not zero."""
    group, variant, kept, place = np.nonzero(counts)
    n = counts[group, variant, kept, place]
    columns = [np.full(len(n), signal), group, variant, kept.astype(bool), place, n]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, COUNTS, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=COUNTS)
