"""Masks of bytes against a loop in plain Python."""

from typing import Any

import numba
import numpy as np
import pytest

from udfs.byte_masks import mask_of


@pytest.mark.parametrize(
    "ranges", [[(0, 0)], [(255, 255)], [(65, 90), (97, 122)], [(0, 127)], [(128, 255)], [(0, 255)]]
)
def test_a_bit_says_whether_its_byte_lies_in_a_range(ranges: list[tuple[int, int]]) -> None:
    mask_at = mask_of(*ranges)

    @numba.njit
    def read(data: Any, position: Any) -> Any:
        return mask_at(data, position)

    data = np.random.default_rng(0).permutation(np.arange(320) % 256).astype(np.uint8)
    for position in range(data.size - 63):
        block = data[position : position + 64].tolist()
        expected = sum(1 << k for k, byte in enumerate(block) if any(low <= byte <= high for low, high in ranges))
        assert int(read(data, np.uint64(position))) == expected
