"""A corpus of random words with near-duplicates planted at known Jaccard similarity, the same for the same seed.

Words are lower-case ASCII letters with one blank between them, so every tool cuts the texts into the same words. The
similarity of two members of a family is that of their sets of 5 successive words, computed here by plain Python sets.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

WIDTH = 5
VOCABULARY = 50_000
IN_FAMILIES = 0.3
"""Share of the documents that have a planted near-duplicate."""
LETTERS = list("etaoinshrdlucmwfgypbvkjxqz")


@dataclass(frozen=True)
class Planted:
    """Texts, and every pair of members of one family by their numbers, with its exact Jaccard similarity."""

    texts: pa.Array
    left: np.ndarray
    right: np.ndarray
    similarity: np.ndarray
    is_alone: np.ndarray
    """Whether the pair is a whole family."""

    @property
    def megabytes(self) -> float:
        return pc.sum(pc.binary_length(self.texts)).as_py() / 1e6


def planted(n_documents: int, seed: int = 0) -> Planted:
    """Families of 2 to 4: a text and variants of it, in each of which enough words are changed for a similarity drawn
    evenly from 0.4 to 1. All other documents are alone. Lengths are lognormal, 1.5 KB in the middle."""
    rng = np.random.default_rng(seed)
    vocabulary = np.array(["".join(rng.choice(LETTERS, n)) for n in rng.poisson(4, VOCABULARY).clip(1, 12)])
    families: list[list[np.ndarray]] = []
    n_made = 0
    while n_made < n_documents:
        n_members = int(rng.integers(2, 5)) if rng.random() < IN_FAMILIES / (3 - 2 * IN_FAMILIES) else 1
        base = draw(rng, int(rng.lognormal(5.5, 0.9)) + WIDTH)
        variants = [vary(rng, base, rng.uniform(0.4, 1)) for _ in range(min(n_members, n_documents - n_made) - 1)]
        families.append([base, *variants])
        n_made += len(families[-1])
    return shuffled(rng, families, vocabulary)


def draw(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.zipf(1.2, n) % VOCABULARY


def vary(rng: np.random.Generator, words: np.ndarray, similarity: float) -> np.ndarray:
    """A copy with k words changed, k such that (n - 5k) / (n + 5k), its similarity if no two lie together, is that."""
    n_changed = round(len(words) * (1 - similarity) / (WIDTH * (1 + similarity)))
    copy = words.copy()
    places = rng.choice(len(words), n_changed, replace=False)
    copy[places] = draw(rng, n_changed)
    return copy


def shuffled(rng: np.random.Generator, families: list[list[np.ndarray]], vocabulary: np.ndarray) -> Planted:
    """The documents in any order, with the pairs of each family."""
    texts = [" ".join(vocabulary[words]) for members in families for words in members]
    place = rng.permutation(len(texts))
    pairs: list[tuple[int, int, float, bool]] = []
    first = 0
    for members in families:
        sets = [shingles(texts[first + i]) for i in range(len(members))] if len(members) > 1 else []
        for a, b in combinations(range(len(members)), 2):
            similarity = len(sets[a] & sets[b]) / len(sets[a] | sets[b])
            pairs.append((place[first + a], place[first + b], similarity, len(members) == 2))
        first += len(members)
    ordered = [""] * len(texts)
    for text, number in zip(texts, place, strict=True):
        ordered[number] = text
    left, right, similarity, is_alone = zip(*pairs, strict=True) if pairs else ((), (), (), ())
    ends = np.array(left, np.int64), np.array(right, np.int64)
    return Planted(pa.array(ordered), *ends, np.array(similarity), np.array(is_alone, bool))


def shingles(text: str) -> set[tuple[str, ...]]:
    words = text.split(" ")
    return set(zip(*(words[i:] for i in range(WIDTH)), strict=False)) or {tuple(words)}
