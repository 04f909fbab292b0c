"""hold_out: the good text that the models of an ablation are measured on, as shards and as passages.

Reads the held-out files once, on the driver: they are a few megabytes. The passages are an evaluation set for the
decontamination of every arm, so that no arm trains on them.
"""

import json
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from pipelines.data_sets import commit_data_set
from pipelines.ingest import IngestSettings
from pipelines.measure import LanguageSettings
from pipelines.pack import PackSettings, check_tokenizer
from pipelines.run import Json
from pipelines.sources import Inputs, expand
from pipelines.stage import Job, Stage
from pipelines.tokenizer import place_of, write_file
from udfs.errors import InputError, UsageError
from udfs.hashing import keyed_uint64
from udfs.ingest import FileCounts, IngestPlan, read_file
from udfs.inputs import InputFile
from udfs.language import identify
from udfs.pack_shard import write_shard
from udfs.text_tokenizer import TextTokenizer, load_tokenizer
from udfs.tokenize_text import TOKENS, framed

PASSAGE_CHARS = 500
TEXT, PASSAGES = "held_out_text", "passages.jsonl"
Rows = dict[str, list[Json]]


def hold_out(
    job: Job, ablate_held_out: Inputs, ingest: IngestSettings, language: LanguageSettings, pack_bos: bool
) -> None:
    """held-out files, tokenizer -> held_out/ (shards), held_out_text/. Raises InputError where there is no text,
    UsageError for a file that the run has read."""
    check_unseen(job)
    tokenizer = check_tokenizer(load_tokenizer(place_of(job)), PackSettings(bos=pack_bos))
    rows = read_rows(expand(ablate_held_out), ingest.plan())
    window = PackSettings().seq_len
    shards = {}
    for source, found in rows.items():
        batch = token_rows(found, tokenizer, language, pack_bos)
        folder, name = job.run.path("held_out"), f"val/{source}/shard-00000"
        packed = write_shard(folder, name, tokenizer.vocab_size, [batch], window, fit=False)
        shards[source] = [packed.shard] if packed else []
    described: Json = {
        "kind": "pretrain",
        "doc_template": "[BOS] ids EOS" if pack_bos else "ids EOS",
        "shuffle": {"seed": 0, "key": "blake2b-64(seed, id)"},
        "pipeline": {"files": {name: found.sha256 for name, found in job.fingerprints.items()}},
    }
    manifest = commit_data_set(job, "held_out", tokenizer, {"val": shards}, described)
    job.add(TEXT, [write_file(job, TEXT, PASSAGES, passages(rows))])
    job.counts |= {"content_sha256": manifest.content_sha256, "documents": {s: len(r) for s, r in rows.items()}}


HOLD_OUT = Stage(
    "hold_out",
    hold_out,
    needs=("ablate.held_out", "ingest", "language", "pack.bos"),
    reads=("tokenizer",),
    files=lambda s: {file.name: file.uri for file in expand(s.ablate.held_out)},
)
"""A stage of an ablation's own directory; not of the chain."""


def check_unseen(job: Job) -> None:
    """Raise UsageError for a held-out file that the run has cleaned, or trained its quality model on."""
    seen: dict[str, str] = {}
    for stage in ("ingest", "train_quality"):
        committed = job.run.committed(stage)
        seen |= {one["sha256"]: stage for one in (committed.fingerprints if committed else {}).values()}
    for name, found in job.fingerprints.items():
        if found.sha256 in seen:
            reason = f"ablate.held_out: {name} has the content of a file that `{seen[found.sha256]}` has read"
            raise UsageError(reason, "name text from elsewhere: models are to be measured on what no arm could hold")


def read_rows(files: list[InputFile], plan: IngestPlan) -> Rows:
    """source -> id, url and text of its documents. Raises InputError where there are none."""
    rows: Rows = {}
    for file in files:
        for table, row in read_file(file, plan, FileCounts.of(file)):
            if table == "documents" and row["text"].strip():
                rows.setdefault(row["source"], []).append(row)
    if not rows:
        hint = "name files of good text: ablate: {held_out: [gold.jsonl]}"
        raise InputError("ablate.held_out: there is no held-out text", hint)
    return rows


def token_rows(rows: list[Json], tokenizer: TextTokenizer, language: LanguageSettings, bos: bool) -> pa.RecordBatch:
    """Rows of TOKENS, in an order drawn by their ids."""
    texts = pa.array([row["text"] for row in rows], pa.string())
    tokens = framed(tokenizer.encode(texts), tokenizer, bos)
    ids = [row["id"] for row in rows]
    columns = {
        "shard": np.zeros(len(rows), np.int32),
        "place": [keyed_uint64(0, identity) // 2 for identity in ids],
        "id": ids,
        **{name: [row[name] for row in rows] for name in ("source", "url", "dump")},
        "n_bytes": [len(text.encode()) for text in texts.to_pylist()],
        "quality_score": [None] * len(rows),
        "language": identify(texts, language.plan())["language"],
        "cluster_id": ids,
        "tokens": tokens,
    }
    return pa.table(columns).cast(TOKENS).to_batches()[0]


def passages(rows: Rows) -> bytes:
    """JSON lines of pieces of the texts, so that a document that holds a part of one is found by that part."""
    lines = (json.dumps(piece, ensure_ascii=False) for found in rows.values() for row in found for piece in cut(row))
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")


def cut(row: Json) -> Iterator[Json]:
    """Pieces of PASSAGE_CHARS characters: some 80 words, or as many Chinese ones."""
    text = row["text"]
    for number, start in enumerate(range(0, len(text), PASSAGE_CHARS)):
        yield {"id": f"{row['id']}-{number}", "text": text[start : start + PASSAGE_CHARS]}
