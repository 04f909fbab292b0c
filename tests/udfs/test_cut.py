"""Files read in spans: the records of the spans together are those of the whole file, damage included."""

import io
import json
import random

import pytest
from hostile_warcs import MUTATIONS, make, mutate
from hypothesis import given
from hypothesis import strategies as st
from warc_bytes import STORAGES, gzip_member

from udfs.members import USUAL_LIMITS, Limits
from udfs.readers import Kind, cut, read
from udfs.records import WHOLE, Outcome


def read_whole(kind: Kind, data: bytes) -> list[Outcome]:
    return list(read(kind, io.BytesIO(data)))


def read_in_spans(kind: Kind, data: bytes, n_bytes: int) -> tuple[int, list[Outcome]]:
    """(number of spans, the outcomes of all of them in order)."""
    spans = cut(kind, io.BytesIO(data), USUAL_LIMITS, n_bytes)
    return len(spans), [outcome for span in spans for outcome in read(kind, io.BytesIO(data), span=span)]


@given(st.integers(0, 2**32), st.sampled_from(STORAGES), st.sampled_from(("none", *MUTATIONS)), st.integers(1, 9_000))
def test_spans_of_a_warc_file_hold_what_the_whole_does(seed: int, storage: str, kind: str, n_bytes: int) -> None:
    rng = random.Random(seed)
    data = make(rng, storage).stored.data
    if kind != "none":
        data, _ = mutate(rng, data, kind)
    assert read_in_spans("warc", data, n_bytes)[1] == read_whole("warc", data)


@pytest.mark.parametrize(
    ("storage", "can_be_cut"), [("plain", True), ("gzip", True), ("zstd", True), ("gzip_one", False)]
)
def test_a_file_is_cut_where_its_records_can_be_reached(storage: str, can_be_cut: bool) -> None:
    made = make(random.Random(1), storage)
    n_spans, _ = read_in_spans("warc", made.stored.data, 1)
    assert n_spans == (len(made.records) if can_be_cut else 1)


def test_a_file_that_is_given_up_is_not_cut() -> None:
    data = make(random.Random(1), "gzip").stored.data
    flood = data + gzip_member(b"") * 50
    assert cut("warc", io.BytesIO(flood), Limits(n_members=20), 1) == [WHOLE]


@given(
    st.lists(st.sampled_from([b'{"text": "a"}', b"", b"not json", b" ", b"\x1f\x8b\x08", b"x" * 50])),
    st.integers(1, 40),
)
def test_spans_of_json_lines_hold_what_the_whole_does(lines: list[bytes], n_bytes: int) -> None:
    data = json.dumps({"text": "first"}).encode() + b"\n" + b"\n".join(lines)
    assert read_in_spans("jsonl", data, n_bytes)[1] == read_whole("jsonl", data)


def test_compressed_json_lines_are_one_span() -> None:
    assert cut("jsonl", io.BytesIO(gzip_member(b'{"text": "a"}\n' * 9)), USUAL_LIMITS, 1) == [WHOLE]
