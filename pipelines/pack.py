"""pack: clean text to tokenized shards in a global order that depends on ids and the seed only.

Reads the text of `clean` once, in Python workers (once more for its length, where there is a mixture); what is shuffled
is token arrays (2 or 4 bytes a token). Every document stands in the shards once for each epoch asked for, as
[BOS] ids EOS; sequences are cut when the shards are read.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from pydantic import Field

from conf.model import Model
from pipelines.data_sets import commit_data_set, provenance, withdraw_manifest
from pipelines.flow import Batches, Flow, collect, exchange, flow
from pipelines.mixture import MixtureSettings, Weights, epochs_of, tokens_expected, weigh
from pipelines.run import Json, Run
from pipelines.stage import Job
from pipelines.tokenizer import place_of
from udfs.bundles import by_column
from udfs.errors import ContractError, UsageError
from udfs.pack_shard import Packed, write_shard
from udfs.shards import Shard, token_dtype
from udfs.text_tokenizer import TextTokenizer, load_tokenizer
from udfs.tokenize_text import PackPlan, Weight, encode_part

SHUFFLE_KEY = {
    "shuffled": "blake2b-64(seed, id/epoch)",
    "by_host": "blake2b-64(seed, host/epoch), blake2b-64(seed, id/epoch)",
}


class PackSettings(Model):
    bos: bool = True
    """Start each document with the begin-of-sequence id."""
    val_share: float = Field(default=0.01, ge=0, lt=1)
    """Share of the hosts (documents, where there is no URL) whose documents are kept for validation."""
    mixture: MixtureSettings = MixtureSettings()
    order: Literal["shuffled", "by_host"] = "shuffled"
    """`by_host` keeps the documents of a host together, hosts and their pages shuffled: long windows then hold pages
    that belong together. best_fit takes them apart again."""
    strategy: Literal["concat", "best_fit"] = "concat"
    """`best_fit` orders the documents of a shard so that windows of `seq_len` tokens end between documents."""
    seq_len: int = Field(default=2048, ge=16, le=1 << 20)
    """Window that best_fit packs for, and for which the documents that are cut are counted; shards can be read with any
    other."""
    shard_bytes: int = Field(default=256 << 20, ge=1 << 10, le=1 << 30)
    """Bytes of tokens in a shard, about."""


@dataclass(frozen=True)
class ShardName:
    split: str
    source: str
    path: str


def pack(job: Job, pack: PackSettings, seed: int) -> None:
    """clean, tokenizer -> shards/."""
    tokenizer = check_tokenizer(load_tokenizer(place_of(job)), pack)
    weights = weights_of(job, pack, seed)
    expected = tokens_expected(job.run, weights, 1 + pack.bos)
    sources = sorted({source for _, source in weights})
    epochs = epochs_of(pack.mixture, {source: expected.get(("train", source), 0.0) for source in sources})
    names = shard_names(pack, expected, epochs, tokenizer.vocab_size)
    repeats = pack.mixture.repeats(epochs)
    plan = PackPlan(place_of(job), seed, pack.bos, pack.val_share, numbers_of(names), repeats, pack.order == "by_host")
    encoded = flow(job.spark, partial(encode_part, plan=plan), job.uris("clean"))
    withdraw_manifest(job.run.path("shards"))
    packed = write_shards(encoded, job.run.path("shards"), names, tokenizer.vocab_size, pack)
    job.counts["windows"] = windows_of(pack, packed)
    check_conservation(job, pack, weights, epochs, packed)
    commit(job, pack, seed, tokenizer, packed)


def check_tokenizer(tokenizer: TextTokenizer, pack: PackSettings) -> TextTokenizer:
    """The tokenizer, if it can frame documents. Raises UsageError."""
    if tokenizer.eos is None:
        raise UsageError("the tokenizer has no end-of-sequence token", "documents end with one: give it an eos_token")
    if pack.bos and tokenizer.bos is None:
        raise UsageError("the tokenizer has no begin-of-sequence token", "set pack.bos=false, or give it a bos_token")
    return tokenizer


def weights_of(job: Job, pack: PackSettings, seed: int) -> Weights:
    """What there is of each split and source: counted where a mixture needs it, else foreseen from refine's counts."""
    if not pack.mixture.is_plain:
        return weigh(job, pack.mixture, seed, pack.val_share)
    return {
        (split, row["source"]): Weight(row["documents"], share * row["documents"], share * row["bytes"])
        for split, share in (("train", 1 - pack.val_share), ("val", pack.val_share))
        for row in kept(job.run)
    }


def kept(run: Run) -> list[Json]:
    """Documents and bytes of each source that refine left."""
    refined = run.committed("refine")
    if refined is None:
        raise ContractError("refine has no record", "run `gristmill refine` first")
    return refined.counts["kept"]


def shard_names(
    pack: PackSettings, expected: dict[tuple[str, str], float], epochs: dict[str, float], vocab_size: int
) -> list[ShardName]:
    """Every shard that may be needed, from the tokens expected of each split and source."""
    names = []
    for split in ("train", "val"):
        for source in epochs:
            tokens = expected.get((split, source), 0.0) * (epochs[source] if split == "train" else 1)
            n_shards = max(1, round(tokens * token_dtype(vocab_size).itemsize / pack.shard_bytes))
            names += [ShardName(split, source, f"{split}/{source}/shard-{i:05d}") for i in range(n_shards)]
    return names


def numbers_of(names: list[ShardName]) -> dict[tuple[str, str], tuple[int, int]]:
    """(split, source) -> (number of its first shard, how many)."""
    numbers: dict[tuple[str, str], tuple[int, int]] = {}
    for number, name in enumerate(names):
        first, n_shards = numbers.get((name.split, name.source), (number, 0))
        numbers[name.split, name.source] = first, n_shards + 1
    return numbers


def write_shards(
    encoded: Flow, folder: str, names: list[ShardName], vocab_size: int, pack: PackSettings
) -> dict[ShardName, Packed]:
    """One shard per name, each by one task, which holds it in memory; none for a name to which no document fell."""
    window, fit = pack.seq_len, pack.strategy == "best_fit"

    def work(number: int, rows: Batches) -> Iterator[tuple[int, Packed]]:
        packed = write_shard(folder, names[number].path, vocab_size, rows, window, fit)
        if packed:
            yield number, packed

    written = collect(exchange(encoded, len(names), by_column("shard"), work), "pack: write shards")
    return {names[number]: packed for number, packed in sorted(written)}


def check_conservation(
    job: Job, pack: PackSettings, weights: Weights, epochs: dict[str, float], packed: dict[ShardName, Packed]
) -> None:
    """Raises ContractError unless every document stands in the shards as often as it was to. Records by source the
    training documents, how often they were to be repeated, and how many copies there are; and the bounds of all."""
    least = most = 0
    job.counts["mixture"] = []
    for source in epochs:
        n_train, n_val = (n_docs(packed, split, source) for split in ("train", "val"))
        low, high = bounds(job, pack, weights, epochs, source)
        if not low <= n_train + n_val <= high:
            reason = f"{source}: {n_train + n_val:,} documents in the shards, {low:,} to {high:,} expected"
            raise ContractError(reason, "a document was lost or written twice: please report this defect")
        least, most = least + low, most + high
        n_distinct = n_train if pack.mixture.is_plain else weights.get(("train", source), Weight()).documents
        row = {"source": source, "epochs": epochs[source], "documents": n_distinct, "copies": n_train}
        job.counts["mixture"].append(row)
    job.counts["documents"] = {"least": least, "most": most}


def bounds(job: Job, pack: PackSettings, weights: Weights, epochs: dict[str, float], source: str) -> tuple[int, int]:
    """The fewest and the most documents of a source that the shards may hold: equal, but for draws and factors."""
    if pack.mixture.is_plain:
        n_kept = sum(row["documents"] for row in kept(job.run) if row["source"] == source)
        return n_kept, n_kept
    n_train, n_val = (weights.get((split, source), Weight()).documents for split in ("train", "val"))
    n_val *= epochs[source] > 0
    low, high = pack.mixture.factors
    return n_val + math.floor(epochs[source] * low) * n_train, n_val + math.ceil(epochs[source] * high) * n_train


def n_docs(packed: dict[ShardName, Packed], split: str, source: str) -> int:
    return sum(one.shard.n_docs for name, one in packed.items() if (name.split, name.source) == (split, source))


def windows_of(pack: PackSettings, packed: dict[ShardName, Packed]) -> Json:
    """How the windows of the training shards end, for the run's record."""
    train = [one for name, one in packed.items() if name.split == "train"]
    n_tokens = sum(one.shard.n_tokens for one in train)
    n_padded = sum(one.padded_windows for one in train) * pack.seq_len
    return {
        "strategy": pack.strategy,
        "seq_len": pack.seq_len,
        "documents": sum(one.shard.n_docs for one in train),
        "documents_cut": sum(one.cut for one in train),
        "documents_cut_that_fit": sum(one.cut_short for one in train),
        "tokens": n_tokens,
        "tokens_in_filled_windows": sum(one.filled for one in train),
        "padding_avoided": 1 - n_tokens / n_padded if n_padded else 0.0,
    }


def commit(job: Job, pack: PackSettings, seed: int, tokenizer: TextTokenizer, packed: dict[ShardName, Packed]) -> None:
    """Write the manifest, with all that the shards were made from."""
    splits: dict[str, dict[str, list[Shard]]] = {}
    for name, one in packed.items():
        splits.setdefault(name.split, {}).setdefault(name.source, []).append(one.shard)
    described: Json = {
        "kind": "pretrain",
        "doc_template": "[BOS] ids EOS" if pack.bos else "ids EOS",
        "shuffle": {"seed": seed, "key": SHUFFLE_KEY[pack.order]},
        "pipeline": {**provenance(job), "mixture": job.counts["mixture"], "windows": job.counts["windows"]},
    }
    manifest = commit_data_set(job, "shards", tokenizer, splits, described)
    job.counts |= {"totals": manifest.totals, "content_sha256": manifest.content_sha256}
