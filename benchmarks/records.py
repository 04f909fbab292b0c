"""How many records of every WARC and WET file do we find, and how many do warcio and fastwarc?

    python benchmarks/records.py DATA

DATA holds warc/ and shards/. Ours is every outcome of the reader: documents or what becomes of them later, records of
types without content, damage. A file that another reader gives up has a `!` behind the records it gave before. JSONL
and Parquet files stand beside the lines and rows that gzip, zstandard and pyarrow count.
"""

import gzip
import sys
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import zstandard
from fastwarc.warc import ArchiveIterator as FastIterator
from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed

from udfs.errors import InputError
from udfs.members import USUAL_LIMITS
from udfs.readers import Kind, guess_kind, read
from udfs.records import Damage, Record


def ours(file: Path, kind: Kind) -> Counter[str]:
    """Outcomes of each sort, `all` of them and each reason of damage."""
    found = Counter[str]()
    with file.open("rb") as stream:
        for outcome in read(kind, stream, USUAL_LIMITS):
            sort = {Record: "content", Damage: "damaged"}.get(type(outcome), "skipped")
            found.update(("all", sort))
            if isinstance(outcome, Damage):
                found[f"({outcome.reason})"] += 1
    return found


def warcio(file: Path) -> str:
    n = 0
    try:
        with file.open("rb") as stream:
            for record in ArchiveIterator(stream):
                record.content_stream().read()
                n += 1
    except (ArchiveLoadFailed, OSError, EOFError, ValueError, AttributeError) as error:
        return f"{n}! {type(error).__name__}"
    return str(n)


def fastwarc(file: Path) -> str:
    n = 0
    try:
        with file.open("rb") as stream:
            for record in FastIterator(stream):
                record.reader.read()
                n += 1
    except (OSError, ValueError, RuntimeError) as error:
        return f"{n}! {type(error).__name__}"
    return str(n)


def rows(file: Path) -> str:
    """Lines that are not blank, or rows."""
    if file.suffix == ".parquet":
        return str(pq.ParquetFile(file).metadata.num_rows)
    opened = {".gz": gzip.open, ".zst": zstandard.open}.get(file.suffix, open)
    with opened(file, "rb") as stream:
        return str(sum(bool(line.strip()) for line in stream.read().split(b"\n")))


def main(data: Path) -> None:
    print(f"{'file':48} {'ours':>6} {'content':>8} {'skipped':>8} {'damaged':>8}  others")
    for file in sorted(path for name in ("warc", "shards") for path in (data / name).rglob("*") if path.is_file()):
        kind = guess_kind(file.name)
        name = str(file.relative_to(data))
        if kind is None:
            print(f"{name:48} no kind of input by its name")
            continue
        others = (
            f"rows {rows(file)}"
            if kind in ("jsonl", "parquet")
            else f"warcio {warcio(file)}, fastwarc {fastwarc(file)}"
        )
        try:
            found = ours(file, kind)
        except InputError as error:
            print(f"{name:48} refused: {error.reason}; {others}")
            continue
        reasons = " ".join(f"{reason} {n}" for reason, n in sorted(found.items()) if reason.startswith("("))
        counts = " ".join(f"{found[sort]:>8}" for sort in ("content", "skipped", "damaged"))
        print(f"{name:48} {found['all']:>6} {counts}  {others} {reasons}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
