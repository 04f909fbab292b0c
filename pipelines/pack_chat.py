"""pack_chat: JSON lines of conversations and of compared answers to shards for SFT and DPO.

One task a file, which reads it once and writes its shards; nothing is shuffled. Without files there are no shards.
Conversations are given, not found: no filter, de-duplication or decontamination is applied to them.
"""

import json
from collections import Counter
from typing import get_args

from pydantic import Field

from conf.model import Model
from pipelines.data_sets import commit_data_set, provenance, withdraw_manifest
from pipelines.run import Json
from pipelines.sources import Inputs, expand
from pipelines.stage import Job
from pipelines.tables import QUARANTINE
from pipelines.tasks import run_tasks
from pipelines.tokenizer import place_of
from udfs.chat import CHAT_TEMPLATE
from udfs.errors import ContractError, UsageError
from udfs.inputs import InputFile
from udfs.pack_chat import ChatPlan, ChatResult, ChatTask, Kind, pack_file
from udfs.parts import part_name
from udfs.shards import Shard
from udfs.text_tokenizer import TextTokenizer, load_tokenizer


class ChatSettings(Model):
    sft: Inputs = []
    """Conversations, as `inputs`: JSON lines of `messages`, ShareGPT's `conversations`, or Alpaca's `instruction`."""
    preference: Inputs = []
    """Answers compared, as `inputs`: JSON lines of `prompt`, `chosen` and `rejected`."""
    val_share: float = Field(default=0.05, ge=0, lt=1)
    """Share of the rows that are kept for validation, chosen by a hash of their ids."""

    def tasks(self) -> list[ChatTask]:
        """One for each file. Raises InputError for a path without files, UsageError for one that is not JSON lines."""
        return [
            ChatTask(kind, number, _checked(file))
            for kind in get_args(Kind)
            for number, file in enumerate(expand(getattr(self, kind)))
        ]

    def outside_files(self) -> dict[str, str]:
        return {f"chat/{task.kind}/{task.file.name}": task.file.uri for task in self.tasks()}


def _checked(file: InputFile) -> InputFile:
    if file.kind != "jsonl":
        raise UsageError(f"chat: {file.uri} is read as {file.kind}", "conversations are read from JSON lines")
    return file


def pack_chat(job: Job, chat: ChatSettings, seed: int) -> None:
    """tokenizer, files of conversations -> sft/, preference/."""
    for kind in get_args(Kind):
        job.add(kind, [])  # so that shards of an earlier run, whose files are no longer named, are deleted
    tasks = chat.tasks()
    if not tasks:
        return
    tokenizer = check_tokenizer(load_tokenizer(place_of(job)))
    folders = {kind: job.run.path(kind) for kind in get_args(Kind)}
    quarantine = job.run.path("chat_quarantine")
    plan = ChatPlan(place_of(job), seed, chat.val_share, folders, quarantine, QUARANTINE, job.key)
    for folder in folders.values():
        withdraw_manifest(folder)
    numbered = [(task, part_name(number, job.key)) for number, task in enumerate(tasks)]
    results = run_tasks(job.spark, "pack conversations", lambda one: pack_file(*one, plan), numbered)
    job.add("chat_quarantine", [result.quarantine for result in results])
    job.counts["files"] = [describe(task, result) for task, result in zip(tasks, results, strict=True)]
    for kind in get_args(Kind):
        chosen = [(task, result) for task, result in zip(tasks, results, strict=True) if task.kind == kind]
        if chosen:
            commit(job, kind, seed, tokenizer, chosen)


def check_tokenizer(tokenizer: TextTokenizer) -> TextTokenizer:
    """The tokenizer, if it can frame conversations. Raises UsageError."""
    if tokenizer.turn_start is None or tokenizer.turn_end is None:
        hint = "train one with tokenizer.kind=bpe, which has them"
        raise UsageError("the tokenizer has no control tokens <|im_start|> and <|im_end|> to mark turns with", hint)
    return tokenizer


def describe(task: ChatTask, result: ChatResult) -> Json:
    """What became of a file's rows. Raises ContractError where one is lost."""
    read, kept = result.rows["read"], result.rows["kept"]
    refused = Counter({reason: n for reason, n in result.rows.items() if reason not in ("read", "kept")})
    if read != kept + refused.total():
        reason = f"{task.file.uri}: {read} rows read, {kept} kept and {refused.total()} refused"
        raise ContractError(reason, "a row was lost or counted twice: please report this defect")
    return {
        "kind": task.kind,
        "file": task.file.name,
        "read": read,
        "kept": kept,
        "refused": dict(sorted(refused.items())),
    }


def commit(
    job: Job, kind: Kind, seed: int, tokenizer: TextTokenizer, packed: list[tuple[ChatTask, ChatResult]]
) -> None:
    """Write the manifest of the shards of a kind. Raises ContractError where no row is left to train on."""
    splits: dict[str, dict[str, list[Shard]]] = {}
    for task, result in packed:
        for split, shard in sorted(result.shards.items()):
            splits.setdefault(split, {}).setdefault(task.file.source, []).append(shard)
    if "train" not in splits:
        read = ", ".join(task.file.uri for task, _ in packed)
        raise ContractError(f"chat.{kind}: no row of {read} can be trained on", "see the table chat_quarantine")
    described: Json = {
        "kind": kind,
        "doc_template": "[BOS] (<|im_start|>role NEWLINE content<|im_end|>NEWLINE)*",
        "shuffle": {"seed": seed, "key": "none"},
        "pipeline": {**provenance(job), "files": job.counts["files"]},
    }
    manifest = commit_data_set(job, kind, tokenizer, splits, described, with_template)
    job.counts[kind] = manifest.totals | {"content_sha256": manifest.content_sha256}


def with_template(name: str, content: bytes) -> bytes:
    """The content of a tokenizer's file; tokenizer_config.json with the chat template in it."""
    if name != "tokenizer_config.json":
        return content
    return json.dumps(json.loads(content) | {"chat_template": CHAT_TEMPLATE}, ensure_ascii=False, indent=1).encode()
