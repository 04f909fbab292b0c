"""Overlap of documents with evaluation sets: runs of words that an evaluation item and a document have in common.

Words are compared as udfs.shingles folds them: case, punctuation and white space do not matter, a number is like any
other, each CJK character is a word. Texts are read twice, with words ending at punctuation and with punctuation
dropped, so that "7:11" is found in "7 11" and in "711". An item is known by its runs of n words, n = 13 as in GPT-3
(Brown et al. 2020, appendix C); a shorter one by all its words, if they are `min_words` or more. Items shorter still
are not looked for.
"""

import functools
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from udfs import files
from udfs.decisions import Counts, LedgerFile, Part, left_rows, texts_at
from udfs.edits import Edits, edit
from udfs.errors import InputError
from udfs.parts import PartFile
from udfs.shingles import count_units, shingle_sets
from udfs.strings import Strings, strings
from udfs.text import Texts

REASON = "evaluation_overlap"
READINGS = ("word", "joined")
"""Units of udfs.shingles."""


@dataclass(frozen=True)
class EvaluationSet:
    """A file of evaluation items, JSON lines; `fields` are those looked for, or all that are strings."""

    name: str
    uri: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class DecontaminatePlan:
    sets: tuple[EvaluationSet, ...]
    n: int
    min_words: int
    share: float
    edits: Edits | None
    word_rule: str


def read_items(source: EvaluationSet) -> Iterator[tuple[str, str]]:
    """(name, text) of each item: "gsm8k:12:question". Raises InputError for a line that is not a JSON object."""
    data = files.read_bytes(source.uri)
    lines = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8", "replace").split("\n")
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        try:
            row = dict(json.loads(line))
        except (ValueError, TypeError):
            raise InputError(
                f"{source.uri}:{number + 1}: is not a JSON object", "an evaluation set is JSON lines"
            ) from None
        for name in source.fields or [name for name, value in row.items() if isinstance(value, str)]:
            if isinstance(row.get(name), str):
                yield f"{source.name}:{row.get('id', number)}:{name}", row[name]


@dataclass(frozen=True)
class Index:
    """The word runs of all items of one width: `hashes` ascending, `items` their item numbers, `n_runs` per item."""

    reading: str
    width: int
    hashes: NDArray[np.uint64]
    items: NDArray[np.int64]
    n_runs: NDArray[np.int64]


@functools.lru_cache(maxsize=1)
def build_index(sets: tuple[EvaluationSet, ...], n: int, min_words: int) -> tuple[list[str], list[Index]]:
    """(item names, an index for every reading and width that occurs); kept by the process."""
    items = [item for source in sets for item in read_items(source)]
    texts = pa.array([text for _, text in items], pa.string())
    found = [index for reading in READINGS for index in indexes_of(texts, reading, n, min_words)]
    return [name for name, _ in items], found


def indexes_of(texts: pa.Array, reading: str, n: int, min_words: int) -> Iterator[Index]:
    """An index for every width of the items, by one reading of their words."""
    widths = np.minimum(count_units(strings(texts), reading), n)
    for width in np.unique(widths[widths >= min_words]).tolist():
        chosen = np.flatnonzero(widths == width)
        runs = shingle_sets(strings(texts.take(pa.array(chosen))), reading, width)
        sizes = np.diff(runs.offsets)
        order = np.argsort(runs.hashes, kind="stable")
        n_runs = np.zeros(len(texts), np.int64)
        n_runs[chosen] = sizes
        yield Index(reading, width, runs.hashes[order], np.repeat(chosen, sizes)[order], n_runs)


def find_overlap(texts: Texts, plan: DecontaminatePlan) -> Iterator[tuple[int, str, float]]:
    """(document, item, share of the item's runs that the document holds) for each document at or above the share, with
    the item it holds most of."""
    names, indexes = build_index(plan.sets, plan.n, plan.min_words)
    best: dict[int, tuple[float, int]] = {}
    for index in indexes:
        for document, item, share in matches(strings(texts.arrow), index):
            if share >= plan.share:
                best[document] = max(best.get(document, (0.0, 0)), (share, -item))
    for document, (share, item) in sorted(best.items()):
        yield document, names[-item], share


def matches(texts: Strings, index: Index) -> Iterator[tuple[int, int, float]]:
    """(document, item, share) for every pair with a run in common."""
    runs = shingle_sets(texts, index.reading, index.width)
    first = np.searchsorted(index.hashes, runs.hashes, "left")
    n_found = np.searchsorted(index.hashes, runs.hashes, "right") - first
    documents = np.repeat(np.repeat(np.arange(len(runs.offsets) - 1), np.diff(runs.offsets)), n_found)
    within = np.arange(n_found.sum()) - np.repeat(np.cumsum(n_found) - n_found, n_found)
    items = index.items[np.repeat(first, n_found) + within]
    pairs, counts = np.unique(np.stack([documents, items]), axis=1, return_counts=True)
    shares = counts / index.n_runs[pairs[1]]
    yield from zip(pairs[0].tolist(), pairs[1].tolist(), shares.tolist(), strict=True)


def decontaminate_part(part: Part, plan: DecontaminatePlan, ledger: LedgerFile) -> tuple[PartFile | None, Counts]:
    """Write the ledger rows of the documents left that hold an evaluation item."""
    hits = []
    for documents, rows in texts_at(part, left_rows(part), ["text"]):
        texts = edit(Texts(documents.column("text"), plan.word_rule), plan.edits).texts
        hits += [(int(rows[document]), item, share) for document, item, share in find_overlap(texts, plan)]
    columns = {
        "row": pa.array([row for row, _, _ in hits], pa.int32()),
        "matched_id": pa.array([item for _, item, _ in hits], pa.string()),
        "similarity": pa.array([share for _, _, share in hits], pa.float64()),
    }
    fixed = {"reason": REASON, "signal": "share_of_item", "bound": f"< {plan.share:g}"}
    columns |= {name: pa.array([value] * len(hits), pa.string()) for name, value in fixed.items()}
    columns |= {"value": columns["similarity"], "broken": pa.array([[REASON]] * len(hits), pa.list_(pa.string()))}
    return ledger.write(part, pa.table(columns))
