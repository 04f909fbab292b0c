"""Damaged WARC files: damage costs its own span, and nothing that is damaged passes for intact."""

import io
import json
import os
import random
import subprocess
import sys
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import hostile_warcs
import pytest
import zstandard
from hostile_warcs import ONE_A_MEMBER, is_touched, is_whole_loss, make, mutate
from hypothesis import given
from hypothesis import strategies as st
from warc_bytes import STORAGES, gzip_member, http_block, page, response, store, warc_record

from udfs.records import Damage, Outcome, Record
from udfs.warc import read_warc

ROOT = Path(__file__).resolve().parents[2]
MUTATIONS = hostile_warcs.MUTATIONS


def read(data: bytes) -> list[Outcome]:
    return list(read_warc(io.BytesIO(data)))


def payload(outcome: Outcome) -> bytes:
    assert isinstance(outcome, Record)
    return outcome.payload


def check_common(outcomes: list[Outcome]) -> None:
    """Outcomes are numbered, and show at most 1 KiB of what is damaged."""
    assert [o.ordinal for o in outcomes] == list(range(len(outcomes)))
    assert all(len(o.head) <= 1024 for o in outcomes if isinstance(o, Damage))


def check_one_a_member(seed: int, storage: str, kind: str) -> None:
    rng = random.Random(seed)
    made = make(rng, storage)
    data, touched = mutate(rng, made.stored.data, kind)
    outcomes = read(data)
    check_common(outcomes)
    offsets = [o.offset for o in outcomes if isinstance(o, (Record, Damage))]
    assert offsets == sorted(offsets)
    delivered = Counter(o.payload for o in outcomes if isinstance(o, Record))
    untouched = [i for i, span in enumerate(made.stored.spans) if not is_touched(span, touched)]
    for i in untouched:
        assert made.payloads[i] is None or delivered[made.payloads[i]], f"record {i} is lost"
    if storage == "plain" and kind in ("flips", "delete"):
        return  # these may make a sound header of two, or take away a digest and change the text too
    assert delivered.keys() <= set(made.payloads), "a damaged record passes for intact"
    n_damaged = sum(isinstance(o, Damage) for o in outcomes)
    n_gone = len(made.records) - (len(outcomes) - n_damaged)
    assert n_damaged or n_gone <= 0 or is_whole_loss(made, touched)


@given(st.integers(0, 2**32), st.sampled_from(ONE_A_MEMBER), st.sampled_from(MUTATIONS))
def test_damage_costs_its_own_records_only(seed: int, storage: str, kind: str) -> None:
    check_one_a_member(seed, storage, kind)


def run_cases(first: int, count: int, bomb_bytes: int = hostile_warcs.BOMB_BYTES) -> dict[str, Any]:
    """What hostile_warcs.py finds, in a process of its own: a crash of it fails the test."""
    program = [sys.executable, hostile_warcs.__file__, str(first), str(count), str(bomb_bytes)]
    ran = subprocess.run(
        program, capture_output=True, text=True, check=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    return json.loads(ran.stdout)


def check_cases(found: dict[str, Any], n_cases: int) -> None:
    assert sum(found["cases"].values()) == n_cases
    assert found["wrong"] == []
    assert found["grown_MiB"] < 256


def test_damaged_and_hostile_files_cost_only_what_is_damaged() -> None:
    check_cases(run_cases(0, 200), 200)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1_000, 21_000, 1_000))
def test_damaged_and_hostile_files_cost_only_what_is_damaged_in_many_cases(first: int) -> None:
    check_cases(run_cases(first, 1_000), 1_000)


@pytest.mark.slow
def test_a_bomb_of_10_gigabytes_costs_little_memory() -> None:
    check_cases(run_cases(26, 1, 10 << 30), 1)


def inflatable(data: bytes, n_bytes: int, storage: str) -> int:
    """How many inflated bytes the first `n_bytes` of a stored file hold."""
    inflater = zlib.decompressobj(31) if storage == "gzip_one" else zstandard.ZstdDecompressor().decompressobj()
    return len(inflater.decompress(data[:n_bytes])) if n_bytes else 0


@given(st.integers(0, 2**32), st.sampled_from(("gzip_one", "zstd_one")), st.sampled_from(MUTATIONS))
def test_in_one_member_what_was_inflated_before_the_damage_is_kept(seed: int, storage: str, kind: str) -> None:
    """But for the first record, if it is the only one: then a bad checksum is its own."""
    rng = random.Random(seed)
    made = make(rng, storage)
    data, touched = mutate(rng, made.stored.data, kind)
    outcomes = read(data)
    check_common(outcomes)
    n_good = inflatable(made.stored.data, min(a for a, _ in touched), storage)
    ends = [sum(map(len, made.records[: i + 1])) for i in range(len(made.records))]
    whole = [payload for payload, end in zip(made.payloads, ends, strict=True) if end <= n_good]
    delivered = Counter(o.payload for o in outcomes if isinstance(o, Record))
    assert len(whole) < 2 or all(payload is None or delivered[payload] for payload in whole)
    assert data == made.stored.data or any(isinstance(o, Damage) for o in outcomes) or len(outcomes) >= len(ends)


@pytest.mark.parametrize("storage", STORAGES)
def test_a_file_cut_anywhere_keeps_all_records_before_the_cut(storage: str) -> None:
    payloads = [page(1, 300), page(2, 20), page(3, 300)]
    records = [warc_record(n, http_block(payload)) for n, payload in enumerate(payloads)]
    stored = store(records, storage)
    for cut in range(len(stored.data)):
        outcomes = read(stored.data[:cut])
        n_whole = sum(end <= cut for _, end in stored.spans) if storage in ONE_A_MEMBER else 0
        delivered = [o.payload for o in outcomes if isinstance(o, Record)]
        assert delivered[:n_whole] == payloads[:n_whole]
        assert delivered == payloads[: len(delivered)]
        if cut == 0:
            continue
        if storage in ONE_A_MEMBER and cut in stored.offsets:
            assert len(outcomes) == n_whole, "a cut between records cannot be seen"
        elif len(delivered) == n_whole:
            assert isinstance(outcomes[-1], Damage)
            assert outcomes[-1].reason in ("truncated", "not_warc")
            assert storage not in ONE_A_MEMBER or outcomes[-1].offset == stored.offsets[n_whole]
        else:
            assert storage == "plain" or storage not in ONE_A_MEMBER, "the digest proves it whole without its last CRLF"


@pytest.mark.parametrize("storage", ["gzip", "zstd"])
def test_a_flipped_bit_in_the_compressed_bytes_is_never_silent(storage: str) -> None:
    """Each bit of the second of three records: it is delivered unchanged or is damage, its neighbours are intact."""
    stored = store([response(1), response(2, 60), response(3)], storage)
    begin, end = stored.spans[1]
    for bit in range(8 * begin, 8 * end):
        data = bytearray(stored.data)
        data[bit // 8] ^= 1 << bit % 8
        outcomes = read(bytes(data))
        first, second, *junk, last = outcomes
        assert [payload(first), payload(last)] == [page(1), page(3)]
        assert isinstance(second, Damage) or payload(second) == page(2, 60)
        assert not junk or storage == "zstd", "without its checksum flag a frame ends before its checksum"


def test_a_wrong_checksum_is_damage_of_its_record() -> None:
    members = [gzip_member(response(n)) for n in (1, 2, 3)]
    for trailer_byte in range(1, 9):
        bad = bytearray(members[1])
        bad[-trailer_byte] ^= 0x55
        outcomes = read(members[0] + bytes(bad) + members[2])
        assert [getattr(o, "reason", "") for o in outcomes] == ["", "checksum", ""]
        assert isinstance(outcomes[1], Damage)
        assert outcomes[1].offset == len(members[0])


def test_a_lying_extra_field_costs_one_record() -> None:
    members = [gzip_member(response(n)) for n in (1, 2, 3)]
    lying = members[1][:3] + b"\x04" + members[1][4:10] + b"\xff\xff" + members[1][10:]
    outcomes = read(members[0] + lying + members[2])
    assert [getattr(o, "reason", "") for o in outcomes] == ["", "damaged_compression", ""]


def test_flags_that_gzip_reserves_are_damage() -> None:
    members = [gzip_member(response(n)) for n in (1, 2, 3)]
    reserved = members[1][:3] + b"\xe0" + members[1][4:]
    outcomes = read(members[0] + reserved + members[2])
    assert [getattr(o, "reason", "") for o in outcomes] == ["", "damaged_compression", ""]


class Trickle(io.BytesIO):
    """A file that gives some bytes at a time, as sockets do."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(37)


@pytest.mark.parametrize("seed", range(120))
def test_where_a_read_of_the_file_ends_decides_nothing(seed: int) -> None:
    data = hostile_warcs.case_of(seed).data
    assert list(read_warc(Trickle(data))) == read(data)


def test_a_torn_append_costs_the_torn_record_only() -> None:
    """A writer died within a record, and the next one went on behind the half of it."""
    torn, others = gzip_member(response(1, 5_000)), gzip_member(response(2)) + gzip_member(response(3))
    for kept in range(1, len(torn), 97):
        outcomes = read(gzip_member(response(0)) + torn[:kept] + others)
        assert [type(o) for o in outcomes] == [Record, Damage, Record, Record]


def test_the_reason_and_the_place_of_each_fault_are_told() -> None:
    good = gzip_member(response(1))
    faults = {
        "digest": gzip_member(response(2).replace(b"page 2", b"page X")),
        "bad_header": gzip_member(response(2).replace(b"WARC/1.0", b"WXRC/1.0")),
        "length": gzip_member(response(2, Content_Length="12345")),
        "unknown_type": gzip_member(response(2, WARC_Type="pageinfo")),
        "damaged_compression": bytes(40),
        "truncated": good[:-9],
    }
    data, offsets = b"", {}
    for reason, fault in faults.items():
        offsets[reason] = len(data) + len(good)
        data += good + fault
    assert {o.reason: o.offset for o in read(data) if isinstance(o, Damage)} == offsets
    assert sum(isinstance(o, Record) for o in read(data)) == len(faults)
