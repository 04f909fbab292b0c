"""pack: clean text to tokenized shards in a global order that depends on ids and the seed only.

Reads the text of `clean` once, in Python workers; what is shuffled is token arrays (2 or 4 bytes a token). Every
document stands in the shards exactly once, as [BOS] ids EOS; sequences are cut when the shards are read.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pyarrow as pa
from pydantic import Field
from pyspark.sql import DataFrame

from conf.model import Model
from pipelines.stage import Job
from pipelines.tasks import map_arrow, stream_tasks
from pipelines.tokenizer import write_file
from udfs import files
from udfs.errors import ContractError
from udfs.parts import PartFile
from udfs.shards import SUFFIXES, Manifest, Shard, Tokenizer, token_dtype, write_manifest
from udfs.tokenize_text import TOKENS, PackPlan, encode_part, load_tokenizer, write_shard

BYTES_PER_TOKEN = 4  # of English text; only sizes shards
SHARDS = pa.schema([("number", pa.int64()), ("shard", pa.string())])
TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "tokenizer_config.json")


class PackSettings(Model):
    bos: bool = True
    """Start each document with the begin-of-sequence id."""
    val_share: float = Field(default=0.01, ge=0, lt=1)
    """Share of the hosts (documents, where there is no URL) whose documents are kept for validation."""
    shard_bytes: int = Field(default=256 << 20, ge=1 << 16)
    """Bytes of tokens in a shard, about."""


def pack(job: Job, pack: PackSettings, seed: int) -> None:
    """clean, tokenizer -> shards/."""
    processor = load_tokenizer(job.run.path("tokenizer"))
    vocab_size = processor.get_piece_size()
    names = shard_names(job, pack, token_dtype(vocab_size).itemsize)
    plan = PackPlan(job.run.path("tokenizer"), seed, pack.bos, True, pack.val_share, _numbers(names))
    tokens = stream_tasks(job.spark, lambda uri: encode_part(uri, plan), job.uris("clean"), TOKENS)
    withdraw_manifest(job.run.path("shards"))
    shards = write_shards(tokens, job.run.path("shards"), [name for _, _, name in names], vocab_size)
    splits: dict[str, dict[str, list[Shard]]] = {}
    for (split, source, _), shard in zip(names, shards, strict=True):
        if shard:
            splits.setdefault(split, {}).setdefault(source, []).append(shard)
    commit(job, pack, seed, splits)


def withdraw_manifest(folder: str) -> None:
    """Shards keep their names from one version to the next: while they change, the folder must not pass for whole."""
    fs, path = files.locate(files.join(folder, "manifest.json"))
    if fs.exists(path):
        fs.rm(path)


def shard_names(job: Job, pack: PackSettings, token_bytes: int) -> list[tuple[str, str, str]]:
    """(split, source, path) of every shard that may be needed, from the bytes of text refine left for each source."""
    refined = job.run.committed("refine")
    if refined is None:
        raise ContractError("refine has no record", "run `gristmill refine` first")
    names = []
    for split, share in (("train", 1 - pack.val_share), ("val", pack.val_share)):
        for row in refined.counts["kept"]:
            expected = share * row["bytes"] / BYTES_PER_TOKEN * token_bytes
            n_shards = max(1, round(expected / pack.shard_bytes))
            names += [(split, row["source"], f"{split}/{row['source']}/shard-{i:05d}") for i in range(n_shards)]
    return names


def _numbers(names: list[tuple[str, str, str]]) -> dict[tuple[str, str], tuple[int, int]]:
    """(split, source) -> (number of its first shard, how many)."""
    numbers: dict[tuple[str, str], tuple[int, int]] = {}
    for number, (split, source, _) in enumerate(names):
        first, n_shards = numbers.get((split, source), (number, 0))
        numbers[split, source] = first, n_shards + 1
    return numbers


def write_shards(tokens: DataFrame, folder: str, names: list[str], vocab_size: int) -> list[Shard | None]:
    """One shard per name, each by one task; None for a shard to which no document fell."""

    def work(number: int, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        shard = write_shard(folder, names[number], vocab_size, batches)
        if shard:
            yield pa.RecordBatch.from_pydict({"number": [number], "shard": [json.dumps(asdict(shard))]}, SHARDS)

    placed = tokens.repartitionById(len(names), "shard").sortWithinPartitions("place", "id")
    rows = map_arrow(placed, work, SHARDS).collect()
    written = {row["number"]: Shard(**json.loads(row["shard"])) for row in rows}
    return [written.get(number) for number in range(len(names))]


def commit(job: Job, pack: PackSettings, seed: int, splits: dict[str, dict[str, list[Shard]]]) -> None:
    """Copy the tokenizer, write the manifest, declare every file."""
    copies = [
        write_file(job, "shards", f"tokenizer/{name}", files.read_bytes(job.run.path("tokenizer", name)))
        for name in TOKENIZER_FILES
    ]
    processor = load_tokenizer(job.run.path("tokenizer"))
    ids = {"bos": processor.bos_id(), "eos": processor.eos_id(), "pad": processor.pad_id()}
    manifest = Manifest(
        kind="pretrain",
        doc_template="[BOS] ids EOS" if pack.bos else "ids EOS",
        tokenizer=Tokenizer(copies[0].sha256, processor.get_piece_size(), **ids),
        shuffle={"seed": seed, "key": "blake2b-64(seed, id)"},
        pipeline=provenance(job),
        splits=splits,
    )
    write_manifest(job.run.path("shards"), manifest, [copy.path for copy in copies])
    parts = [
        PartFile(shard.path + SUFFIXES[kind], 0, shard.bytes[kind], sha256, sha256[:32])
        for shard in manifest.shards()
        for kind, sha256 in shard.sha256.items()
    ]
    written = [_described(job, name) for name in ("SHA256SUMS", "manifest.json")]
    job.add("shards", [*parts, *copies, *written])
    job.counts |= {"totals": manifest.totals, "content_sha256": manifest.content_sha256}


def _described(job: Job, name: str) -> PartFile:
    found = files.fingerprint(job.run.path("shards", name))
    return PartFile(name, 0, found.n_bytes, found.sha256, found.sha256[:32])


def provenance(job: Job) -> dict[str, Any]:
    """What the shards came from: the identities of the stages above, so that two data sets can be compared."""
    return {
        stage: {"key": record.key, "settings": record.identity["settings"]}
        for stage in ("ingest", "measure", "filter", "dedup", "decontaminate", "refine", "train_tokenizer")
        if (record := job.run.committed(stage))
    }
