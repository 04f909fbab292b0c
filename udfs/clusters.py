"""Connected components, the clusters of documents that verified duplicate pairs join: by union-find in one process, or
by rounds of two steps that see the edges of a node at a time."""

from collections.abc import Iterator
from typing import Any

import numba
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from udfs.near import verified

EDGES = pa.schema([("node", pa.int64()), ("root", pa.int64())])


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


def verified_edges(uri: str, threshold: float) -> Iterator[pa.RecordBatch]:
    """EDGES between the documents of each verified pair of a file."""
    for pairs in verified(uri, threshold):
        yield pa.RecordBatch.from_arrays([pairs.column("centre"), pairs.column("node")], schema=EDGES)


def turned(edges: pa.RecordBatch) -> pa.RecordBatch:
    """The edges in both directions."""
    node, root = edges.columns
    return pa.RecordBatch.from_arrays([pa.concat_arrays([node, root]), pa.concat_arrays([root, node])], schema=EDGES)


def large_star(_: int, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """EDGES from every larger neighbour of a node to the smallest of its neighbourhood, itself included.

    `batches` are edges in both directions, all those of a node together. Large star and small star in turn (Kiveris,
    Lattanzi, Mirrokni, Rastogi, Vassilvitskii, "Connected Components in MapReduce and Beyond", SoCC 2014) keep the
    components, and end in one star for each, around its smallest node.
    """
    node, other, first, group = _grouped(batches)
    smallest = np.minimum(np.minimum.reduceat(other, first), node[first])[group] if len(node) else node
    is_larger = other > node
    yield _edges(other[is_larger], smallest[is_larger])


def small_star(_: int, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """EDGES from a node and its smaller neighbours to the smallest of these; `batches` are edges to smaller nodes, all
    those of a node together."""
    node, other, first, group = _grouped(batches)
    smallest = np.minimum.reduceat(other, first)[group] if len(node) else node
    is_between = other != smallest
    ends = np.concatenate([node, other[is_between]]), np.concatenate([smallest, smallest[is_between]])
    yield _edges(*ends)


def nodes_of(_: int, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """EDGES from each node to itself; `batches` are edges in both directions."""
    node, _other, first, _group = _grouped(batches)
    yield _edges(node[first], node[first])


def with_roots(_: int, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The EDGES, and one from each root to itself; `batches` are all edges to some roots."""
    table = pa.Table.from_batches(list(batches), EDGES)
    yield from table.to_batches()
    roots = np.unique(table["root"].to_numpy())
    yield _edges(roots, roots)


def _grouped(batches: Iterator[pa.RecordBatch]) -> tuple[NDArray[Any], ...]:
    """(nodes ascending, the other ends, where each node begins, which of these a row is of)."""
    table = pa.Table.from_batches(list(batches), EDGES)
    node, other = table["node"].to_numpy(), table["root"].to_numpy()
    order = np.argsort(node, kind="stable")
    node, other = node[order], other[order]
    is_first = np.append(True, np.diff(node) != 0)[: len(node)]
    return node, other, np.flatnonzero(is_first), np.cumsum(is_first) - 1


def _edges(node: NDArray[Any], root: NDArray[Any]) -> pa.RecordBatch:
    """Each edge once."""
    pairs = np.unique(np.stack([node, root]), axis=1)
    return pa.RecordBatch.from_arrays([pa.array(pairs[0]), pa.array(pairs[1])], schema=EDGES)
