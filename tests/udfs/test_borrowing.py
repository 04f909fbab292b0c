"""Arrays without reference counts: the same elements, and nobody to count for."""

from typing import Any

import numba
import numpy as np

from udfs.borrowing import borrowed


@numba.njit
def handed_back(array: Any) -> Any:
    return array


@numba.njit
def lent(array: Any) -> Any:
    return borrowed(array)


def test_what_is_borrowed_has_the_same_bytes_and_no_owner() -> None:
    numbers = np.arange(1000)
    assert handed_back(numbers) is numbers, "Numba keeps the owner, and counts"
    found = lent(numbers)
    assert found is not numbers
    assert found.base is None
    assert not found.flags.owndata
    found[7] = -1
    assert numbers[7] == -1


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
