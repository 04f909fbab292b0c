"""Files of conversations to shards: each row of JSON lines becomes a document, or two where answers are compared.

A file is read once by one task, which writes its shards itself: one for training, one of the rows held out. What is no
conversation goes to quarantine. Rows keep their order: the trainer packs whole conversations into its windows, and
draws their order.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain, islice, pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from udfs import files
from udfs.chat import ChatError, Conversation, conversations
from udfs.hashing import document_id
from udfs.ingest import quarantine_row
from udfs.inputs import InputFile
from udfs.jsonl import parse_object, read_lines
from udfs.members import USUAL_LIMITS
from udfs.parts import PartFile, PartWriter
from udfs.records import HEAD_BYTES, Damage
from udfs.shards import Shard, ShardWriter
from udfs.text_tokenizer import TextTokenizer, TokenizerPlace, load_tokenizer
from udfs.tokenize_text import split_of

Kind = Literal["sft", "preference"]
ROWS_AT_ONCE = 500


@dataclass(frozen=True)
class ChatTask:
    """A file to pack, as number `number` of its kind."""

    kind: Kind
    number: int
    file: InputFile


@dataclass(frozen=True)
class ChatPlan:
    """`shards` and `quarantine` are folders; `key` names the parts of a table."""

    tokenizer: TokenizerPlace
    seed: int
    val_share: float
    shards: dict[Kind, str]
    quarantine: str
    quarantine_schema: pa.Schema
    key: str


@dataclass
class ChatResult:
    """What became of a file: the shards written by split, and rows by what happened to them."""

    shards: dict[str, Shard] = field(default_factory=dict)
    quarantine: PartFile | None = None
    rows: Counter[str] = field(default_factory=Counter)


class Row(NamedTuple):
    identity: str
    conversations: list[Conversation]


def pack_file(task: ChatTask, part: str, plan: ChatPlan) -> ChatResult:
    """Write the shards of a file, and part `part` of the quarantine. Raises InputError for a file that is not there."""
    tokenizer, result = load_tokenizer(plan.tokenizer), ChatResult()
    with ExitStack() as stack:
        quarantine = stack.enter_context(PartWriter(plan.quarantine, part, plan.quarantine_schema))
        rows = _read(task, quarantine, result.rows)
        writers: dict[str, ShardWriter] = {}
        while batch := list(islice(rows, ROWS_AT_ONCE)):
            for row, documents in zip(batch, frame([row.conversations for row in batch], tokenizer), strict=True):
                split = split_of(plan.seed, plan.val_share, None, row.identity)
                if split not in writers:
                    name = f"{split}/{task.file.source}/shard-{task.number:05d}"
                    writer = ShardWriter(plan.shards[task.kind], name, tokenizer.vocab_size, with_loss=True)
                    writers[split] = stack.enter_context(writer)
                _write(writers[split], task, row, documents)
                result.rows["kept"] += 1
    result.shards = {split: writer.shard for split, writer in writers.items()}
    result.quarantine = quarantine.part
    return result


def _read(task: ChatTask, quarantine: PartWriter, counts: Counter[str]) -> Iterator[Row]:
    """The rows of the file that hold what they should; the others go to quarantine."""
    with files.open_read(task.file.uri) as stream:
        for line in read_lines(stream, USUAL_LIMITS):
            counts["read"] += 1
            row = line if isinstance(line, Damage) else parse_object(line, USUAL_LIMITS.record_bytes)
            try:
                if not isinstance(row, Damage):
                    identity = document_id(task.file.source, task.file.path, line.ordinal)
                    yield Row(identity, conversations(row, task.kind))
                    continue
                reason, detail, head = row.reason, row.detail, row.head
            except ChatError as error:
                assert not isinstance(line, Damage)
                reason, detail, head = error.reason, str(error), line.content[:HEAD_BYTES]
            counts[reason] += 1
            damage: Any = Damage(line.ordinal, line.offset, reason, detail, head)  # pyright: ignore[reportArgumentType]
            quarantine.write_row(quarantine_row(task.file, damage) | {"stage": "pack_chat"})


def _write(writer: ShardWriter, task: ChatTask, row: Row, documents: list["Document"]) -> None:
    for name, document, turns in zip(("/chosen", "/rejected"), documents, row.conversations, strict=False):
        described = {
            "doc_id": row.identity + (name if task.kind == "preference" else ""),
            "source": task.file.source,
            "url": None,
            "snapshot": task.file.dump,
            "n_bytes": sum(len(turn.content.encode()) for turn in turns),
            "quality": None,
            "lang": None,
            "dup_cluster": None,
        }
        writer.write(document.tokens, described, document.counts)


class Document(NamedTuple):
    """`tokens` int32, `counts` uint8: 1 where a token counts for the loss."""

    tokens: NDArray[np.int32]
    counts: NDArray[np.uint8]


def frame(rows: list[list[Conversation]], tokenizer: TextTokenizer) -> list[list[Document]]:
    """The conversations of each row as documents: [BOS] and the turns, by the template of `udfs.chat`. The tokenizer
    has the two marks of turns."""
    turns = [turn for row in rows for conversation in row for turn in conversation]
    encoded = tokenizer.encode(pa.array(["\n", *(text for turn in turns for text in (f"{turn.role}\n", turn.content))]))
    newline, *pieces = [encoded.ids[start:end] for start, end in pairwise(encoded.offsets.tolist())]
    marks = np.array([tokenizer.turn_start, tokenizer.turn_end], np.int32)
    framed = (
        [(marks[:1], 0), (header, 0), (content, turn.counts), (marks[1:], turn.counts), (newline, 0)]
        for turn, header, content in zip(turns, pieces[::2], pieces[1::2], strict=True)
    )
    first = [] if tokenizer.bos is None else [(np.array([tokenizer.bos], np.int32), 0)]
    return [
        [_joined([*first, *chain.from_iterable(islice(framed, len(conversation)))]) for conversation in row]
        for row in rows
    ]


def _joined(pieces: list[tuple[NDArray[np.int32], bool | int]]) -> Document:
    """The document made of these pieces, each of which counts or does not."""
    counts = [np.full(len(tokens), counts, np.uint8) for tokens, counts in pieces]
    return Document(np.concatenate([tokens for tokens, _ in pieces]), np.concatenate(counts))
