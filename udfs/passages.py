"""Passages that stand more than once in the corpus: found by the hashes of their pieces, kept where they stand first.

A document is cut into pieces (lines, paragraphs, sentences or words); a passage is a run of n pieces. Of equal passages
the first stays, by the ids of the documents and then by place, and all pieces of the others go. So a piece that goes
stands in a passage that stood before; where that one goes too, a passage before it has the piece, and so on to one that
stays.

Lines, paragraphs and sentences are equal when their words are, folded as for near-duplicates (udfs/folding.py): case,
accents, digits and punctuation do not count. Words are equal when their bytes are.

A run of many pieces is not hashed at every place. Winnowing (Schleimer, Wilkerson, Aiken, "Winnowing: Local Algorithms
for Document Fingerprinting", SIGMOD 2003) chooses anchors: of each run of n pieces the smallest hash of k of them in a
row. Equal runs choose equal anchors, for the choice depends on the run alone; so whoever hashes all runs about those
anchors only that stand more than once finds every passage of n pieces or more that does. An anchor is kept for some
(n - k + 2) / 2 pieces.

Hashes have 64 bits and no key: two different passages of a billion are taken for equal with probability 0.03.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numba
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from udfs.copies import halves, node_of
from udfs.decisions import Part, Rows, left_rows, texts_at
from udfs.edits import Edits, edit
from udfs.folding import CODE as FOLDED
from udfs.folding import DIGIT, IN_WORD, KIND_SHIFT, NOTHING, WORD, word_table
from udfs.hashing import GOLDEN, U64, mix64
from udfs.near import in_company
from udfs.spans import Ints, Spans, decode, power_of, prefix_hashes, running_sum
from udfs.text import Texts

Unit = Literal["line", "paragraph", "sentence", "word"]
ANCHORED = 8
"""Runs of so many pieces or more are looked for by anchors."""
MAX_PIECES = 256

RUNS = pa.schema(
    [(name, pa.int64()) for name in ("key", "high", "low", "node")] + [("piece", pa.int32()), ("rule", pa.int32())]
)
"""A run of pieces, or an anchor: its hash, its document's id in two halves and place, its first piece there."""
LATER = pa.schema(
    [("node", pa.int64()), ("rule", pa.int32()), ("piece", pa.int32()), ("high", pa.int64()), ("low", pa.int64())]
)
"""A run that stood before, and the document where it stood first."""


@dataclass(frozen=True)
class PassageRule:
    """Passages are runs of `n` pieces with `min_words` words or more."""

    unit: Unit
    n: int
    min_words: int = 1

    @property
    def is_anchored(self) -> bool:
        return self.n >= ANCHORED


@dataclass(frozen=True)
class PassagePlan:
    """What is looked for, in texts with these edits made."""

    edits: Edits | None
    word_rule: str
    rules: tuple[PassageRule, ...]

    def numbered(self, anchored: bool) -> list[tuple[int, PassageRule]]:
        return [(number, rule) for number, rule in enumerate(self.rules) if rule.is_anchored == anchored]


class Batch(NamedTuple):
    """Some documents of a part."""

    texts: Texts
    high: Rows
    low: Rows
    node: Rows


class Pieces(NamedTuple):
    """The pieces of documents, and of each its hash and its number of words."""

    spans: Spans
    hashes: NDArray[np.uint64]
    n_words: Ints


def batches_of(part: Part, rows: Rows, plan: PassagePlan) -> Iterator[Batch]:
    """The documents of these rows, edited."""
    for documents, found in texts_at(part, rows, ["id", "text"]):
        texts = edit(Texts(documents.column("text"), plan.word_rule), plan.edits).texts
        yield Batch(texts, *halves(documents.column("id")), node_of(part.number, found))


def pieces_of(texts: Texts, unit: Unit) -> Pieces:
    if unit == "word":
        return Pieces(texts.words, texts.words.hashes, np.ones(len(texts.words.start), np.int64))
    spans = {"line": texts.lines, "paragraph": texts.paragraphs, "sentence": texts.sentences}[unit]
    return Pieces(spans, *_hash_folded(spans.data, spans.start, spans.end, word_table()))


@numba.njit(cache=True, nogil=True)
def _hash_folded(data: Any, start: Any, end: Any, table: Any) -> Any:
    """(hash of the folded words, number of words) of each span; the words are those of udfs/shingles.py."""
    hashes, n_words = np.zeros(start.size, np.uint64), np.zeros(start.size, np.int64)
    for span in range(start.size):
        i, stop = U64(start[span]), U64(end[span])
        h = U64(0)
        previous, is_open = NOTHING, False
        while i < stop:
            code, i = decode(data, i, stop)
            kind, folded = table[code] >> KIND_SHIFT, table[code] & FOLDED
            if kind == NOTHING or (kind == DIGIT and previous == DIGIT):
                continue
            previous = kind
            is_letter = (kind == IN_WORD) | (kind == DIGIT)
            if (kind == WORD) | (is_letter & (not is_open)):
                n_words[span] += 1
                h = mix64(h + GOLDEN)
            if (kind == WORD) | is_letter:
                h = (h ^ U64(folded)) * GOLDEN
            is_open = is_letter
        hashes[span] = mix64(h)
    return hashes, n_words


def runs_of(part: Part, plan: PassagePlan) -> Iterator[pa.RecordBatch]:
    """RUNS for every passage of the rules with few pieces."""
    rules = plan.numbered(anchored=False)
    for batch in batches_of(part, left_rows(part), plan) if rules else ():
        for number, rule in rules:
            pieces = pieces_of(batch.texts, rule.unit)
            yield _rows(batch, pieces, number, *run_keys(pieces, rule))


def anchors_of(part: Part, plan: PassagePlan) -> Iterator[pa.RecordBatch]:
    """RUNS for the anchors of the rules with many pieces."""
    for batch in batches_of(part, left_rows(part), plan):
        for number, rule in plan.numbered(anchored=True):
            pieces = pieces_of(batch.texts, rule.unit)
            yield _rows(batch, pieces, number, *anchors(pieces, rule.n))


def runs_about(part: Part, batches: Iterator[pa.RecordBatch], plan: PassagePlan) -> Iterator[pa.RecordBatch]:
    """RUNS for every passage that holds one of the anchors, all of which are of this part."""
    asked = pa.Table.from_batches(list(batches), RUNS)
    node, piece, rules = (asked[name].to_numpy() for name in ("node", "piece", "rule"))
    for batch in batches_of(part, np.unique(node & 0xFFFFFFFF), plan):
        for number, rule in plan.numbered(anchored=True):
            chosen = (rules == number) & np.isin(node, batch.node)
            pieces = pieces_of(batch.texts, rule.unit)
            anchor = pieces.spans.first[np.searchsorted(batch.node, node[chosen])] + piece[chosen]
            place, key = run_keys(pieces, rule)
            is_about = covered(anchor - (rule.n - gram_size(rule.n)), anchor, len(pieces.hashes))[place]
            yield _rows(batch, pieces, number, place[is_about], key[is_about])


def run_keys(pieces: Pieces, rule: PassageRule) -> tuple[Ints, NDArray[np.uint64]]:
    """(first piece, hash) of each passage."""
    place = _places(pieces.spans.first, rule.n)
    words = running_sum(pieces.n_words)
    place = place[words[place + rule.n] - words[place] >= rule.min_words]
    return place, _run_hashes(pieces.hashes, rule.n)[place]


def anchors(pieces: Pieces, n: int) -> tuple[Ints, NDArray[np.uint64]]:
    """(first piece, hash) of each anchor, a run of `gram_size(n)` pieces."""
    grams = _run_hashes(pieces.hashes, gram_size(n))
    place = _winnow(grams, pieces.spans.first, n, gram_size(n))
    return place, grams[place]


def gram_size(n: int) -> int:
    """The pieces of an anchor: half of those of a passage, so that anchors are rare and rarely meet by chance."""
    return n // 2


def _run_hashes(hashes: NDArray[np.uint64], n: int) -> NDArray[np.uint64]:
    """Of the run of `n` pieces that begins at each piece, be it of one document or not; shorter by n - 1."""
    prefixes = prefix_hashes(hashes)
    return prefixes[n:] - prefixes[: max(0, len(prefixes) - n)] * U64(power_of(n))


def _places(first: Ints, n: int) -> Ints:
    """The pieces at which `n` pieces of one document begin."""
    ends = np.repeat(first[1:], np.diff(first))
    return np.flatnonzero(np.arange(len(ends)) + n <= ends)


@numba.njit(cache=True, nogil=True)
def _winnow(grams: Any, first: Any, n: Any, k: Any) -> Any:
    """The place of the smallest gram of each run of `n` pieces, the last of equals; each place once."""
    out = np.empty(grams.size, np.int64)
    size = 0
    for doc in range(first.size - 1):
        chosen = -1
        for begin in range(first[doc], first[doc + 1] - n + 1):
            newest = begin + n - k
            if chosen >= begin and grams[newest] > grams[chosen]:
                continue
            if chosen < begin:
                chosen = begin
                for i in range(begin + 1, newest):
                    if grams[i] <= grams[chosen]:
                        chosen = i
            if grams[newest] <= grams[chosen]:
                chosen = newest
            out[size] = chosen
            size += 1
    return out[:size]


def covered(first: Ints, last: Ints, n: int) -> NDArray[np.bool_]:
    """Which of `n` places lie in one of the stretches first[i] to last[i]."""
    steps = np.zeros(n + 1, np.int64)
    np.add.at(steps, first.clip(min=0), 1)
    np.add.at(steps, last + 1, -1)
    return np.cumsum(steps)[:n] > 0


def _rows(batch: Batch, pieces: Pieces, number: int, place: Ints, key: NDArray[np.uint64]) -> pa.RecordBatch:
    document = np.searchsorted(pieces.spans.first, place, "right") - 1
    own_key = (key ^ np.uint64(number)) * GOLDEN  # a passage of one rule is none of another
    columns = [own_key.view(np.int64), batch.high[document], batch.low[document], batch.node[document]]
    columns += [place - pieces.spans.first[document], np.full(len(place), number)]
    return pa.RecordBatch.from_arrays(
        [pa.array(c).cast(f.type) for c, f in zip(columns, RUNS, strict=True)], schema=RUNS
    )


def by_part(table: pa.Table) -> NDArray[np.int64]:
    """The part that the document of each row is of, for udfs.bundles."""
    return table["node"].to_numpy() >> 32


def shared_anchors(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Of anchors, all of whose equals are there, those that stand more than once."""
    table = pa.Table.from_batches(list(batches), RUNS)
    yield from table.take(pa.array(in_company(table["key"].to_numpy()))).combine_chunks().to_batches()


def later_runs(batches: Iterator[pa.RecordBatch], rules: Sequence[PassageRule]) -> Iterator[pa.RecordBatch]:
    """LATER: of runs, all of whose equals are there, every one but the first, and but those that overlap the first."""
    table = pa.Table.from_batches(list(batches), RUNS)
    table = table.take(pa.array(in_company(table["key"].to_numpy())))
    key, high, low, node, piece, rule = (table[name].to_numpy() for name in RUNS.names)
    place = np.lexsort((piece, node, low, high, key))
    is_first = np.append(True, np.diff(key[place]) != 0)[: len(place)]
    first = place[is_first][np.cumsum(is_first) - 1] if len(place) else place
    n_pieces = np.array([one.n for one in rules])[rule[place]]
    apart = (node[place] != node[first]) | (piece[place] >= piece[first] + n_pieces)
    place, first = place[apart & ~is_first], first[apart & ~is_first]
    columns = [node[place], rule[place], piece[place], high[first], low[first]]
    yield pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=LATER)
