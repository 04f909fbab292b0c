"""Whole documents packed into rows of T tokens, for conversations: nothing is cut that fits into a row.

Best-fit decreasing: the longest first, each into the row with the least room that is enough (Ding et al. 2024). The two
answers of a preference stay together. A document longer than a row loses its end; what is left over of a row is filled
with a token that is no target.
"""

from collections import defaultdict
from typing import Any

import numpy as np

from trainer.order import Array

NO_TARGET = -100  # the value that torch's cross-entropy leaves out, too


def best_fit(lengths: Array, room: int) -> list[list[int]]:
    """Numbers of things of these lengths (1 to `room`) in rows of `room`; rows and their content in order of number."""
    rows: list[list[int]] = []
    rows_with: dict[int, list[int]] = defaultdict(list)
    is_there = 0  # bit r: there is a row with room r
    for number in np.argsort(-lengths, kind="stable").tolist():
        length = int(lengths[number])
        enough = is_there >> length
        if enough:
            left = length + (enough & -enough).bit_length() - 1
            row = rows_with[left].pop()
            is_there ^= (not rows_with[left]) << left
        else:
            left, row = room, len(rows)
            rows.append([])
        rows[row].append(number)
        rows_with[left - length].append(row)
        is_there |= 1 << (left - length)
    return sorted(sorted(row) for row in rows)


class Rows:
    """The documents of a shard in rows; `n_together` documents that follow each other are one thing to pack."""

    def __init__(self, mapped: Any, seq_len: int, n_together: int) -> None:
        self.mapped, self._seq_len, self._n_together = mapped, seq_len, n_together
        # A document of n tokens is n - 1 of input, each with the next one as its target.
        self._inputs = np.minimum(np.maximum(mapped.lengths - 1, 1), seq_len // n_together)
        self._rows = best_fit(self._inputs.reshape(-1, n_together).sum(axis=1), seq_len)
        self.n_cut = int((mapped.lengths - 1 > seq_len // n_together).sum())

    def __len__(self) -> int:
        return len(self._rows)

    def documents(self, window: int) -> list[int]:
        n = self._n_together
        return [thing * n + i for thing in self._rows[window] for i in range(n)]

    def fill(self, window: int, tokens: Array, targets: Array) -> Array:
        """Write a row into the two arrays; where documents start in it comes back. What is left over belongs to the
        last document, behind its end, where it changes nothing."""
        tokens[:], targets[:] = 0, NO_TARGET
        place, starts = 0, []
        for document in self.documents(window):
            begin, n = int(self.mapped.starts[document]), int(self._inputs[document])
            starts.append(place)
            found = self.mapped.checked(begin, begin + n + 1).astype(np.int64)
            counts = np.ones(len(found)) if self.mapped.loss is None else self.mapped.loss[begin : begin + n + 1]
            tokens[place : place + n] = found[:n]
            targets[place : place + len(found) - 1] = np.where(counts[1:], found[1:], NO_TARGET)
            place += n
        return np.array(starts)
