"""From WARC to shards: how many pages a CPU second, beside datatrove's FineWeb-like chain, and who keeps what?

Pages are those of benchmarks/ingest.py again and again; in each copy one word in ten of the text has another ending, so
that no two copies are near-duplicates. Of every twentieth page there is a mirror under another address, one word
longer: a planted near-duplicate.

Ours: ingest, measure, filter, dedup, decontaminate, refine, train_tokenizer (given) and pack, with recipe `fineweb`, on
Spark with one core, everything committed. datatrove: WarcReader, Trafilatura, LanguageFilter (with our lid.176.ftz),
the four filters of its examples/fineweb.py, the four MinHash steps with our bands, DocumentTokenizer and its merger
with our tokenizer, one worker. CPU seconds are those of all processes. Spark's fixed cost would hide the rest in a
small run, so the cost of a page is also given as the difference of two runs of ours, by their difference in pages.

    scripts/bench whole_chain DATA PAGES [MANY_PAGES]

DATA holds html/ and warc/; datatrove runs over PAGES, ours over both. Prints one JSON line for each run. Needs Linux.
"""

import json
import multiprocessing
import os
import re
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from bpe import report
from dedup_peers import BANDS, ROWS, WIDTH
from ingest import pages_of, write_warc
from pack import cpu_seconds

from conf.load import load_settings
from jobs.session import start_session
from jobs.settings import Settings
from jobs.stages import CHAIN
from pipelines.run import Run
from pipelines.stage import execute
from udfs.language import default_model

MIRRORED = 20
WARM_PAGES = 200
TEXT = re.compile(rb">[^<]+<")
WORD = re.compile(rb"[a-z]{3,}")
SETTINGS = """
output: {output}
inputs: [{{source: crawl, kind: warc, paths: ["{warc}"]}}]
recipe: fineweb
ingest: {{extractor: {extractor}}}
dedup: {{url: false, max_removed_share: null}}
tokenizer: {{kind: bpe, vocab_size: 32000, path: {tokenizer}}}
pack: {{val_share: 0}}
"""
SPARK = {"spark.master": "local[1]", "spark.driver.memory": "3g", "spark.sql.shuffle.partitions": "4"}
LAST = "pack"


def variant(page: bytes, copy: int) -> bytes:
    """The page with another ending on one word in ten of its text, by copy."""
    if not copy:
        return page
    ending = b"%c" % (ord("a") + copy % 26) * (1 + copy // 26)

    def changed(word: re.Match[bytes]) -> bytes:
        return word[0] + ending if zlib.crc32(word[0]) % 10 == copy % 10 else word[0]

    return TEXT.sub(lambda text: WORD.sub(changed, text[0]), page)


def some_pages(data: Path, n_pages: int) -> Iterator[bytes]:
    """Page k, with its mirror as page k + 1 where k is a multiple of MIRRORED."""
    originals = pages_of(data)
    n_made = copy = 0
    while True:
        for page in originals:
            made = [variant(page, copy)]
            made += [re.sub(rb"</p>", b" mirrored</p>", made[0], count=1)] if n_made % MIRRORED == 0 else []
            for one in made:
                if n_made == n_pages:
                    return
                yield one
                n_made += 1
        copy += 1


def url_of(number: int) -> str:
    """As `write_warc` names pages."""
    return f"http://{number}.example/"


def ours(folder: Path, warc: Path, extractor: str, tokenizer: str | None) -> tuple[float, set[str]]:
    """(CPU seconds, addresses of the pages kept)."""
    folder.mkdir()
    given = {"output": folder / "run", "warc": warc, "extractor": extractor, "tokenizer": tokenizer or "null"}
    (folder / "settings.yaml").write_text(SETTINGS.format(**given))
    settings = load_settings(str(folder / "settings.yaml"), [], Settings)
    spark, run = start_session("whole chain", SPARK), Run(settings.output)
    before = cpu_seconds()
    for stage in CHAIN[: 1 + [stage.name for stage in CHAIN].index(LAST)]:
        execute(stage, run, settings, lambda: spark, "benchmark")
    seconds = cpu_seconds() - before
    kept = (path for path in (folder / "run/clean").rglob("*.parquet"))
    return seconds, {url for path in kept for url in pq.read_table(path, columns=["url"])["url"].to_pylist()}


def datatrove(folder: str, warc: str, tokenizer: str, results: Any) -> None:
    """Run in a process of its own: puts (CPU seconds without imports, addresses of the pages kept) on the queue."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline import dedup, extractors, filters, readers, tokens, writers
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
    from datatrove.utils import lid
    from datatrove.utils.hashing import HashConfig

    config = MinhashConfig(WIDTH, BANDS, ROWS, hash_config=HashConfig(hash_fc="sha1"))
    filters.LanguageFilter._requires_dependencies = []  # it asks for another build of fasttext by name, twice
    lid.check_required_dependencies = lambda *_: None
    language = filters.LanguageFilter("en")
    lid.cached_asset_path_or_download = lambda *_, **__: default_model()  # its own may be out of reach
    filtered = readers.JsonlReader(f"{folder}/filtered")
    steps = [
        [
            readers.WarcReader(str(Path(warc).parent), glob_pattern=Path(warc).name),
            extractors.Trafilatura(favour_precision=True, timeout=60),
            language,
            filters.GopherRepetitionFilter(),
            filters.GopherQualityFilter(),
            filters.C4QualityFilter(filter_no_terminal_punct=False),
            filters.FineWebQualityFilter(),
            writers.JsonlWriter(f"{folder}/filtered"),
        ],
        [filtered, MinhashDedupSignature(f"{folder}/signatures", config)],
        [dedup.MinhashDedupBuckets(f"{folder}/signatures", f"{folder}/buckets", config=config)],
        [dedup.MinhashDedupCluster(f"{folder}/buckets", f"{folder}/removed", config=config)],
        [
            filtered,
            dedup.MinhashDedupFilter(f"{folder}/removed"),
            writers.JsonlWriter(f"{folder}/kept", compression=None),
        ],
        [
            readers.JsonlReader(f"{folder}/kept"),
            tokens.DocumentTokenizer(f"{folder}/tokens", tokenizer, eos_token="<|end_of_text|>", seed=7),
        ],
        [tokens.DocumentTokenizerMerger(f"{folder}/tokens", f"{folder}/merged", "all", seed=7, progress=False)],
    ]
    before = cpu_seconds()
    for number, pipeline in enumerate(steps):
        n_tasks = BANDS if number == 2 else 1
        logs = f"{folder}/logs{number}"
        LocalPipelineExecutor(pipeline, tasks=n_tasks, workers=1, skip_completed=False, logging_dir=logs).run()
    seconds = cpu_seconds() - before
    lines = [line for path in Path(folder, "kept").glob("*.jsonl") for line in path.read_text().splitlines()]
    results.put((seconds, {json.loads(line)["metadata"]["url"] for line in lines}))


def their_run(folder: Path, warc: Path, tokenizer: str) -> tuple[float, set[str]]:
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    process = context.Process(target=datatrove, args=(str(folder), str(warc), tokenizer, results))
    process.start()
    found = results.get()
    process.join()
    return found


def judged(kept: set[str], n_pages: int) -> dict[str, Any]:
    """Of the planted pairs of which something is kept, the share of which not both are."""
    pairs = [(url_of(k), url_of(k + 1)) for k in range(0, n_pages - 1, MIRRORED)]
    some = [pair for pair in pairs if kept & {*pair}]
    found = sum(not {*pair} <= kept for pair in some)
    return {"kept": len(kept), "planted_pairs_kept": len(some), "of_which_found": found}


def main(data: Path, n_pages: int, n_many: int) -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {
            n: write_warc(folder / f"{n}.warc.gz", list(some_pages(data, n))) for n in (WARM_PAGES, n_pages, n_many)
        }
        ours(folder / "learn", files[n_pages], "blocks", None)
        tokenizer = str(folder / "learn/run/tokenizer")
        kept: dict[str, set[str]] = {}
        for extractor in ("blocks", "trafilatura"):
            ours(folder / f"warm-{extractor}", files[WARM_PAGES], extractor, tokenizer)
            seconds, kept[extractor] = ours(folder / f"some-{extractor}", files[n_pages], extractor, tokenizer)
            figures: dict[str, Any] = {"pages_per_s": round(n_pages / seconds, 1)}
            if n_many > n_pages and extractor == "blocks":
                many, _ = ours(folder / f"many-{extractor}", files[n_many], extractor, tokenizer)
                figures |= {"many_pages": n_many, "many_cpu_seconds": round(many, 1)}
                figures |= {"many_pages_per_s": round(n_many / many, 1)}
                figures |= {"pages_per_s_of_the_difference": round((n_many - n_pages) / (many - seconds), 1)}
            seen = judged(kept[extractor], n_pages)
            report(
                "whole chain",
                tool=f"gristmill {extractor}",
                pages=n_pages,
                cpu_seconds=round(seconds, 1),
                **figures,
                **seen,
            )
        seconds, theirs = their_run(folder, files[n_pages], f"{tokenizer}/tokenizer.json")
        figures = {"pages_per_s": round(n_pages / seconds, 1), **judged(theirs, n_pages)}
        figures |= {f"kept_by_{name}_too": len(theirs & urls) for name, urls in kept.items()}
        report("whole chain", tool="datatrove", pages=n_pages, cpu_seconds=round(seconds, 1), **figures)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else int(sys.argv[2]))
