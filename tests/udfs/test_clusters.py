"""Components against a plain search of the graph, whatever the order of the edges."""

from itertools import count
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs.clusters import EDGES, components, large_star, small_star


def smallest_reachable(n: int, edges: list[tuple[int, int]]) -> list[int]:
    labels = list(range(n))
    for _ in range(n):
        for a, b in edges:
            labels[a] = labels[b] = min(labels[a], labels[b])
    return labels


def ends(edges: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    left, right = np.array(edges, np.int64).reshape(-1, 2).T
    return left, right


@settings(deadline=None)
@given(st.integers(1, 30), st.data())
def test_a_label_is_the_smallest_node_that_can_be_reached(n: int, data: st.DataObject) -> None:
    node = st.integers(0, n - 1)
    edges = data.draw(st.lists(st.tuples(node, node), max_size=40))
    shuffled = [(b, a) for a, b in data.draw(st.permutations(edges))]
    assert components(n, *ends(edges)).tolist() == smallest_reachable(n, edges)
    assert components(n, *ends(shuffled)).tolist() == smallest_reachable(n, edges)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint64])
@pytest.mark.parametrize("order", ["ascending", "descending", "shuffled"])
def test_a_chain_of_a_million_is_one_component(order: str, dtype: type) -> None:
    n = 10**6
    left = np.arange(n - 1).astype(dtype)
    if order == "descending":
        left = left[::-1]
    if order == "shuffled":
        left = np.random.default_rng(0).permutation(left)
    assert components(n, left, left + dtype(1)).max() == 0


def test_a_star_of_identical_documents_is_one_component() -> None:
    assert components(10**6, np.zeros(10**6 - 1, np.int64), np.arange(1, 10**6)).max() == 0


def test_nodes_without_edges_stand_alone() -> None:
    none = np.array([], np.int64)
    assert components(3, none, none).tolist() == [0, 1, 2]
    assert components(0, none, none).tolist() == []


@pytest.mark.parametrize("node", [-1, 5])
def test_an_edge_to_a_node_that_is_not_there_is_refused(node: int) -> None:
    with pytest.raises(IndexError, match="there are 0 to 4"):
        components(5, np.array([0]), np.array([node]))
    with pytest.raises(ValueError, match="same shape"):
        components(5, np.array([0, 1]), np.array([0]))


def in_parts(edges: set[tuple[int, int]], step: Any, n_parts: int) -> set[tuple[int, int]]:
    """What a step makes of the edges, all those of a node being in one part."""
    out: set[tuple[int, int]] = set()
    for part in range(n_parts):
        rows = [edge for edge in sorted(edges) if edge[0] % n_parts == part]
        table = pa.table({"node": [a for a, _ in rows], "root": [b for _, b in rows]}, EDGES)
        for made in step(part, iter(table.to_batches(3))):
            out |= set(zip(made["node"].to_pylist(), made["root"].to_pylist(), strict=True))
    return out


def in_rounds(edges: set[tuple[int, int]], n_parts: int) -> tuple[dict[int, int], int]:
    """(node -> smallest node of its component, rounds until nothing changed)."""
    for n_rounds in count(1):
        both = edges | {(b, a) for a, b in edges}
        after = in_parts(in_parts(both, large_star, n_parts), small_star, n_parts)
        if after == edges:
            return {**{root: root for _, root in edges}, **dict(edges)}, n_rounds
        edges = after
    raise AssertionError


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)).filter(lambda e: e[0] != e[1])), st.integers(1, 4))
def test_rounds_of_stars_end_in_the_components_of_union_find(edges: list[tuple[int, int]], n_parts: int):
    left, right = np.array(edges, np.int64).reshape(-1, 2).T
    labels = components(31, left, right)
    found, _ = in_rounds(set(edges), n_parts)
    assert found == {node: int(labels[node]) for edge in edges for node in edge}


def test_a_chain_takes_few_rounds():
    chain = {(node, node + 1) for node in range(1000)}
    found, n_rounds = in_rounds(chain, 3)
    assert set(found.values()) == {0}
    assert n_rounds < 15
