"""From clean text to shards: how many MB of text per CPU second, beside datatrove, with the same tokenizer?

Documents are English texts of a folder (see benchmarks/bpe.py), cut to some 3,000 characters at line ends and written
as `clean` is. A third is what a byte-level BPE of 32,000 ids is learned from; the others are packed, with another
shuffle of their lines for each round, so that there is enough to measure: words are new to an encoder as often as in
real text for the first round only. CPU seconds are those of the process and all its children, the JVM included, after
a first small run has started Spark and loaded the kernels. datatrove tokenizes, shuffles and merges in a process of its
own, from the same Parquet files, on one worker; its CPU seconds hold its imports, which are given too.

    python benchmarks/pack.py [folder] [rounds]

Then the kernel of best_fit: 10 million documents with the lengths of web pages. Prints one JSON line per question.
Needs Linux.
"""

import multiprocessing
import os
import random
import sys
import tempfile
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from bpe import report, texts_below, writing_of

from conf.load import load_settings
from jobs.session import lazy_session
from jobs.settings import Settings
from jobs.stages import STAGES
from pipelines.run import Committed, Run, Table, to_json
from pipelines.stage import execute
from pipelines.tables import CLEAN
from udfs.best_fit import best_fit, n_cut
from udfs.hashing import document_id
from udfs.parts import part_name, write_part
from udfs.shards import read_manifest

DOCUMENT_CHARS = 3_000
PART_DOCUMENTS = 5_000
SETTINGS = """
output: {output}
inputs: [none.jsonl]
tokenizer: {{kind: bpe, vocab_size: 32000{path}}}
pack: {{val_share: 0, strategy: {strategy}}}
spark: {{spark.master: "local[1]", spark.driver.memory: 2g, spark.sql.shuffle.partitions: 4}}
"""


def documents_below(folder: Path) -> list[str]:
    """English texts in pieces of some DOCUMENT_CHARS characters that end with a line."""
    documents: list[str] = []
    for text in texts_below(folder):
        if writing_of(text[:20_000]) != "ascii":
            continue
        lines: list[str] = []
        for line in text.splitlines(keepends=True):
            lines.append(line)
            if sum(map(len, lines)) >= DOCUMENT_CHARS:
                documents.append("".join(lines))
                lines.clear()
    return documents


def shuffled(documents: list[str], number: int) -> list[str]:
    rng = random.Random(number)
    lines = [line for document in documents for line in document.splitlines(keepends=True)]
    rng.shuffle(lines)
    step = max(1, len(lines) // len(documents))
    return ["".join(lines[i : i + step]) for i in range(0, len(lines), step)]


def write_clean(run: Run, documents: list[str]) -> int:
    """Write `clean` and the record of refine; bytes of text come back."""
    parts, n_bytes = [], sum(len(document.encode()) for document in documents)
    for number, start in enumerate(range(0, len(documents), PART_DOCUMENTS)):
        rows = [
            {"id": document_id("web", "benchmark", start + i), "source": "web", "url": f"https://h{i}.example/{start}"}
            | {
                "text": text,
                "language": "en",
                "cluster_size": 1,
                "cluster_id": document_id("web", "benchmark", start + i),
            }
            for i, text in enumerate(documents[start : start + PART_DOCUMENTS])
        ]
        whole = [{name: row.get(name) for name in CLEAN.names} for row in rows]
        batch = pa.RecordBatch.from_pylist(whole, CLEAN)
        parts.append(write_part(run.path("clean"), part_name(number, "0" * 8), CLEAN, [batch]))
    counts = {"kept": [{"source": "web", "documents": len(documents), "bytes": n_bytes}]}
    table = Table("clean", tuple(part for part in parts if part))
    run.write_record(
        "refine", {"committed": to_json(Committed("", {"tables": {}, "settings": {}}, {"clean": table}, counts))}
    )
    return n_bytes


def cpu_seconds() -> float:
    """Of this process and all below it, also of those that have ended."""
    below, stats = {os.getpid()}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stats[int(entry.name)] = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has ended
                continue
    for _ in range(8):
        below |= {pid for pid, fields in stats.items() if int(fields[1]) in below}
    ticks = sum(sum(map(int, stats[pid][11:15])) for pid in below if pid in stats)
    return ticks / os.sysconf("SC_CLK_TCK")


def run_stage(name: str, folder: Path, strategy: str = "concat", path: str = "") -> float:
    """CPU seconds of a stage."""
    file = folder / "settings.yaml"
    file.write_text(SETTINGS.format(output=folder / "run", strategy=strategy, path=path and f", path: '{path}'"))
    settings = load_settings(str(file), [], Settings)
    session = lazy_session("benchmark", settings.spark)
    before = cpu_seconds()
    execute(STAGES[name], Run(settings.output), settings, session, "benchmark")
    return cpu_seconds() - before


def pack_ours(folder: Path, learnt: list[str], documents: list[str], strategy: str) -> dict[str, Any]:
    """Figures of the two stages; the tokenizer is learned from `learnt`, and given for `documents`."""
    first, second = folder / "first", folder / f"second-{strategy}"
    for place in (first, second):
        place.mkdir(exist_ok=True)
    megabytes = write_clean(Run(str(first / "run")), learnt) / 1e6
    trained = run_stage("train_tokenizer", first)
    run_stage("pack", first, strategy)
    packed_bytes = write_clean(Run(str(second / "run")), documents)
    run_stage("train_tokenizer", second, path=str(first / "run/tokenizer"))
    seconds = run_stage("pack", second, strategy)
    manifest = read_manifest(str(second / "run/shards"))
    assert manifest.totals["n_text_bytes"] == packed_bytes
    return {
        "train_mb": round(megabytes, 1),
        "train_cpu_seconds": round(trained, 1),
        "mb": round(packed_bytes / 1e6, 1),
        "documents": len(documents),
        "cpu_seconds": round(seconds, 2),
        "mb_per_cpu_second": round(packed_bytes / 1e6 / seconds, 1),
        "bytes_per_token": round(packed_bytes / manifest.totals["n_tokens"], 2),
    }


def pack_datatrove(clean: str, tokenizer: str, folder: str, results: Any) -> None:
    """Run in a process of its own: puts (CPU seconds of imports, of all) on the queue."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.readers import ParquetReader
    from datatrove.pipeline.tokens import DocumentTokenizer, DocumentTokenizerMerger

    imports = time.process_time()
    # Its text ids include the end token, by a template; control tokens in text are not kept apart.
    tokenizing = [
        ParquetReader(clean, text_key="text", id_key="id"),
        DocumentTokenizer(f"{folder}/tokens", tokenizer, eos_token="<|end_of_text|>", seed=7, shuffle_documents=True),
    ]
    LocalPipelineExecutor(tokenizing, tasks=1, workers=1, logging_dir=f"{folder}/logs1").run()
    merging = [DocumentTokenizerMerger(f"{folder}/tokens", f"{folder}/merged", "all", seed=7, progress=False)]
    LocalPipelineExecutor(merging, tasks=1, workers=1, logging_dir=f"{folder}/logs2").run()
    results.put((imports, cpu_seconds()))


def compare_with_datatrove(folder: Path, megabytes: float) -> dict[str, Any]:
    run = folder / "second-concat/run"
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    arguments = (str(run / "clean"), str(run / "tokenizer/tokenizer.json"), str(folder), results)
    process = context.Process(target=pack_datatrove, args=arguments)
    process.start()
    imports, seconds = results.get()
    process.join()
    n_tokens = sum(path.stat().st_size for path in (folder / "merged").glob("*.ds")) // 2
    return {
        "cpu_seconds": round(seconds, 2),
        "of_which_imports": round(imports, 2),
        "mb_per_cpu_second": round(megabytes / (seconds - imports), 2),
        "tokens": n_tokens,
    }


def fit(n: int) -> None:
    lengths = np.clip(np.random.default_rng(0).lognormal(6.1, 1.15, n).astype(np.int64), 35, 300_000)
    best_fit(lengths[:10], 2048)
    for window in (2048, 4096, 8192):
        start = time.process_time()
        packing = best_fit(lengths, window)
        seconds = time.process_time() - start
        laid = lengths[packing.order]
        report(
            "best_fit",
            window=window,
            documents=n,
            million_documents_per_s=round(n / seconds / 1e6, 1),
            padding_avoided_percent=round(100 * (1 - lengths.sum() / (packing.n_windows * window)), 4),
            tokens_in_filled_windows_percent=round(100 * laid[: packing.n_filled].sum() / lengths.sum(), 2),
            short_documents_cut_percent=round(100 * n_cut(laid, window)[1] / n, 2),
            cut_by_concat_percent=round(100 * n_cut(lengths, window)[1] / n, 2),
        )


def main(folder: Path, rounds: int) -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    documents = documents_below(folder)
    learnt, unseen = documents[::3], [document for i, document in enumerate(documents) if i % 3]
    packed = unseen + [document for i in range(1, rounds) for document in shuffled(unseen, i)]
    with tempfile.TemporaryDirectory() as scratch:
        ours = {strategy: pack_ours(Path(scratch), learnt, packed, strategy) for strategy in ("concat", "best_fit")}
        for strategy, figures in ours.items():
            report("clean to shards", strategy=strategy, **figures)
        if find_spec("datatrove"):
            theirs = compare_with_datatrove(Path(scratch), ours["concat"]["mb"])
            report("clean to shards", peer=f"datatrove {version('datatrove')}", **theirs)
    fit(10_000_000)


if __name__ == "__main__":
    arguments = dict(enumerate(sys.argv))
    main(Path(arguments.get(1) or os.environ["GRISTMILL_DATA"]), int(arguments.get(2, 8)))
