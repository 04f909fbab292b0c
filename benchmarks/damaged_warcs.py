"""What do damaged and hostile WARC files cost: our reader beside warcio, FastWARC and datatrove's WarcReader?

Every reader gets the same files, those of tests/udfs/hostile_warcs.py, in a process of its own with 4 GiB of address
space and 20 s a file; the process is replaced when it dies. Counted are files read as they should be (every intact
record delivered, damage signalled by an error or a warning); files ended by an error with intact records lost; files in
which records were lost, or damage passed over, in silence; intact records lost; damaged records delivered as intact.

    scripts/bench damaged_warcs [number of files]
"""

import contextlib
import io
import json
import logging
import multiprocessing
import resource
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from importlib.metadata import version
from itertools import count, islice
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "udfs"))

from hostile_warcs import Case, case_of

SECONDS = 20
ADDRESS_BYTES = 4 << 30
Read = tuple[Counter[str], str]
"""How often each payload was delivered, by its digest, and what the reader said against the file; "" for nothing."""


def digest(payload: bytes) -> str:
    return sha256(payload).hexdigest()


def gristmill(path: str) -> Read:
    from udfs.readers import read
    from udfs.records import Damage, Record

    with open(path, "rb") as stream:
        outcomes = list(read("warc", stream))
    said = next((outcome.reason for outcome in outcomes if isinstance(outcome, Damage)), "")
    return Counter(digest(outcome.payload) for outcome in outcomes if isinstance(outcome, Record)), said


def warcio(path: str) -> Read:
    from warcio.archiveiterator import ArchiveIterator

    delivered, said = Counter[str](), ""
    with open(path, "rb") as stream:
        try:
            for record in ArchiveIterator(stream, check_digests=True):
                payload = record.content_stream().read()
                if record.digest_checker.passed is False:
                    said = "digest"
                elif record.rec_type == "response":
                    delivered[digest(payload)] += 1
        except Exception as error:  # noqa: BLE001 - whatever it is, the reader has said something
            said = repr(error)
    return delivered, said


def fastwarc(path: str) -> Read:
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    delivered, said = Counter[str](), ""
    with open(path, "rb") as stream:
        try:
            for record in ArchiveIterator(
                stream, record_types=WarcRecordType.response, parse_http=True, auto_decode="all"
            ):
                delivered[digest(record.reader.read())] += 1
        except Exception as error:  # noqa: BLE001 - whatever it is, the reader has said something
            said = repr(error)
    return delivered, said


class _Heard(logging.Handler):
    said = ""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING:
            self.said = record.getMessage()


def datatrove(path: str) -> Read:
    """It delivers text, so its payloads are what it decoded, as UTF-8; files without a page for it are no loss."""
    from datatrove.pipeline.readers import WarcReader
    from datatrove.utils.logging import logger

    heard = _Heard()
    logger.remove()
    handler = logger.add(heard, format="{message}")
    delivered, said = Counter[str](), ""
    try:
        for document in WarcReader(str(Path(path).parent), glob_pattern=Path(path).name, compression=None)():
            delivered[digest(document.text.encode())] += 1
    except Exception as error:  # noqa: BLE001
        said = repr(error)
    logger.remove(handler)
    return delivered, said or heard.said


READERS: dict[str, Callable[[str], Read]] = {
    "gristmill": gristmill,
    "warcio": warcio,
    "fastwarc": fastwarc,
    "datatrove": datatrove,
}


def serve(name: str, requests: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_BYTES, ADDRESS_BYTES))
    while path := receive(requests):
        with contextlib.redirect_stderr(io.StringIO()) as heard:  # warcio prints its warnings
            delivered, said = READERS[name](path)
        requests.send((delivered, said or heard.getvalue()))


def receive(requests: Connection) -> str:
    """The next path; "" when the other side has ended."""
    try:
        return requests.recv()
    except EOFError:
        return ""


class Reader:
    """One of READERS in a process that may die."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._start()

    def _start(self) -> None:
        self._ours, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.Process(target=serve, args=(self.name, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def read(self, path: str) -> Read | str:
        """What it read; "crash" or "hang" when it did not end well."""
        self._ours.send(path)
        try:
            if self._ours.poll(SECONDS):
                return self._ours.recv()
            fault = "hang"
        except EOFError:
            fault = "crash"
        self._process.kill()
        self._process.join()
        self._start()
        return fault


def judge(case: Case, found: Read | str, tally: Counter[str]) -> None:
    """Count what the reader made of the case."""
    owed = Counter(digest(payload) for payload in case.owed)
    tally["files"] += 1
    tally["intact records"] += owed.total()
    if isinstance(found, str):
        tally[found] += 1
        tally["intact records lost"] += owed.total()
        return
    delivered, said = found
    lost = (owed - delivered).total()
    allowed = None if case.allowed is None else {digest(payload) for payload in case.allowed} | owed.keys()
    wrong = 0 if allowed is None else sum(n for key, n in delivered.items() if key not in allowed)
    tally["intact records lost"] += lost
    tally["damaged records delivered"] += wrong
    if wrong or (not said and (lost or case.is_damaged)):
        tally["silent"] += 1
    else:
        tally["error, records lost" if lost else "as it should be"] += 1


def main(n_files: int) -> None:
    multiprocessing.set_start_method("spawn")
    readers = [Reader(name) for name in READERS]
    tallies = {name: Counter[str]() for name in READERS}
    cases = (case for case in map(case_of, count()) if not case.name.startswith("zstd"))  # gzip and plain, for all
    with tempfile.TemporaryDirectory() as folder:
        for case in islice(cases, n_files):
            path = Path(folder) / ("case.warc" if case.name.startswith("plain") else "case.warc.gz")
            path.write_bytes(case.data)
            for reader in readers:
                judge(case, reader.read(str(path)), tallies[reader.name])
            path.unlink()
    for name, tally in tallies.items():
        print(json.dumps({"reader": f"{name} {version(name)}", **tally}))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
