"""WARC files made to exhaust a reader: bombs, floods and quadratic traps cost little, and the records around them stay.

Work is counted, not timed: inflated bytes and members have limits, and memory is measured.
"""

import io
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import zstandard
from warc_bytes import END, gzip_member, gzip_zeros, page, response, warc_record, zstd_frame

from udfs import members, warc
from udfs.members import Limits
from udfs.records import Damage, Outcome, Record
from udfs.warc import read_warc

MiB = 1 << 20


def read(data: bytes, **limits: int) -> list[Outcome]:
    return list(read_warc(io.BytesIO(data), Limits(**limits)))


def reasons(outcomes: list[Outcome]) -> list[str]:
    return [o.reason if isinstance(o, Damage) else "" for o in outcomes]


@pytest.fixture
def n_inflated(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """[the bytes inflated so far in this test]"""
    total = [0]
    count = members.Source.count_inflated

    def counted(source: members.Source, n_bytes: int) -> None:
        total[0] += n_bytes
        count(source, n_bytes)

    monkeypatch.setattr(members.Source, "count_inflated", counted)
    return total


def bomb_header(length: int) -> bytes:
    return warc_record(9, b"", {"Content-Length": str(length)})[: -len(END)]


BOMBS: dict[str, Callable[[], bytes]] = {
    "its header is honest": lambda: gzip_zeros(128 * MiB, bomb_header(128 * MiB)),
    "its header lies": lambda: gzip_zeros(128 * MiB, bomb_header(100)),
    "it has no header": lambda: gzip_zeros(128 * MiB),
    "it is all newlines": lambda: gzip_member(b"\r\n" * (100 * MiB)),
    "it is all version lines": lambda: gzip_member(b"WARC/1.0\r\n" * (20 * MiB)),
    "it is all empty headers": lambda: gzip_member(b"WARC/1.0\r\nA: b\r\n\r\n" * (4 * MiB)),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_left_after_a_bounded_part_of_it(bomb: str, n_inflated: list[int]) -> None:
    outcomes = read(gzip_member(response(1)) + BOMBS[bomb]() + gzip_member(response(2)))
    assert [type(o) for o in outcomes] == [Record, Damage, Record]
    assert n_inflated[0] < 100 * MiB


def test_a_bomb_takes_little_memory() -> None:
    data = gzip_member(response(1)) + gzip_zeros(128 * MiB, bomb_header(128 * MiB)) + gzip_member(response(2))
    tracemalloc.start()
    outcomes = read(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert reasons(outcomes) == ["", "too_large", ""]
    assert peak < 10 * MiB


def test_a_plain_file_full_of_false_starts_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warc, "MAX_FALSE_STARTS", 100)
    outcomes = read(response(1) + b"WARC/1.0\r\nA: b\r\n\r\n" * 100_000 + response(2))
    assert reasons(outcomes) == ["", "length"]
    assert "false starts" in outcomes[1].detail  # type: ignore[union-attr]


def test_a_zstd_bomb_is_left_after_a_bounded_part_of_it(n_inflated: list[int]) -> None:
    bomb = zstandard.compress(bomb_header(256 * MiB) + bytes(256 * MiB))
    data = zstd_frame(response(1)) + bomb + zstd_frame(response(2))
    assert reasons(read(data)) == ["", "too_large", ""]
    assert n_inflated[0] < 100 * MiB


def test_a_file_of_bombs_is_given_up_where_it_inflates_too_far(
    n_inflated: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "FREE_BYTES", 64 * MiB)
    outcomes = read(gzip_zeros(8 * MiB, bomb_header(8 * MiB)) * 50)
    assert reasons(outcomes)[-1] == "ratio"
    assert len(outcomes) < 12
    assert n_inflated[0] < 80 * MiB


def test_a_flood_of_members_is_given_up_at_its_limit() -> None:
    flood = gzip_member(b"") * 3_000
    outcomes = read(gzip_member(response(1)) + flood, n_members=1_000)
    assert reasons(outcomes) == ["", "too_many_members"]
    assert reasons(read(gzip_member(response(1)) + flood + gzip_member(response(2)))) == ["", ""]


def test_a_hundred_thousand_tiny_records_are_read() -> None:
    member = gzip_member(warc_record(1, b"x", {"WARC-Type": "request"}))
    outcomes = read(member * 100_000)
    assert len(outcomes) == 100_000
    assert set(reasons(outcomes)) == {""}


@pytest.mark.parametrize(
    "start", [b"\x1f\x8b\x08", b"\x1f\x8b\x08\0\0\0\0\0\0\3", b"\x28\xb5\x2f\xfd", b"WARC/1.0\r\n"]
)
def test_a_flood_of_false_starts_is_one_damage(start: bytes) -> None:
    for compress in (gzip_member, zstd_frame, bytes):
        data = compress(response(1)) + start * 5_000 + compress(response(2))
        outcomes = read(data)
        assert outcomes[0] != outcomes[-1]
        assert [o.payload for o in outcomes if isinstance(o, Record)] == [page(1), page(2)]
        assert len(outcomes) == 3


def test_records_nested_in_a_damaged_record_of_stored_blocks_do_not_multiply_the_work(n_inflated: list[int]) -> None:
    nested = gzip_member(response(1, 50_000))[:-4] * 200
    read(gzip_member(response(0)) + nested + gzip_member(response(2)))
    assert n_inflated[0] < 100 * MiB


class EndlessRecords(io.RawIOBase):
    """A plain WARC file of about `n_bytes` that is never in memory as a whole."""

    def __init__(self, n_bytes: int) -> None:
        record = response(1, 100_000)
        self._pieces: Iterator[bytes] = iter([record] * (n_bytes // len(record)))

    def read(self, size: int = -1) -> bytes:
        return next(self._pieces, b"")


@pytest.mark.parametrize(
    "make", [lambda: EndlessRecords(200 * MiB), lambda: io.BytesIO(gzip_member(response(1, 90_000)) * 3_000)]
)
def test_memory_stays_flat_over_a_large_file(make: Callable[[], Any]) -> None:
    stream = make()
    tracemalloc.start()
    n_records = sum(isinstance(o, Record) for o in read_warc(stream))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n_records > 2_000
    assert peak < 10 * MiB
