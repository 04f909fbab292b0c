"""Real WARC files: each is read without an exception, and agrees with warcio except where this test says why."""

import warnings
from collections import Counter
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from udfs.errors import InputError
from udfs.records import Damage, Record, Skipped
from udfs.warc import read_warc

DAMAGED = {
    "made-cut-mid-member.warc.gz": "truncated",  # its last record, which warcio delivers cut and without a word
    "resiliparse-clipped.warc.gz": "truncated",  # its only record, likewise
}
NOT_READ_BY_WARCIO = {
    "example-bad-non-chunked.warc.gz",  # all records in one gzip member: warcio stops after the first
    "dolma-sample-0000.warc.zst",  # zstd is not a format of warcio's
}


def counts(file: Path) -> tuple[Counter[str], list[str]]:
    """(records by type, reasons of damage)"""
    with file.open("rb") as stream:
        outcomes = list(read_warc(stream))
    assert [o.ordinal for o in outcomes] == list(range(len(outcomes)))
    intact = Counter(o.type for o in outcomes if isinstance(o, (Record, Skipped)))
    return intact, [o.reason for o in outcomes if isinstance(o, Damage)]


def warcio_counts(file: Path) -> Counter[str]:
    found: Counter[str] = Counter()
    with file.open("rb") as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for record in ArchiveIterator(stream):
            found[record.rec_type] += 1
            record.content_stream().read()
    return found


def test_every_file_is_read_and_agrees_with_warcio(shared_data: Path) -> None:
    files = [file for file in sorted(shared_data.glob("warc/*/*")) if ".arc" not in file.name]
    assert len(files) > 20
    for file in files:
        intact, reasons = counts(file)
        assert reasons == ([DAMAGED[file.name]] if file.name in DAMAGED else []), file.name
        if file.name in NOT_READ_BY_WARCIO:
            assert sum(intact.values()) >= 6, file.name
            continue
        expected = warcio_counts(file)
        if file.name in DAMAGED:
            expected["response"] -= 1
        assert intact == +expected, file.name


def test_the_same_records_come_out_of_each_storage(shared_data: Path) -> None:
    folder = shared_data / "warc"
    assert counts(folder / "rewrapped/dolma-sample-0000.warc.zst") == counts(
        folder / "crawls/dolma-sample-0000.warc.gz"
    )
    assert counts(folder / "edge/example-bad-non-chunked.warc.gz") == counts(folder / "edge/example.warc")
    plain, zipped = (counts(folder / f"commoncrawl/whirlwind.warc{ending}") for ending in ("", ".gz"))
    assert plain == zipped


def test_a_length_off_by_two_bytes_is_mended_as_its_digest_says(shared_data: Path) -> None:
    with (shared_data / "warc/edge/example-trunc.warc").open("rb") as stream:
        (record,) = [o for o in read_warc(stream) if isinstance(o, Record)]
    assert record.warnings == ("content_length_off",)
    assert record.payload.endswith(b"</html>\n")


def test_arc_files_are_refused(shared_data: Path) -> None:
    for file in shared_data.glob("warc/*/*.arc*"):
        with file.open("rb") as stream, pytest.raises(InputError, match="ARC"):
            list(read_warc(stream))


def test_payloads_equal_those_that_warcio_decodes(shared_data: Path) -> None:
    """Where warcio can tell a coded body from one that only says so: it believes every header."""
    for name in (
        "crawls/aut-example-screened.warc.gz",
        "crawls/dolma-sample-0000.warc.gz",
        "rewrapped/hplt-cc100.warc.gz",
    ):
        with (shared_data / "warc" / name).open("rb") as stream:
            expected = [
                r.content_stream().read() for r in ArchiveIterator(stream) if r.rec_type in ("response", "resource")
            ]
        with (shared_data / "warc" / name).open("rb") as stream:
            found = [o for o in read_warc(stream) if isinstance(o, Record)]
        assert len(found) == len(expected)
        assert all(o.payload == e for o, e in zip(found, expected, strict=True) if not o.warnings)
