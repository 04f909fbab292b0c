"""Signatures and bands against plain Python, against theory, and beside datasketch on the same sets."""

from itertools import pairwise

import datasketch
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs.errors import UsageError
from udfs.minhash import EMPTY, KEYS, band_keys, bands_for, jaccard, jaccard_pairs, rows_for, signatures
from udfs.shingles import ShingleSets, shingle_sets
from udfs.strings import Strings, strings

GOLDEN, MODULUS = 0x9E3779B97F4A7C15, 2**64
BANDS, ROWS = 14, 8
K = BANDS * ROWS


def mix64(x: int) -> int:
    x ^= x >> 33
    x = x * 0xFF51AFD7ED558CCD % MODULUS
    x ^= x >> 33
    x = x * 0xC4CEB9FE1A85EC53 % MODULUS
    return x ^ x >> 33


def signature_of(shingles: list[int], n_hashes: int, seed: int) -> list[int]:
    """One-permutation hashing with optimal densification, as the papers put it."""
    hashes = [mix64(shingle ^ mix64((seed + GOLDEN) % MODULUS)) for shingle in shingles]
    bins: dict[int, int] = {}
    for h in hashes:
        k = h % 2**32 * n_hashes >> 32
        bins[k] = min(bins.get(k, EMPTY - 1), h >> 32)
    if not bins:
        return [EMPTY] * n_hashes
    signature = []
    for k in range(n_hashes):
        path = (mix64((k * GOLDEN + step) % MODULUS) % 2**32 * n_hashes >> 32 for step in range(1, 10**6))
        signature.append(bins[k] if k in bins else bins[next(donor for donor in path if donor in bins)])
    return signature


def lists(sets: ShingleSets) -> list[list[int]]:
    return [sets.hashes[start:end].tolist() for start, end in pairwise(sets.offsets)]


def letters(number: int) -> str:
    return "".join(chr(97 + number // 26**i % 26) for i in range(6))


def planted_pairs(n_pairs: int, n_union: int, similarity: float) -> tuple[Strings, float]:
    """(texts, similarity): pairs, one after the other, of n_union different words between them, and their Jaccard."""
    n_common = round(similarity * n_union)
    texts = []
    for pair in range(n_pairs):
        words = [letters(pair * n_union + i) for i in range(n_union)]
        middle = (n_union + n_common) // 2
        texts += [" ".join(words[:middle]), " ".join(words[:n_common] + words[middle:])]
    return strings(pa.array(texts)), n_common / n_union


@settings(deadline=None)
@given(
    st.lists(st.text("ab c", max_size=80), min_size=1, max_size=4),
    st.integers(1, 40),
    st.integers(-(2**63), 2**64),
)
def test_signatures_are_those_of_the_plain_python_definition(texts: list[str], n_hashes: int, seed: int) -> None:
    column = strings(pa.array(texts))
    expected = [signature_of(shingles, n_hashes, seed) for shingles in lists(shingle_sets(column))]
    assert signatures(column, n_hashes, seed=seed).tolist() == expected


def test_a_long_text_has_the_signature_of_its_whole_set() -> None:
    text = strings(pa.array([" ".join(letters(i * i) for i in range(10_000))]))
    assert signatures(text, K).tolist() == [signature_of(lists(shingle_sets(text))[0], K, 0)]


@pytest.mark.parametrize(
    ("n_union", "largest_variance"), [(5, 1.8), (20, 1.5), (50, 1.35), (100, 1.1), (250, 1.0), (1000, 1.1)]
)
@pytest.mark.parametrize("similarity", [0.4, 0.6, 0.8])
def test_the_estimate_is_unbiased_with_the_stated_variance(
    n_union: int, similarity: float, largest_variance: float
) -> None:
    n_pairs = 600
    texts, exact = planted_pairs(n_pairs, n_union, similarity)
    made = signatures(texts, K, n=1)
    estimates = (made[::2] == made[1::2]).mean(axis=1)
    variance = exact * (1 - exact) / K
    assert abs(estimates.mean() - exact) < 4 * np.sqrt(largest_variance * variance / n_pairs)
    assert ((estimates - exact) ** 2).mean() < largest_variance * variance


def test_the_estimate_is_as_good_as_that_of_datasketch_on_the_same_sets() -> None:
    ours, theirs = [], []
    for similarity in (0.3, 0.5, 0.7, 0.9):
        texts, exact = planted_pairs(100, 200, similarity)
        made = signatures(texts, K, n=1)
        ours += list((made[::2] == made[1::2]).mean(axis=1) - exact)
        sets = [[h.to_bytes(8, "little") for h in hashes] for hashes in lists(shingle_sets(texts, n=1))]
        sketches = datasketch.MinHash.bulk(sets, num_perm=K)
        theirs += [a.jaccard(b) - exact for a, b in zip(sketches[::2], sketches[1::2], strict=True)]
    assert np.sqrt(np.mean(np.square(ours))) < 1.05 * np.sqrt(np.mean(np.square(theirs)))


@pytest.mark.parametrize("similarity", [0.5, 0.7, 0.8, 0.9])
@pytest.mark.parametrize("n_union", [20, 60, 300])
def test_pairs_become_candidates_as_often_as_bands_promise(similarity: float, n_union: int) -> None:
    n_pairs = 1000
    texts, exact = planted_pairs(n_pairs, n_union, similarity)
    keys = band_keys(signatures(texts, K, n=1), BANDS, ROWS).flatten().to_numpy().reshape(-1, BANDS)
    promised = 1 - (1 - exact**ROWS) ** BANDS
    found = (keys[::2] == keys[1::2]).any(axis=1).mean()
    assert abs(found - promised) < 0.02 + 3 * np.sqrt(promised * (1 - promised) / n_pairs)


@pytest.mark.parametrize("similarity", [0.6, 0.8])
def test_another_seed_gives_another_signature_and_as_good_an_estimate(similarity: float) -> None:
    texts, exact = planted_pairs(300, 200, similarity)
    first, second = signatures(texts, K, n=1, seed=1), signatures(texts, K, n=1, seed=2)
    assert (first == second).mean() < 0.001
    assert abs((second[::2] == second[1::2]).mean() - exact) < 0.01


def test_keys_of_a_band_are_equal_when_all_its_rows_are() -> None:
    one = np.arange(6, dtype=np.uint32)
    other = one.copy()
    other[3] += 1
    keys = band_keys(np.stack([one, other]), 3, 2).flatten().to_numpy().reshape(2, 3)
    assert (keys[0] == keys[1]).tolist() == [True, False, True]


def test_keys_of_different_bands_never_meet() -> None:
    keys = band_keys(np.zeros((1, 4096), np.uint32), 4096, 1).flatten()
    assert len(keys.unique()) == 4096


def test_keys_that_change_are_of_another_version() -> None:
    """When the numbers here change, so must KEYS: by it runs know whose keys they can be compared with."""
    texts = ["Of words of ASCII letters alone", "Œuvre café 中文 12,5", "uncharacteristically long"]
    keys = band_keys(signatures(strings(pa.array(texts)), K), BANDS, ROWS)
    first = [-3204012245772916194, -7471109865775496305, 314306974906102123]
    assert (KEYS, [document[0] for document in keys.to_pylist()]) == (2, first)


def test_documents_without_shingles_have_no_keys() -> None:
    made = signatures(strings(pa.array(["", "a", None, "...", "b"])), K)
    keys = band_keys(made, BANDS, ROWS)
    assert keys.is_null().to_pylist() == [True, False, True, True, False]
    assert len(keys.flatten()) == 2 * BANDS
    assert keys.type == pa.list_(pa.int64())
    assert band_keys(made[:0], BANDS, ROWS).to_pylist() == []


def test_what_cannot_be_banded_is_refused() -> None:
    made = signatures(strings(pa.array(["a"])), 10)
    for bands, rows in ((3, 4), (0, 5), (5, 0)):
        with pytest.raises(UsageError):
            band_keys(made, bands, rows)
    with pytest.raises(UsageError):
        signatures(strings(pa.array(["a"])), 0)


@pytest.mark.parametrize("threshold", [0.01, 0.3, 0.5, 0.7, 0.8, 0.9, 0.99, 1.0])
def test_bands_are_the_fewest_that_find_99_of_100_pairs_at_the_threshold(threshold: float) -> None:
    rows = rows_for(threshold)
    bands = bands_for(threshold, rows)
    assert 1 - (1 - threshold**rows) ** bands >= 0.99
    assert bands == 1 or 1 - (1 - threshold**rows) ** (bands - 1) < 0.99
    assert rows == 1 or bands * rows <= 256


def test_another_row_would_need_more_hashes_than_there_are() -> None:
    assert (bands_for(0.8, 8), rows_for(0.8)) == (26, 8)
    assert 9 * bands_for(0.8, 9) > 256


NUMBERS = st.sets(st.integers(0, 40) | st.integers(2**63, 2**64 - 1), max_size=30)


@settings(deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=6), st.data())
def test_jaccard_is_that_of_python_sets(sets: list[set[int]], data: st.DataObject) -> None:
    index = st.integers(0, len(sets) - 1)
    pairs = data.draw(st.lists(st.tuples(index, index)))
    exact = [len(sets[a] & sets[b]) / (len(sets[a] | sets[b]) or 1) for a, b in pairs]
    flat = np.array([h for numbers in sets for h in sorted(numbers)], np.uint64)
    store = ShingleSets(flat, np.cumsum([0, *map(len, sets)]))
    left, right = np.array(pairs, np.int64).reshape(-1, 2).T.copy()
    assert jaccard_pairs(store, left, right).tolist() == exact
    arrays = np.split(flat, store.offsets[1:-1])
    assert [jaccard(arrays[a], arrays[b]) for a, b in pairs] == exact
    backwards = ShingleSets(np.concatenate([flat[:0], *arrays[::-1]]), np.cumsum([0, *map(len, sets[::-1])]))
    assert jaccard_pairs(store, left, len(sets) - 1 - right, backwards).tolist() == exact


@pytest.mark.parametrize("number", [-1, 2])
def test_a_set_that_is_not_there_is_refused(number: int) -> None:
    sets = shingle_sets(strings(pa.array(["a", "b"])))
    with pytest.raises(IndexError, match="0 to 1 are there"):
        jaccard_pairs(sets, np.array([0]), np.array([number]))
    with pytest.raises(IndexError, match="0 to 0 are there"):
        jaccard_pairs(sets, np.array([1]), np.array([1]), shingle_sets(strings(pa.array(["a"]))))
    with pytest.raises(ValueError, match="same shape"):
        jaccard_pairs(sets, np.array([0, 1]), np.array([0]))
