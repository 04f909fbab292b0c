"""Clusters of verified pairs: on the driver where the pairs are few, else in rounds of two shuffles of all edges."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pyarrow as pa

from pipelines.flow import Flow, collect, exchange, flow, spread
from pipelines.search import Search
from udfs.bundles import by_key
from udfs.clusters import EDGES, components, large_star, nodes_of, small_star, turned, verified_edges, with_roots
from udfs.errors import ContractError
from udfs.parts import read_part

MAX_DRIVER_PAIRS = 10_000_000  # 16 bytes each, several times over while they are joined
EDGES_PER_PARTITION = 2_000_000
MAX_ROUNDS = 60
"""Far more than any graph takes: rounds grow with the logarithm of the longest chain."""


def join_pairs(search: Search, uris: Sequence[str], threshold: float, n_pairs: int) -> Flow:
    """EDGES of every document of a verified pair in these files, `n_pairs` of them, to the smallest of its connected
    component, its own too."""
    edges = flow(search.job.spark, partial(verified_edges, threshold=threshold), uris)
    if n_pairs > MAX_DRIVER_PAIRS:
        return join_in_rounds(search, edges, n_pairs)
    return spread(search.job.spark, join_on_driver(collect(edges, "dedup: join pairs")))


def join_on_driver(edges: list[pa.RecordBatch]) -> pa.Table:
    table = pa.Table.from_batches(edges, EDGES)
    left, right = (table[name].to_numpy() for name in EDGES.names)
    nodes, ends = np.unique(np.concatenate([left, right]), return_inverse=True)
    labels = components(len(nodes), ends[: len(left)], ends[len(left) :])
    return pa.table({"node": nodes, "root": nodes[labels]}, EDGES)


def join_in_rounds(search: Search, edges: Flow, n_edges: int) -> Flow:
    """The same by large and small stars, until a round changes nothing. Raises ContractError where it does not come to
    that, or where nodes were lost on the way."""
    n_shards = 1 + n_edges // EDGES_PER_PARTITION
    by = by_key(n_shards, "node")
    n_nodes = sum(collect(exchange(edges.map(turned), n_shards, by, nodes_of).map(len), "dedup: count documents"))
    before = None
    for number in range(MAX_ROUNDS):
        large = exchange(edges.map(turned), n_shards, by, large_star)
        small = exchange(large, n_shards, by, small_star)
        found = search.write(f"round-{number:02d}", small, EDGES)
        edges = flow(search.job.spark, read_part, search.uris(found))
        if found.digest == before:
            return stars(search, edges, n_shards, n_nodes)
        before = found.digest
    raise ContractError(f"clusters of {n_edges:,} pairs are not joined after {MAX_ROUNDS} rounds", "report this")


def stars(search: Search, edges: Flow, n_shards: int, n_nodes: int) -> Flow:
    """The edges, each component's being a star, and one from each root to itself."""
    found = search.write("clusters", exchange(edges, n_shards, by_key(n_shards, "root"), with_roots), EDGES)
    if found.n_rows != n_nodes:
        raise ContractError(f"{n_nodes:,} documents are in pairs, but {found.n_rows:,} in clusters", "run dedup again")
    return flow(search.job.spark, read_part, search.uris(found))
