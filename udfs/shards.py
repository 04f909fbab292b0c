"""Token shards: written as a stream, digested as they are written, mapped into memory, verified.

A data set is a folder that users may copy anywhere:

    manifest.json            what the data set is, and every shard's counts and digests; written last, the commit point
    SHA256SUMS               the same digests for `sha256sum -c`, manifest and tokenizer files included
    tokenizer/...            the tokenizer that made the ids
    PREFIX.bin               tokens, little-endian, nothing else: uint16, or int32 where the vocabulary needs it
    PREFIX.idx               where each document starts; with the .bin it is a data set of Megatron-LM
    PREFIX.docs.parquet      row i describes document i
    PREFIX.loss              only for post-training: uint8 per token, 1 where the token counts

Nothing here cuts sequences, shuffles or tokenizes: the writer chooses the documents' order and what frames them, the
reader of a shard chooses the sequence length.
"""

import hashlib
import json
import os
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import chain
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from udfs import files, megatron_index
from udfs.errors import ContractError, InputError
from udfs.megatron_index import Array, Index, expect, first_difference, token_dtype

FORMAT = "tokshard"
VERSION = 1
KINDS = ("pretrain", "sft", "preference")
SUFFIXES = {"bin": ".bin", "idx": ".idx", "docs": ".docs.parquet", "loss": ".loss"}
ROW_GROUP_ROWS = 20_000
DOCS_SCHEMA = pa.schema(
    [
        ("doc_id", pa.string()),
        ("source", pa.string()),
        ("url", pa.string()),
        ("snapshot", pa.string()),
        ("token_start", pa.int64()),
        ("n_tokens", pa.int32()),
        ("n_bytes", pa.int32()),
        ("quality", pa.float32()),
        ("lang", pa.string()),
        ("dup_cluster", pa.int64()),
    ]
)
ROW_FIELDS = set(DOCS_SCHEMA.names) - {"token_start", "n_tokens"}
SAFE_PATH = re.compile(r"(?!\.)[\w.=+-]+(/(?!\.)[\w.=+-]+)*")


@dataclass(frozen=True)
class Shard:
    """A shard as the manifest records it: `path` is its prefix below the data set's folder; `bytes` and `sha256` have
    one entry for each of its files (bin, idx, docs, and loss where there is one)."""

    path: str
    n_tokens: int
    n_docs: int
    n_text_bytes: int
    bytes: dict[str, int]
    sha256: dict[str, str]
    min_token_id: int
    max_token_id: int


@dataclass(frozen=True)
class Tokenizer:
    """`sha256` is that of tokenizer/tokenizer.json; an id is None where the tokenizer has no such token."""

    sha256: str
    vocab_size: int
    bos: int | None
    eos: int | None
    pad: int | None


@dataclass(frozen=True)
class Manifest:
    """What a data set is, and what made it.

    `kind`: pretrain, sft or preference; `doc_template`: what frames a document, as "[BOS] ids EOS"; `shuffle`: seed and
    key; `pipeline`: conf_sha256, code_commit, run_id, input_snapshots, filter, dedup; `splits`: split -> source ->
    shards.
    """

    kind: str
    doc_template: str
    tokenizer: Tokenizer
    shuffle: dict[str, Any]
    pipeline: dict[str, Any]
    splits: dict[str, dict[str, list[Shard]]]

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ContractError(f"manifest: found kind {self.kind!r}, expected one of {', '.join(KINDS)}")
        paths = [check_path(shard.path) for shard in self.shards()]
        expect("manifest", "shards with the path of another:", len(paths) - len(set(paths)), 0)
        for shard in self.shards():
            where = f"manifest: {shard.path}"
            expect(where, "files", sorted(shard.sha256.keys() - {"loss"}), ["bin", "docs", "idx"])
            expect(where, "files with a size", sorted(shard.bytes), sorted(shard.sha256))
            if shard.max_token_id >= self.tokenizer.vocab_size:
                raise ContractError(f"{where}: id {shard.max_token_id} in a vocabulary of {self.tokenizer.vocab_size}")

    def shards(self) -> Iterator[Shard]:
        for sources in self.splits.values():
            yield from chain.from_iterable(sources.values())

    @property
    def totals(self) -> dict[str, int]:
        names = ("n_tokens", "n_docs", "n_text_bytes")
        totals = {name: sum(getattr(shard, name) for shard in self.shards()) for name in names}
        return {**totals, "bytes": sum(sum(shard.bytes.values()) for shard in self.shards())}

    @property
    def content_sha256(self) -> str:
        """What the data set holds, whatever its files are called: digest over the sorted [split, source, digests]."""
        lines = [
            json.dumps([split, source, shard.sha256], sort_keys=True)
            for split, sources in self.splits.items()
            for source, shards in sources.items()
            for shard in shards
        ]
        return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def check_path(path: str) -> str:
    """`path`, if it is certain to stay below the folder that it is joined to; ContractError otherwise."""
    if SAFE_PATH.fullmatch(path):
        return path
    raise ContractError(
        f"shard path {path!r} is refused",
        "a shard path is relative; its parts hold letters, digits and . _ = + - only, and do not start with a dot",
    )


class ShardWriter:
    """Writes one shard below `folder`; use as a context manager, then read `shard`. The files appear at the end of the
    `with` block, or not at all where it raised. A shard holds at least one document."""

    shard: Shard

    def __init__(self, folder: str, name: str, vocab_size: int, with_loss: bool = False) -> None:
        self._name = check_path(name)
        self._prefix = files.join(folder, name)
        self._vocab_size = vocab_size
        self._dtype = token_dtype(vocab_size)
        self._with_loss = with_loss
        self._lengths = array("i")
        self._rows: list[dict[str, Any]] = []
        self._n_tokens = 0
        self._n_text_bytes = 0
        self._min_id, self._max_id = vocab_size, -1

    def __enter__(self) -> Self:
        kinds = [kind for kind in SUFFIXES if kind != "loss" or self._with_loss]
        with ExitStack() as stack:
            self._sinks = {kind: stack.enter_context(files.publish(self._prefix + SUFFIXES[kind])) for kind in kinds}
            sink: Any = self._sinks["docs"]  # no IO in name, but all of it that Parquet asks for
            docs = pq.ParquetWriter(sink, DOCS_SCHEMA, compression="zstd", compression_level=3)
            self._docs = stack.enter_context(docs)
            stack.push(self._finish)
            self._open = stack.pop_all()
        return self

    def write(self, tokens: Array, row: Mapping[str, Any], loss: Array | None = None) -> None:
        """Append a document. `tokens`: ids below the vocabulary size, at least one, framed as the data set's template
        says; `row`: ROW_FIELDS, n_bytes in UTF-8 bytes of text; `loss`: 0 or 1 for each token, given if and only if the
        shard has a loss file. Raises ContractError."""
        self._check(tokens, row, loss)
        self._sinks["bin"].write(np.ascontiguousarray(tokens, self._dtype))
        if loss is not None:
            self._sinks["loss"].write(np.ascontiguousarray(loss, np.uint8))
        self._rows.append({**row, "token_start": self._n_tokens, "n_tokens": tokens.size})
        self._lengths.append(tokens.size)
        self._n_tokens += tokens.size
        self._n_text_bytes += row["n_bytes"]
        if len(self._rows) == ROW_GROUP_ROWS:
            self._flush_rows()

    def _check(self, tokens: Array, row: Mapping[str, Any], loss: Array | None) -> None:
        where = f"{self._name}: document {len(self._lengths)} ({row.get('doc_id')})"
        if row.keys() != ROW_FIELDS:
            raise ContractError(f"{where}: its row has {sorted(row)}, expected {sorted(ROW_FIELDS)}")
        if tokens.ndim != 1 or tokens.size == 0:
            raise ContractError(f"{where}: tokens of shape {tokens.shape}; a document has one dimension and a token")
        low, high = int(tokens.min()), int(tokens.max())
        if low < 0 or high >= self._vocab_size:
            raise ContractError(f"{where}: ids from {low} to {high}; the vocabulary ends at {self._vocab_size - 1}")
        found = None if loss is None else loss.shape
        if found != (tokens.shape if self._with_loss else None):
            raise ContractError(f"{where}: loss of shape {found}, tokens of shape {tokens.shape}, {self._with_loss=}")
        self._min_id, self._max_id = min(low, self._min_id), max(high, self._max_id)

    def _flush_rows(self) -> None:
        self._docs.write_table(pa.Table.from_pylist(self._rows, DOCS_SCHEMA), row_group_size=ROW_GROUP_ROWS)
        self._rows = []

    def _finish(self, kind: object, _error: object, _trace: object) -> None:
        """The last bytes, before the files are published; nothing where the block raised."""
        if kind is not None:
            return
        if not self._lengths:
            raise ContractError(f"{self._prefix}: no document was written", "a shard holds at least one document")
        if self._rows:
            self._flush_rows()
        self._sinks["idx"].write(megatron_index.to_bytes(np.array(self._lengths, np.int32), self._dtype))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)
        if kind is None:
            self.shard = Shard(
                path=self._name,
                n_tokens=self._n_tokens,
                n_docs=len(self._lengths),
                n_text_bytes=self._n_text_bytes,
                bytes={kind: sink.n_bytes for kind, sink in self._sinks.items()},
                sha256={kind: sink.sha256 for kind, sink in self._sinks.items()},
                min_token_id=self._min_id,
                max_token_id=self._max_id,
            )


@dataclass(frozen=True)
class OpenShard:
    """A shard mapped into memory: `tokens` (uint16 or int32) and `loss` (uint8) per token, `index` per document."""

    tokens: Array
    index: Index
    loss: Array | None


def open_shard(prefix: str) -> OpenShard:
    """The shard whose local files start with `prefix`. Raises InputError where a file is missing, ContractError where
    the index is not one or the sizes disagree; digests are the business of `verify_shard`."""
    index = megatron_index.from_bytes(_map(prefix + ".idx"), prefix + ".idx")
    tokens = _map(prefix + ".bin", index.n_tokens * index.dtype.itemsize).view(index.dtype)
    has_loss = os.path.exists(prefix + ".loss")
    return OpenShard(tokens, index, _map(prefix + ".loss", index.n_tokens) if has_loss else None)


def _map(file: str, n_bytes: int | None = None) -> np.memmap[Any, Any]:
    """The bytes of a file that is not empty, and has `n_bytes` where that is given."""
    try:
        found = os.path.getsize(file)
    except OSError as error:
        raise InputError(
            f"{file}: {error.strerror}",
            "shards are read from local files: fetch the whole data set, SHA256SUMS lists it",
        ) from error
    expect(file, "bytes", found, n_bytes or max(found, 1))
    return np.memmap(file, np.uint8, mode="r")


def read_docs(prefix: str, columns: list[str]) -> pa.Table:
    """Columns of a shard's .docs.parquet, row i for document i. Raises InputError and ContractError."""
    uri = prefix + SUFFIXES["docs"]
    try:
        with files.open_read(uri) as stream, pq.ParquetFile(stream) as docs:
            expect(uri, "columns", docs.schema_arrow.names, DOCS_SCHEMA.names)
            return docs.read(columns)
    except pa.ArrowException as error:
        raise ContractError(f"{uri}: not a Parquet file: {error}", "fetch the data set again") from error


def verify_shard(folder: str, shard: Shard) -> None:
    """Read all of a shard's files; compare digests and counts with the manifest's. Raises ContractError naming the
    first file that differs, InputError for a missing one."""
    prefix = files.join(folder, check_path(shard.path))
    for kind, sha256 in shard.sha256.items():
        found = files.fingerprint(prefix + SUFFIXES[kind])
        expect(prefix + SUFFIXES[kind], "bytes", found.n_bytes, shard.bytes[kind])
        expect(prefix + SUFFIXES[kind], "sha256", found.sha256, sha256)
    index = megatron_index.from_bytes(files.read_bytes(prefix + ".idx"), prefix + ".idx")
    expect(prefix + ".idx", "documents", len(index.lengths), shard.n_docs)
    expect(prefix + ".idx", "tokens", index.n_tokens, shard.n_tokens)
    expect(prefix + ".bin", "bytes", shard.bytes["bin"], shard.n_tokens * index.dtype.itemsize)
    expect(prefix + ".loss", "bytes", shard.bytes.get("loss", shard.n_tokens), shard.n_tokens)
    found_ids = _id_range(prefix + ".bin", index.dtype)
    expect(prefix + ".bin", "smallest and largest id", found_ids, (shard.min_token_id, shard.max_token_id))
    _verify_docs(prefix, shard, index)


def _id_range(uri: str, dtype: np.dtype[Any]) -> tuple[int, int]:
    low, high = [], []
    with files.open_read(uri) as stream:
        while chunk := stream.read(files.CHUNK_BYTES):
            tokens = np.frombuffer(chunk, dtype)
            low.append(int(tokens.min()))
            high.append(int(tokens.max()))
    return min(low), max(high)


def _verify_docs(prefix: str, shard: Shard, index: Index) -> None:
    uri = prefix + SUFFIXES["docs"]
    table = read_docs(prefix, ["token_start", "n_tokens", "n_bytes"])
    expect(uri, "rows", table.num_rows, shard.n_docs)
    expect(uri, "bytes of text", int(table["n_bytes"].to_numpy().sum(dtype=np.int64)), shard.n_text_bytes)
    for name, expected in (("n_tokens", index.lengths), ("token_start", index.token_starts)):
        row = first_difference(table[name].to_numpy(), expected)
        expect(uri, f"first row whose {name} is not the index's:", row, None)


def verify_tokenizer(folder: str, manifest: Manifest) -> None:
    """Raises ContractError unless tokenizer/tokenizer.json is the one that made the shards."""
    file = files.join(folder, "tokenizer", "tokenizer.json")
    expect(file, "sha256", files.fingerprint(file).sha256, manifest.tokenizer.sha256)


def _as_json(manifest: Manifest) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "dtype": token_dtype(manifest.tokenizer.vocab_size).name,
        "byte_order": "little",
        **asdict(manifest),
        "totals": manifest.totals,
        "content_sha256": manifest.content_sha256,
    }


def write_manifest(folder: str, manifest: Manifest, other_files: Iterable[str] = ()) -> None:
    """Commit the data set: write SHA256SUMS over the shards, `other_files` (paths below `folder`: the tokenizer's) and
    the manifest, then manifest.json."""
    data = (json.dumps(_as_json(manifest), indent=1) + "\n").encode()
    sums = {shard.path + SUFFIXES[kind]: sha256 for shard in manifest.shards() for kind, sha256 in shard.sha256.items()}
    sums |= {check_path(path): files.fingerprint(files.join(folder, path)).sha256 for path in other_files}
    sums["manifest.json"] = hashlib.sha256(data).hexdigest()
    lines = "".join(f"{sums[path]}  {path}\n" for path in sorted(sums))
    files.write_bytes(files.join(folder, "SHA256SUMS"), lines.encode())
    files.write_bytes(files.join(folder, "manifest.json"), data)


def read_manifest(folder: str) -> Manifest:
    """The manifest of the data set in `folder`. Raises InputError where there is none, ContractError where it is of
    another format or version, or contradicts itself."""
    file = files.join(folder, "manifest.json")
    try:
        data = json.loads(files.read_bytes(file))
        if (data["format"], data["version"]) != (FORMAT, VERSION):
            found = f"{data['format']} version {data['version']}"
            hint = "use the version of gristmill that wrote it, or write the shards again"
            raise ContractError(f"{file}: found {found}, this program reads {FORMAT} version {VERSION}", hint)
        manifest = _from_json(data)
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        problem = f"{type(error).__name__}: {error}"
        raise ContractError(f"{file}: not a manifest: {problem}", "fetch the data set again") from error
    derived = _as_json(manifest)
    wrong = [key for key in sorted(data.keys() | derived.keys()) if data.get(key) != derived.get(key)]
    expect(file, "fields unknown or not what the shards add up to:", wrong, [])
    return manifest


def _from_json(data: dict[str, Any]) -> Manifest:
    splits = {
        split: {source: [Shard(**shard) for shard in shards] for source, shards in sources.items()}
        for split, sources in data["splits"].items()
    }
    tokenizer = Tokenizer(**data["tokenizer"])
    return Manifest(data["kind"], data["doc_template"], tokenizer, data["shuffle"], data["pipeline"], splits)
