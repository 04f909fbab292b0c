"""Arrays without reference counts: the same elements, and no counting where they are handed on."""

from typing import Any

import numba
import numpy as np

from udfs.borrowing import borrowed


@numba.njit
def _double(numbers: Any, i: Any) -> Any:
    if numbers[i] < 0:  # two ends, so that Numba does not see that its counting is for nothing
        return numbers[i : i + 1].copy()[0]
    numbers[i] *= 2
    return numbers[i]


def doubled(numbers: Any) -> Any:
    total = 0
    for i in range(numbers.size):
        total += _double(numbers, i)
    return total


@numba.njit
def doubled_borrowed(numbers: Any) -> Any:
    numbers = borrowed(numbers)
    total = 0
    for i in range(numbers.size):
        total += _double(numbers, i)
    return total


def test_what_is_borrowed_is_the_array_itself() -> None:
    numbers = np.arange(1, 1001)
    assert doubled_borrowed(numbers) == doubled(np.arange(1, 1001)) == 1001 * 1000
    assert numbers.tolist() == list(range(2, 2001, 2))


def test_the_owner_may_use_its_array_behind_the_loop() -> None:
    @numba.njit
    def made(n: Any) -> Any:
        own = np.zeros(n, np.int64)
        lent = borrowed(own)
        for i in range(n):
            lent[i] = i
        return own

    found = [made(10_000) for _ in range(50)]
    assert all((numbers == np.arange(10_000)).all() for numbers in found)


def test_rows_and_tuples_of_borrowed_arrays_are_read_rightly() -> None:
    @numba.njit
    def sums(pair: Any) -> Any:
        table, other = borrowed(pair[0]), borrowed(pair[1])
        total = 0
        for i in range(table.shape[0]):
            row = table[i]
            total += row.sum() * other[i]
        return total

    table, other = np.arange(12).reshape(3, 4), np.array([1, 10, 100])
    assert sums((table, other)) == int((table.sum(axis=1) * other).sum())
