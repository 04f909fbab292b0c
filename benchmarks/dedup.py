"""Does de-duplication remove what it should and nothing else, how fast, and linearly, beside other tools?

    scripts/bench dedup quality DOCUMENTS [TOOL ...]     precision, recall by similarity, speed
    scripts/bench dedup linear DOCUMENTS [DOCUMENTS ...]   cost by size
    scripts/bench dedup hostile DOCUMENTS ordinary|copies|crafted

The corpus is that of benchmarks/dedup_corpus.py. Ours is measured from Parquet with texts to committed tables: the
numbers of each document that de-duplication needs, then the stage itself, on Spark with two cores. The others are given
the texts of the same Parquet files and say what they would remove. MB/s are bytes of text over CPU seconds of the whole
process tree, so a core's. Every tool runs in the same process, one after the other.

Recall is over planted pairs: one is found when not both of its documents stay; by bins of similarity, over pairs that
are a whole family, since a member of a larger one may go for the sake of another. Precision is over removed documents:
one is right when some other document is at least as similar as the threshold, by the sets the corpus was made with.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from dedup_corpus import Planted, planted
from dedup_peers import PEERS, THRESHOLD
from process_tree import Tree

from jobs.session import start_session
from jobs.settings import Settings
from jobs.stages import STAGES
from pipelines.run import Committed, Run, Table, to_json
from pipelines.stage import execute
from pipelines.tables import DOCUMENTS, SIGNALS
from pipelines.tasks import run_tasks
from udfs.measure import text_digests, to_schema
from udfs.minhash import band_keys, bands_for, rows_for, signatures
from udfs.parts import BATCH_ROWS, PartFile, part_name, read_batches, read_part, write_part
from udfs.strings import strings
from udfs.text import Texts

BINS = [0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0]
PART_ROWS = 40_000
KEY = "0" * 64
CORES = 2


def write_documents(run: Run, texts: pa.Array) -> Table:
    """`documents` of a run, as ingest would write them."""
    parts: list[PartFile] = []
    for number, start in enumerate(range(0, len(texts), PART_ROWS)):
        chunk = texts.slice(start, PART_ROWS)
        ids = pa.array(
            [f"{(i * 0x9E3779B97F4A7C15 + 1) % 2**64:016x}{i:016x}" for i in range(start, start + len(chunk))]
        )
        columns = {"id": ids, "source": pa.array(["bench"] * len(chunk)), "text": chunk}
        batches = pa.Table.from_batches([to_schema(columns, DOCUMENTS)]).to_batches(BATCH_ROWS)
        part = write_part(run.path("documents"), part_name(number, KEY), DOCUMENTS, batches)
        parts += [part] if part else []
    return Table("documents", tuple(parts))


def write_signals(uri: str, folder: str, name: str, bands: int, rows: int, crafted: bool) -> PartFile | None:
    """The columns of `signals` that de-duplication reads; `crafted` gives every document the bands of the first."""

    def batches() -> Iterator[pa.RecordBatch]:
        first = 0
        for documents in read_batches(uri, ["id", "source", "text"]):
            texts = Texts(documents.column("text"))
            keys = band_keys(signatures(strings(texts.arrow), bands * rows), bands, rows)
            columns = {
                "id": documents.column("id"),
                "source": documents.column("source"),
                "row": pa.array(np.arange(first, first + len(documents), dtype=np.int32)),
                "text_digest": text_digests(texts),
                "n_chars": pa.array(texts.n_chars).cast(pa.int64()),
                "bands": keys.take(pa.array(np.zeros(len(keys), np.int64))) if crafted else keys,
            }
            yield to_schema(columns, SIGNALS)
            first += len(documents)

    return write_part(folder, name, SIGNALS, batches())


def commit(run: Run, stage: str, tables: Sequence[Table]) -> None:
    identity = {"tables": {}, "settings": {}}
    committed = to_json(Committed(KEY, identity, {table.name: table for table in tables}, {"files": []}))
    run.write_record(stage, {"committed": committed})


def gristmill(texts: pa.Array, folder: str, crafted: bool = False) -> tuple[np.ndarray, float]:
    """(whether each text was removed, CPU seconds), from documents in Parquet to committed decisions."""
    run = Run(folder)
    commit(run, "ingest", [write_documents(run, texts)])
    spark = start_session("dedup", SPARK)
    rows = rows_for(THRESHOLD)
    bands = bands_for(THRESHOLD, rows)
    started = TREE.cpu_seconds()
    [documents] = run.committed("ingest").tables.values()  # pyright: ignore[reportOptionalMemberAccess]
    made = run_tasks(
        spark,
        "signals",
        lambda file: write_signals(
            run.path("documents", file.path), run.path("signals"), file.path, bands, rows, crafted
        ),
        documents.files,
    )
    commit(run, "measure", [Table("signals", tuple(part for part in made if part))])
    commit(run, "filter", [Table("ledger/filter", ())])
    dedup = {"threshold": THRESHOLD, "url": False, "keep": "longest", "max_removed_share": None}
    settings = Settings.model_validate({"output": folder, "inputs": ["none"], "dedup": dedup})
    execute(STAGES["dedup"], run, settings, lambda: spark, "benchmark")
    seconds = TREE.cpu_seconds() - started
    return removed_texts(run, len(texts)), seconds


def removed_texts(run: Run, n: int) -> np.ndarray:
    removed = np.zeros(n, bool)
    dedup = run.committed("dedup")
    assert dedup is not None
    for file in dedup.tables["ledger/dedup"].files:
        for batch in read_part(run.path("ledger/dedup", file.path), ["row"]):
            removed[file.number * PART_ROWS + batch.column(0).to_numpy()] = True
    return removed


TREE = Tree()
SPARK = {"spark.master": f"local[{CORES}]", "spark.driver.memory": "4g", "spark.sql.shuffle.partitions": 8}


def judged(corpus: Planted, removed: np.ndarray) -> dict[str, float | None]:
    """Precision of the removals, and recall of planted pairs by similarity."""
    best = np.zeros(len(corpus.texts))
    np.maximum.at(best, corpus.left, corpus.similarity)
    np.maximum.at(best, corpus.right, corpus.similarity)
    found = removed[corpus.left] | removed[corpus.right]
    out: dict[str, float | None] = {"precision": share(best[removed] >= THRESHOLD)}
    out["recall >= 0.8"] = share(found[corpus.similarity >= THRESHOLD])
    for low, high in zip(BINS, [*BINS[1:-1], 1.01], strict=False):
        chosen = corpus.is_alone & (corpus.similarity >= low) & (corpus.similarity < high)
        out[f"found {low:g} to {min(high, 1):g}"] = share(found[chosen])
    return out


def share(flags: np.ndarray) -> float | None:
    return round(float(flags.mean()), 4) if flags.size else None


def quality(n_documents: int, tools: Sequence[str]) -> None:
    corpus = planted(n_documents)
    start_session("dedup", SPARK)
    report("corpus", {"documents": n_documents, "MB": round(corpus.megabytes, 1), "pairs": len(corpus.left)})
    for tool in ("gristmill", *tools):
        removed, seconds = warm(corpus) if tool == "gristmill" else peer(tool, corpus.texts)
        speed = {"CPU s": round(seconds, 1), "MB/s": round(corpus.megabytes / seconds, 2)}
        report(tool, {**speed, "removed": int(removed.sum()), **judged(corpus, removed)})


def peer(tool: str, texts: pa.Array) -> tuple[np.ndarray, float]:
    """(whether the tool would remove each text, CPU seconds), from the same Parquet files."""
    with TemporaryDirectory() as folder:
        run = Run(folder)
        table = write_documents(run, texts)
        started = TREE.cpu_seconds()
        parts = [pq.read_table(run.path("documents", file.path), columns=["text"]) for file in table.files]
        removed = PEERS[tool](pa.concat_tables(parts)["text"].to_pylist())
        return removed, TREE.cpu_seconds() - started


def warm(corpus: Planted) -> tuple[np.ndarray, float]:
    """The last of three runs: the first one starts Python workers, and the JVM goes on compiling until the third."""
    once(corpus.texts)
    once(corpus.texts)
    return once(corpus.texts)


def once(texts: pa.Array, kind: str = "ordinary") -> tuple[np.ndarray, float]:
    with TemporaryDirectory() as folder:
        return gristmill(texts, folder, kind == "crafted")


def linear(sizes: Sequence[int]) -> None:
    warm(planted(1000))
    for size in sizes:
        corpus = planted(size)
        removed, seconds = once(corpus.texts)
        speed = {"CPU s": round(seconds, 1), "CPU us a document": round(seconds / size * 1e6, 1)}
        report("gristmill", {"documents": size, "MB": round(corpus.megabytes, 1), **speed, **judged(corpus, removed)})


def hostile(n_documents: int, kind: str) -> None:
    """An ordinary corpus, as many copies of one text, or texts of which each has all bands of the others; in a process
    of its own each, since a JVM's memory only grows, and the second of two runs, for the same reason as in `warm`."""
    texts = planted(n_documents).texts
    texts = texts.take(pa.array(np.full(n_documents, 7))) if kind == "copies" else texts
    once(texts, kind)
    TREE.peak_mib = 0.0
    removed, seconds = once(texts, kind)
    cost = {"CPU s": round(seconds, 1), "peak MiB": round(TREE.peak_mib)}
    report(kind, {"documents": n_documents, **cost, "removed": int(removed.sum())})


def report(name: str, figures: dict[str, float | None]) -> None:
    print(json.dumps({"what": name, **figures}), flush=True)


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    if command == "linear":
        linear([int(size) for size in arguments])
    elif command == "hostile":
        hostile(int(arguments[0]), arguments[1])
    else:
        quality(int(arguments[0]), arguments[1:])
