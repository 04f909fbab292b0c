"""Components against a plain search of the graph, whatever the order of the edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs.clusters import components


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
