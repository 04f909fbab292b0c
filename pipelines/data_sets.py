"""A data set of shards as an output of a stage: its tokenizer copied, its manifest written, every file declared."""

from collections.abc import Callable

from pipelines.run import Json
from pipelines.stage import Job
from pipelines.tokenizer import write_file
from udfs import files
from udfs.parts import PartFile
from udfs.shards import SUFFIXES, Manifest, Shard, Tokenizer, write_manifest
from udfs.text_tokenizer import TextTokenizer


def withdraw_manifest(folder: str) -> None:
    """Shards keep their names from one version to the next: while they change, the folder must not pass for whole."""
    fs, path = files.locate(files.join(folder, "manifest.json"))
    if fs.exists(path):
        fs.rm(path)


def commit_data_set(
    job: Job,
    table: str,
    tokenizer: TextTokenizer,
    splits: dict[str, dict[str, list[Shard]]],
    described: Json,
    change: Callable[[str, bytes], bytes] = lambda _, content: content,
) -> Manifest:
    """Commit the shards that stand below the table's folder: the manifest, after a copy of the run's tokenizer whose
    files went through `change` (name, content). `described`: kind, doc_template, shuffle and pipeline of the manifest.
    """
    copies = [
        write_file(job, table, f"tokenizer/{file.path}", change(file.path, content))
        for file in job.table("tokenizer").files
        for content in [files.read_bytes(job.run.path("tokenizer", file.path))]
    ]
    sha256 = next(copy.sha256 for copy in copies if copy.path == "tokenizer/tokenizer.json")
    named = Tokenizer(sha256, tokenizer.vocab_size, tokenizer.bos, tokenizer.eos, tokenizer.pad)
    manifest = Manifest(tokenizer=named, splits=splits, **described)
    write_manifest(job.run.path(table), manifest, [copy.path for copy in copies])
    parts = [
        PartFile(shard.path + SUFFIXES[kind], 0, shard.bytes[kind], sha256, sha256[:32])
        for shard in manifest.shards()
        for kind, sha256 in shard.sha256.items()
    ]
    job.add(table, [*parts, *copies, *(_described(job, table, name) for name in ("SHA256SUMS", "manifest.json"))])
    return manifest


def _described(job: Job, table: str, name: str) -> PartFile:
    found = files.fingerprint(job.run.path(table, name))
    return PartFile(name, 0, found.n_bytes, found.sha256, found.sha256[:32])


def provenance(job: Job) -> Json:
    """What the shards came from: the identities of the stages above, so that two data sets can be compared."""
    return {
        stage: {"key": record.key, "settings": record.identity["settings"]}
        for stage in ("ingest", "measure", "filter", "dedup", "decontaminate", "refine", "train_tokenizer")
        if (record := job.run.committed(stage))
    }
