"""A generator of damaged and hostile WARC files, and what a reader owes each of them; deterministic by seed.

    python tests/udfs/hostile_warcs.py FIRST COUNT [BOMB_BYTES]

reads the cases of COUNT seeds from FIRST on and prints as JSON what went wrong, and by how much memory grew.
"""

import gzip
import io
import json
import random
import resource
import sys
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import zstandard
from warc_bytes import END, Stored, gzip_member, gzip_zeros, http_block, page, response, store, warc_record, words

from udfs.readers import read
from udfs.records import Damage, Outcome, Record

ONE_A_MEMBER = ("plain", "gzip", "zstd")
SIZES = (0, 1, 30, 900, 5_000, 40_000)
MUTATIONS = ("flip", "flips", "zero", "noise", "delete", "insert", "cut", "repeat", "sector")
SECTOR_BYTES = 4096
BOMB_BYTES = 64 << 20


@dataclass
class Made:
    """A file, its records, and the payload of each (None where it is skipped)."""

    stored: Stored
    records: list[bytes]
    payloads: list[bytes | None]


@dataclass
class Case:
    """A file; the payloads a reader must deliver; those it may deliver beside them, None for any; whether it must say
    that something is wrong."""

    name: str
    data: bytes
    owed: list[bytes]
    allowed: set[bytes] | None = field(default_factory=set)
    is_damaged: bool = True


def make(rng: random.Random, storage: str) -> Made:
    records: list[bytes] = []
    payloads: list[bytes | None] = []
    for n in range(rng.randint(3, 9)):
        size = rng.choice(SIZES)
        if rng.random() < 0.7:
            records.append(response(n, size))
            payloads.append(page(n, size))
        else:
            records.append(warc_record(n, words(n, size), {"WARC-Type": "request"}))
            payloads.append(None)
    return Made(store(records, storage), records, payloads)


def mutate(rng: random.Random, data: bytes, kind: str) -> tuple[bytes, list[tuple[int, int]]]:
    """The data with one mutation, and the spans of the original that it touched (empty at an insertion)."""
    at = rng.randrange(len(data))
    end = min(at + rng.choice((1, 4, 64, 512, 3_000)), len(data))
    if kind in ("flip", "flips"):
        places = [rng.randrange(len(data)) for _ in range(1 if kind == "flip" else 5)]
        changed = bytearray(data)
        for place in places:
            changed[place] ^= 1 << rng.randrange(8)
        return bytes(changed), [(place, place + 1) for place in places]
    if kind == "sector":
        at = at // SECTOR_BYTES * SECTOR_BYTES
        end = min(at + SECTOR_BYTES, len(data))
    middle = {
        "zero": bytes(end - at),
        "sector": bytes(end - at),
        "noise": rng.randbytes(end - at),
        "insert": rng.randbytes(end - at) + data[at:end],
        "repeat": data[at:end] * 2,
    }.get(kind, b"")
    rest = b"" if kind == "cut" else data[end:]
    touched = {"cut": (at, len(data)), "insert": (at, at), "repeat": (end, end)}.get(kind, (at, end))
    return data[:at] + middle + rest, [touched]


def is_touched(span: tuple[int, int], touched: list[tuple[int, int]]) -> bool:
    begin, end = span
    return any((a < end and b > begin) or begin < a == b < end for a, b in touched)


def is_whole_loss(made: Made, touched: list[tuple[int, int]]) -> bool:
    """Whether whole records were deleted, but for the blank lines after a record: nothing in the file can tell."""
    bounds = {bound - k for span in made.stored.spans for bound in span for k in range(len(END) + 1)}
    return all(a in bounds and b in bounds for a, b in touched)


def inflated(data: bytes, storage: str) -> bytes | None:
    """All that the members hold; None where they do not inflate. Some bits of a member mean nothing: the time in a gzip
    header, fillers in zstd."""
    try:
        if storage == "gzip":
            return gzip.decompress(data)
        return zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()
    except (OSError, EOFError, zlib.error, zstandard.ZstdError):
        return None


def mutated(rng: random.Random) -> Case:
    """A file with one mutation in its bytes."""
    storage, kind = rng.choice(ONE_A_MEMBER), rng.choice(MUTATIONS)
    made = make(rng, storage)
    data, touched = mutate(rng, made.stored.data, kind)
    numbered = enumerate(made.stored.spans)
    owed = [made.payloads[i] for i, span in numbered if not is_touched(span, touched)]
    # Without compression some mutations make a sound header of two, or take away a digest and change the text too.
    unsure = storage == "plain" and kind in ("flips", "delete", "noise", "insert", "repeat")
    allowed = None if unsure else {payload for payload in made.payloads if payload is not None}
    is_changed = storage != "plain" and inflated(data, storage) != b"".join(made.records)
    can_tell = is_changed and not is_whole_loss(made, touched) and kind != "repeat"
    return Case(f"{storage} {kind}", data, [p for p in owed if p is not None], allowed, can_tell and kind != "insert")


def beside(rng: random.Random, name: str, crafted: bytes, **what: object) -> Case:
    """`crafted`, as stored, among sound gzip members."""
    before, after = rng.randint(0, 4), rng.randint(1, 4)
    numbers = list(range(before + after))
    members = [gzip_member(response(n, rng.choice(SIZES))) for n in numbers]
    owed = [record_payload(zlib.decompress(member, 31)) for member in members]
    return Case(name, b"".join([*members[:before], crafted, *members[before:]]), owed, **what)  # type: ignore[arg-type]


def record_payload(record: bytes) -> bytes:
    return record.split(b"\r\n\r\n", 2)[2][: -len(END)]


LENGTHS = (
    "0",
    "7",
    "-1",
    "NaN",
    "1e9",
    "99999",
    "9223372036854775807",
    "18446744073709551616",
    "0x10",
    "12, 12",
    "",
    "٣",
)


def lying_length(rng: random.Random) -> Case:
    length = rng.choice(LENGTHS)
    return beside(rng, "lying length", gzip_member(response(90, 900, Content_Length=length)))


def length_off_by_two(rng: random.Random) -> Case:
    """As every response of CC-MAIN-2018-34 has it: tolerated."""
    block = http_block(page(90))
    record = warc_record(90, block, {"Content-Length": str(len(block) + 2)})
    return beside(
        rng, "length off by two", gzip_member(record), allowed={page(90), page(90) + b"\r\n"}, is_damaged=False
    )


def no_length(rng: random.Random) -> Case:
    return beside(rng, "no length", gzip_member(response(90, 900, Content_Length=None)), allowed={page(90)})


def two_lengths(rng: random.Random) -> Case:
    record = response(90).replace(b"Content-Length", b"Content-Length: 5\r\nContent-Length", 1)
    return beside(rng, "two lengths", gzip_member(record))


def wrong_trailer(rng: random.Random) -> Case:
    member = bytearray(gzip_member(response(90)))
    member[-rng.randint(1, 8)] ^= 1 << rng.randrange(8)
    return beside(rng, "wrong CRC or size", bytes(member))


def empty_members(rng: random.Random) -> Case:
    return beside(rng, "empty members", gzip_member(b"") * rng.randint(1, 50), is_damaged=False)


def lying_extra(rng: random.Random) -> Case:
    member = gzip_member(response(90))
    length = rng.choice((1, 5, 4_000, 65_535)).to_bytes(2, "little")
    return beside(rng, "lying FEXTRA", member[:3] + b"\x04" + member[4:10] + length + member[10:])


def torn_append(rng: random.Random) -> Case:
    torn = gzip_member(response(90, 5_000))
    return beside(rng, "torn append", torn[: rng.randint(1, len(torn) - 1)])


def wrong_digest(rng: random.Random) -> Case:
    record = response(90).replace(b"<p>page 90", b"<p>page 91")
    return beside(rng, "wrong digest", gzip_member(record))


def unknown_type(rng: random.Random) -> Case:
    return beside(
        rng, "unknown type", gzip_member(response(90, 900, WARC_Type=rng.choice(("pageinfo", "", "responsé"))))
    )


CHUNKS = (
    b"10000000\r\nabc\r\n0\r\n\r\n",
    b"zz\r\nabc\r\n0\r\n\r\n",
    b"3\r\nabc",
    b"-3\r\nabc\r\n0\r\n\r\n",
    b"\r\n\r\n",
    b"3\nabc",
)


def lying_chunks(rng: random.Random) -> Case:
    """The body as it stands, or what the chunks give: both are sound readings; losing it is not."""
    block = http_block(rng.choice(CHUNKS), "Content-Type: text/html\r\nTransfer-Encoding: chunked\r\n")
    return beside(rng, "lying chunks", gzip_member(warc_record(90, block)), allowed=None, is_damaged=False)


def lying_coding(rng: random.Random) -> Case:
    coding = rng.choice(("gzip", "br", "deflate", "zstd", "gzip, gzip", "snappy"))
    headers = f"Content-Type: text/html\r\nContent-Encoding: {coding}\r\n"
    record = warc_record(90, http_block(b"not compressed at all", headers))
    return beside(rng, "lying content coding", gzip_member(record), allowed=None, is_damaged=False)


IDS = (None, "", "no brackets", "<urn:uuid:" + "x" * 5_000 + ">", "<urn:ü\x7f>", "<a> <b>", "../../etc/passwd")


def bad_id(rng: random.Random) -> Case:
    record = response(90, 900, WARC_Record_ID=rng.choice(IDS))
    return beside(rng, "bad id", gzip_member(record), allowed={page(90)}, is_damaged=False)


def bomb(rng: random.Random) -> Case:
    header = warc_record(9, b"", {"Content-Length": str(rng.choice((100, BOMB_BYTES)))})[: -len(END)]
    return beside(rng, "bomb", gzip_zeros(BOMB_BYTES, rng.choice((b"", header))))


def body_bomb(rng: random.Random) -> Case:
    body = gzip_zeros(BOMB_BYTES)
    block = http_block(body, "Content-Type: text/html\r\nContent-Encoding: gzip\r\n")
    return beside(rng, "body bomb", gzip_member(warc_record(90, block)))


def false_starts(rng: random.Random) -> Case:
    return beside(rng, "false starts", gzip_member(b"WARC/1.0\r\nA: b\r\n\r\n" * rng.randint(1, 3_000)))


def not_warc(rng: random.Random) -> Case:
    data = rng.choice(
        (b"", b"PK\x03\x04" + rng.randbytes(500), b"<html>", b"WARC/1.0", gzip_member(b"x" * 999), bytes(5_000))
    )
    return Case("not a WARC file", data, [])


CRAFTED: tuple[Callable[[random.Random], Case], ...] = (
    lying_length,
    length_off_by_two,
    no_length,
    two_lengths,
    wrong_trailer,
    empty_members,
    lying_extra,
    torn_append,
    wrong_digest,
    unknown_type,
    lying_chunks,
    lying_coding,
    bad_id,
    bomb,
    body_bomb,
    false_starts,
    not_warc,
)


def case_of(seed: int) -> Case:
    """The case of a seed: every second one is a mutation, the others take turns."""
    rng = random.Random(seed)
    return mutated(rng) if seed % 2 else CRAFTED[seed // 2 % len(CRAFTED)](rng)


def faults(case: Case, outcomes: list[Outcome]) -> list[str]:
    """What the reader did wrong."""
    delivered = Counter(outcome.payload for outcome in outcomes if isinstance(outcome, Record))
    found = []
    if lost := Counter(case.owed) - delivered:
        found.append(f"{lost.total()} of {len(case.owed)} intact records lost")
    if case.allowed is not None and (wrong := delivered.keys() - case.allowed - set(case.owed)):
        found.append(f"{len(wrong)} damaged records delivered as intact")
    if case.is_damaged and not any(isinstance(outcome, Damage) for outcome in outcomes):
        found.append("damage passed over in silence")
    if [outcome.ordinal for outcome in outcomes] != list(range(len(outcomes))):
        found.append("outcomes are not numbered in order")
    return found


def main(first: int, count: int) -> dict[str, object]:
    list(read("warc", io.BytesIO(case_of(0).data)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    names, wrong = Counter[str](), []
    for seed in range(first, first + count):
        case = case_of(seed)
        names[case.name] += 1
        wrong += [
            f"seed {seed}, {case.name}: {fault}" for fault in faults(case, list(read("warc", io.BytesIO(case.data))))
        ]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"cases": names, "wrong": wrong, "grown_MiB": grown >> 10}


if __name__ == "__main__":
    BOMB_BYTES = int(sys.argv[3]) if len(sys.argv) > 3 else BOMB_BYTES
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
