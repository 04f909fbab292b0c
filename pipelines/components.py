"""Clusters of verified pairs: on the driver where the pairs are few, else in rounds of two shuffles of all edges."""

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.search import Search
from pipelines.tasks import map_arrow
from udfs.clusters import EDGES, components, large_star, small_star
from udfs.errors import ContractError

MAX_DRIVER_PAIRS = 10_000_000  # 16 bytes each, several times over while they are joined
EDGES_PER_PARTITION = 2_000_000
MAX_ROUNDS = 60
"""Far more than any graph takes: rounds grow with the logarithm of the longest chain."""
MEMBERS = pa.schema([("node", pa.int64()), ("cluster", pa.int64())])


def join_pairs(search: Search, pairs: DataFrame) -> DataFrame:
    """MEMBERS: every document of a pair, with the smallest node of its connected component as the cluster's name."""
    edges = pairs.selectExpr("centre AS node", "node AS root")
    n_pairs = edges.count() if search.snapshots else search.job.table("compared").n_rows
    if n_pairs > MAX_DRIVER_PAIRS:
        return join_in_rounds(search, edges, n_pairs)
    return search.job.spark.createDataFrame(join_on_driver(edges.toArrow()))


def join_on_driver(edges: pa.Table) -> pa.Table:
    left, right = edges["node"].to_numpy(), edges["root"].to_numpy()
    nodes, ends = np.unique(np.concatenate([left, right]), return_inverse=True)
    labels = components(len(nodes), ends[: len(left)], ends[len(left) :])
    return pa.table({"node": nodes, "cluster": nodes[labels]}, MEMBERS)


def join_in_rounds(search: Search, edges: DataFrame, n_edges: int) -> DataFrame:
    """The same by large and small stars, until a round changes nothing. Raises ContractError where it does not come to
    that, or where nodes were lost on the way."""
    n_partitions = 1 + n_edges // EDGES_PER_PARTITION
    n_nodes = count_nodes(edges)
    before = None
    for number in range(MAX_ROUNDS):
        both = edges.unionByName(edges.selectExpr("root AS node", "node AS root"))
        large = map_arrow(both.repartition(n_partitions, "node"), lambda _, batches: large_star(batches), EDGES)
        small = map_arrow(large.repartition(n_partitions, "node"), lambda _, batches: small_star(batches), EDGES)
        edges = search.written(f"round-{number:02d}", small, EDGES)
        after = edges.agg(F.count("node"), F.bit_xor(F.xxhash64("node", "root"))).first()
        if after == before:
            return members(edges, n_nodes)
        before = after
    raise ContractError(f"clusters of {n_edges:,} pairs are not joined after {MAX_ROUNDS} rounds", "report this")


def members(stars: DataFrame, n_nodes: int) -> DataFrame:
    """MEMBERS of stars, each a whole component."""
    roots = stars.select(F.col("root").alias("node"), F.col("root").alias("cluster")).distinct()
    found = stars.withColumnRenamed("root", "cluster").unionByName(roots)
    if (n_found := found.count()) != n_nodes:
        raise ContractError(f"{n_nodes:,} documents are in pairs, but {n_found:,} in clusters", "run dedup again")
    return found


def count_nodes(edges: DataFrame) -> int:
    return edges.select("node").unionByName(edges.select(F.col("root").alias("node"))).distinct().count()
