"""From WARC file to Parquet: how many pages per CPU second, beside datatrove and beside the bare libraries?

Each contender runs in a process of its own, over all pages twice; the first time loads kernels, models and our
extracting child, the second counts. CPU seconds are those of the process and of its children. Ours is what a Spark task
runs: reading and verifying, charset, extraction in its child where a library extracts, tables, digests. datatrove runs
WarcReader, Trafilatura and ParquetWriter. `bare` is a loop over pages that are decoded already, in our mode; `script`
reads with FastWARC, decodes with resiliparse, extracts and writes Parquet. `read` is reading with the HTTP header
parsed: ours with codings undone and every length, checksum and digest verified, with and without verification of
digests by fastwarc.

    python benchmarks/ingest.py DATA

DATA holds html/ and warc/.
"""

import logging
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import trafilatura
from fastwarc.warc import ArchiveIterator, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from benchmarks.gold_pages import GOLD_SETS, read_gold
from pipelines.ingest import SCHEMAS, IngestSettings
from udfs.charset import decode
from udfs.ingest import Extractor, IngestTask, ingest_part
from udfs.inputs import InputFile
from udfs.members import USUAL_LIMITS
from udfs.records import Record
from udfs.warc import read_warc

ROUNDS = 2
CRAWL = "warc/rewrapped/hplt-cc100.warc.gz"


def pages_of(data: Path) -> list[bytes]:
    """Pages of the crawl sample and of the gold sets, in UTF-8."""
    with (data / CRAWL).open("rb") as stream:
        crawl = [outcome.payload for outcome in read_warc(stream) if isinstance(outcome, Record)]
    return crawl + [page.html.encode() for name in GOLD_SETS for page in read_gold(data, name)]


def write_warc(file: Path, pages: Iterable[bytes]) -> Path:
    """Response records with digests, one gzip member each, as Common Crawl has them."""
    with file.open("wb") as stream:
        writer = WARCWriter(stream, gzip=True)
        for number, page in enumerate(pages):
            header = StatusAndHeaders("200 OK", [("Content-Type", "text/html; charset=utf-8")], protocol="HTTP/1.1")
            with tempfile.TemporaryFile() as body:
                body.write(page)
                body.seek(0)
                writer.write_record(
                    writer.create_warc_record(
                        f"http://{number}.example/", "response", payload=body, http_headers=header
                    )
                )
    return file


def gristmill(extractor: Extractor) -> Callable[[Path], int]:
    def run(file: Path) -> int:
        with tempfile.TemporaryDirectory() as folder:
            tables = {table: (f"{folder}/{table}", schema) for table, schema in SCHEMAS.items()}
            given = InputFile(str(file), file.name, "crawl", "warc", None, {})
            result = ingest_part(
                IngestTask((given,), "part-00000-0", tables), IngestSettings(extractor=extractor).plan()
            )
        return result.files[0].documents

    return run


def datatrove(file: Path) -> int:
    from datatrove.pipeline.extractors import Trafilatura
    from datatrove.pipeline.readers import WarcReader
    from datatrove.pipeline.writers import ParquetWriter
    from datatrove.utils.logging import logger

    logger.remove()
    with tempfile.TemporaryDirectory() as folder:
        reader = WarcReader(str(file.parent), glob_pattern=file.name)
        documents = Trafilatura(timeout=60).run(reader.run())
        return sum(1 for _ in ParquetWriter(folder).run(documents))


def bare(extract: Callable[[str], str | None]) -> Callable[[Path], int]:
    def run(file: Path) -> int:
        with file.open("rb") as stream:
            pages = [decode(outcome.payload).text for outcome in read_warc(stream) if isinstance(outcome, Record)]
        return timed(lambda: sum(bool(extract(page)) for page in pages))

    return run


def bare_resiliparse(html: str) -> str:
    return extract_plain_text(html, main_content=True, alt_texts=False)


def bare_trafilatura(html: str) -> str | None:
    return trafilatura.extract(html, fast=True, include_comments=False)


def script(extract: Callable[[str], str | None]) -> Callable[[Path], int]:
    """What one would write without gristmill: nothing is verified, and a page that breaks the library ends it."""

    def run(file: Path) -> int:
        rows = []
        with file.open("rb") as stream, tempfile.NamedTemporaryFile() as out:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
                page = record.reader.read()
                text = extract(bytes_to_str(page, detect_encoding(page)))
                if text:
                    rows.append({"url": record.headers["WARC-Target-URI"], "text": text})
            pq.write_table(pa.Table.from_pylist(rows), out.name, compression="zstd")
        return len(rows)

    return run


def read_ours(file: Path) -> int:
    with file.open("rb") as stream:
        return sum(isinstance(outcome, Record) for outcome in read_warc(stream, USUAL_LIMITS))


def read_fastwarc(verify: bool) -> Callable[[Path], int]:
    def run(file: Path) -> int:
        with file.open("rb") as stream:
            records = ArchiveIterator(stream, record_types=WarcRecordType.response, verify_digests=verify)
            return sum(len(record.reader.read()) > 0 for record in records)

    return run


_bare_seconds: list[float] = []


def timed(work: Callable[[], int]) -> int:
    """The work's result; its own CPU seconds are what counts of the contender."""
    start = time.process_time()
    result = work()
    _bare_seconds.append(time.process_time() - start)
    return result


CONTENDERS: dict[str, Callable[[Path], int]] = {
    "gristmill blocks": gristmill("blocks"),
    "gristmill resiliparse": gristmill("resiliparse"),
    "gristmill trafilatura": gristmill("trafilatura"),
    "datatrove": datatrove,
    "bare resiliparse": bare(bare_resiliparse),
    "bare trafilatura": bare(bare_trafilatura),
    "script resiliparse": script(bare_resiliparse),
    "script trafilatura": script(bare_trafilatura),
    "read ours": read_ours,
    "read fastwarc": read_fastwarc(verify=False),
    "read fastwarc verified": read_fastwarc(verify=True),
}


def cpu_seconds() -> float:
    """Of this process, of the children that ended and of those that live."""
    own, ended = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    ticks = [Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[11:13] for child in children]
    alive = sum(int(tick) for pair in ticks for tick in pair) / os.sysconf("SC_CLK_TCK")
    return own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime + alive


def measure(name: str, file: Path, results: "multiprocessing.Queue[tuple[int, float]]") -> None:
    """Put (pages, CPU seconds) of the contender in the queue."""
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    CONTENDERS[name](file)
    start = cpu_seconds()
    n_pages = CONTENDERS[name](file)
    results.put((n_pages, _bare_seconds[-1] if _bare_seconds else cpu_seconds() - start))


def main(data: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        pages = pages_of(data)
        file = write_warc(Path(folder) / "pages.warc.gz", pages)
        n_bytes = sum(map(len, pages))
        print(f"{len(pages)} pages of {n_bytes / len(pages) / 1000:.0f} kB; load {os.getloadavg()[0]:.1f}")
        best: dict[str, tuple[int, float]] = {}
        for _ in range(ROUNDS):
            for name in CONTENDERS:
                queue = context.Queue()
                process = context.Process(target=measure, args=(name, file, queue))
                process.start()
                found = queue.get()
                process.join()
                best[name] = min(best.get(name, found), found, key=lambda result: result[1])
        for name, (n_pages, seconds) in best.items():
            print(f"{name:24} {n_pages:5} pages {seconds:7.2f} s {len(pages) / seconds:8.0f} pages/s")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
