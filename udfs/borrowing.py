"""Arrays for the inner loops of kernels, without their reference counts."""

from typing import Any

from numba.core import cgutils
from numba.extending import intrinsic


@intrinsic
def _borrow(_typing: Any, array: Any) -> Any:
    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        view = cgutils.create_struct_proxy(array)(context, builder, value=arguments[0])
        view.meminfo = cgutils.get_null_value(view.meminfo.type)
        view.parent = cgutils.get_null_value(view.parent.type)
        return view._getvalue()

    return array(array), generate


borrowed: Any = _borrow
"""borrowed(array): the same array, of which nobody counts how often it is referred to. For kernels only.

Numba counts an array's references at each call of a function that is not compiled into its caller, and whenever a tuple
of arrays is taken apart: atomically, some 5 ns each, which in a loop over characters is most of the time (counting the
characters of a page took 21 ns each, and 6 since). What is borrowed must be kept by an owner: an argument of a function
is kept by its caller, a local array by a use of it behind the last one of what was borrowed from it."""
