"""Connected components by union-find: the clusters of documents that verified duplicate pairs join."""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray


def components(n: int, left: NDArray[Any], right: NDArray[Any]) -> NDArray[np.int64]:
    """int64 (n,): the smallest node of each node's component, in the graph of nodes 0 to n - 1 with an edge between
    left[i] and right[i] for each i. The order of edges and of their ends does not matter.

    Raises IndexError for an edge to a node that is not there, ValueError for an edge with one end.
    """
    ends = np.stack([left.astype(np.int64), right.astype(np.int64)])
    if ends.size and not 0 <= ends.min() <= ends.max() < n:
        raise IndexError(f"edges end at nodes {ends.min()} to {ends.max()}, there are 0 to {n - 1}")
    return _components(n, ends[0], ends[1])


@numba.njit(cache=True, nogil=True)
def _components(n: Any, left: Any, right: Any) -> Any:
    """Every node's parent is at most the node, so one ascending pass at the end makes all of them roots."""
    parents = np.arange(n)
    for i in range(left.size):
        a, b = _root(parents, left[i]), _root(parents, right[i])
        parents[max(a, b)] = min(a, b)
    for node in range(n):
        parents[node] = parents[parents[node]]
    return parents


@numba.njit
def _root(parents: Any, node: Any) -> Any:
    """The root above `node`; the path to it is halved on the way (Tarjan and van Leeuwen, J. ACM 31, 1984)."""
    while parents[node] != node:
        parents[node] = parents[parents[node]]
        node = parents[node]
    return node
