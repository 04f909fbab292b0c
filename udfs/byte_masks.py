"""Masks of bits for kernels that look at many bytes at once: which of 64 bytes lie in some ranges."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.cpython.unsafe import numbers
from numba.extending import intrinsic

trailing_zeros: Any = numbers.trailing_zeros
"""For kernels: the lowest bit that is set in an integer other than 0. Numba has no public name for it."""
VECTOR = ir.VectorType(ir.IntType(8), 64)


def mask_of(*ranges: tuple[int, int]) -> Any:
    """A function for kernels, of an uint8 array and an uint64 position, that returns an uint64: bit k says whether
    array[position + k] lies in one of the ranges, ends included. The array must have 64 bytes there.

    Vector types are beyond Numba, but LLVM knows them: a comparison is an instruction for each range, where a loop over
    bytes and shifts, which LLVM makes vectors of too, took four times as long."""

    @intrinsic
    def mask(_typing: Any, array: Any, position: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            view = cgutils.create_struct_proxy(signature.args[0])(context, builder, value=arguments[0])
            place = builder.gep(view.data, [arguments[1]])
            data = builder.load(builder.bitcast(place, VECTOR.as_pointer()), align=1)
            found = ir.Constant(ir.VectorType(ir.IntType(1), 64), None)
            for low, high in ranges:
                above = builder.sub(data, splat(low))
                found = builder.or_(found, builder.icmp_unsigned("<=", above, splat(high - low)))
            return builder.bitcast(found, ir.IntType(64))

        return types.uint64(array, position), generate

    return mask


def splat(value: int) -> ir.Constant:
    return ir.Constant(VECTOR, [value] * 64)
