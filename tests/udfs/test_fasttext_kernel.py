"""The kernel beside fastText itself: the same label and the same float32 score, bit for bit, on every text that can be
made here; and sums over groups, which fastText does not form, beside sums of its own numbers."""

import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import pyarrow as pa
import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from udfs.fasttext_kernel import KernelModel, Scores
from udfs.fasttext_library import LibraryModel
from udfs.language import default_model
from udfs.strings import strings

KNOWN = [
    ("Hello world, this is English text.", "en", 0.93034583, 14),
    ("Bonjour tout le monde", "fr", 0.98954940, 11),
    ("你好,世界", "zh", 0.97480226, 4),
    ("привет мир", "ru", 0.68399304, 8),
    ("", "en", 0.12450418, 1),
]
EDGES = [
    "", " ", "\0", "a\0b", "\n", "a\nb\n", " a", "a ", "de\r\nla\t en\v\fest", "hello\u3000world", "hello\u00a0world",
    "\ufeffhello", "\u2028", "</s>", "Bonjour le monde </s> hello this is English text", "</s", "</s>x", "x</s>",
    "__label__fr", "__label__fr bonjour", "__label__xx yy", "__label__", "__label_", "x__label__fr", "<", ">", "<>",
    "a", "中", "é", "\u0301", "😀", "𠀀", "a" * 10_000, "中" * 10_000, "de " * 10_000, "é\0" * 500,
]  # fmt: skip
PIECES = st.sampled_from([" ", "\n", "\0", "</s>", "__label__", "<", ">", "the", "de", "не", "中", "ü", "\u3000", "😀"])
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=12)), max_size=12).map("".join)


@pytest.fixture(scope="module")
def kernel() -> KernelModel:
    return KernelModel(default_model())


@pytest.fixture(scope="module")
def oracle() -> Any:
    fasttext.FastText.eprint = lambda *args: None
    return fasttext.load_model(default_model())


@pytest.fixture(scope="module")
def library() -> LibraryModel:
    return LibraryModel(default_model())


def predict(kernel: KernelModel, column: Any) -> Scores:
    data, offsets = strings(column)
    return kernel.predict(data, offsets[:-1], offsets[1:], np.arange(len(kernel.labels), dtype=np.int32))


def assert_equal_to_fasttext(kernel: KernelModel, oracle: Any, texts: list[bytes]) -> None:
    found = predict(kernel, pa.array(texts, pa.binary()))
    lines = [text.replace(b"\n", b" ") + b"\n" for text in texts]
    labels, scores = oracle.f.multilinePredict(lines, 1, 0.0, "strict")
    assert [kernel.labels[label] for label in found.label] == [label.removeprefix("__label__") for (label,) in labels]
    assert found.score.tolist() == [score.item() for score in scores]


@pytest.mark.parametrize(("text", "label", "score", "n_rows"), KNOWN)
def test_known_answers(kernel: KernelModel, text: str, label: str, score: float, n_rows: int) -> None:
    found = predict(kernel, pa.array([text]))
    assert (kernel.labels[found.label[0]], found.n_rows[0]) == (label, n_rows)
    assert found.score[0] == pytest.approx(score, abs=5e-9)


def test_edge_cases_are_read_as_fasttext_reads_them(kernel: KernelModel, oracle: Any) -> None:
    assert_equal_to_fasttext(kernel, oracle, [text.encode() for text in EDGES])


@settings(max_examples=300)
@given(st.lists(TEXTS, min_size=1, max_size=20))
def test_any_unicode_is_read_as_fasttext_reads_it(kernel: KernelModel, oracle: Any, texts: list[str]) -> None:
    assert_equal_to_fasttext(kernel, oracle, [text.encode() for text in texts])


@settings(max_examples=300)
@example([b"\x80" * 5000, b"\xf0", b"a\xe4\xb8", b"\xff </s> \xc3"])
@given(st.lists(st.binary(max_size=60), min_size=1, max_size=20))
def test_any_bytes_are_read_as_fasttext_reads_them(kernel: KernelModel, oracle: Any, texts: list[bytes]) -> None:
    assert_equal_to_fasttext(kernel, oracle, texts)


def json_texts(stream: Any) -> list[bytes]:
    return [json.loads(line)["text"].encode() for line in stream]


def real_texts(data: Path, name: str) -> list[bytes]:
    if name == "c4":
        return json_texts(gzip.open(data / "shards" / "c4-en.jsonl.gz"))
    if name == "zh-wet":
        with (data / "warc" / "rewrapped" / "hplt-zh.warc.wet.gz").open("rb") as stream:
            return [r.content_stream().read() for r in ArchiveIterator(stream) if r.rec_type == "conversion"]
    if name == "latin-1":
        with tarfile.open(data / "charsets" / "charsets.tar.gz") as archive:
            members = [archive.extractfile(member) for member in archive if member.isfile()]
            return [member.read()[:20_000].decode("latin-1").encode() for member in members if member]
    with (data / "text" / f"{name}.jsonl.zst").open("rb") as stream:
        return json_texts(io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(stream)))


@pytest.mark.parametrize("name", ["c4", "zh-wet", "latin-1", "udhr-first-half", "zh-poetry"])
def test_real_texts_and_their_lines_are_scored_as_by_fasttext(
    kernel: KernelModel, oracle: Any, shared_data: Path, name: str
) -> None:
    texts = real_texts(shared_data, name)
    assert len(texts) > 100
    assert_equal_to_fasttext(kernel, oracle, texts)
    assert_equal_to_fasttext(kernel, oracle, [line for text in texts[::10] for line in text.split(b"\n")])


@pytest.mark.parametrize("cast", [pa.string(), pa.large_string(), pa.binary()])
def test_slices_chunks_and_wide_offsets_change_nothing(kernel: KernelModel, cast: pa.DataType) -> None:
    column = pa.array([text for text, *_ in KNOWN] * 3).cast(cast)
    expected = predict(kernel, column)
    chunked = pa.chunked_array([column.slice(3, 2), column.slice(5, 0), column.slice(5, 6)])
    for part, shape in ((column.slice(3, 8), "slice"), (chunked, "chunks")):
        for found, whole in zip(predict(kernel, part), expected, strict=True):
            assert found.tolist() == whole[3:11].tolist(), shape


def test_a_null_is_an_empty_text_and_no_text_is_no_row(kernel: KernelModel) -> None:
    assert predict(kernel, pa.array([None, "", "Bonjour"])).n_rows.tolist()[:2] == [1, 1]
    assert len(predict(kernel, pa.array([], pa.string())).label) == 0


def test_group_scores_are_sums_of_the_scores_of_all_labels(kernel: KernelModel, library: LibraryModel) -> None:
    """With twenty random groupings every label is in some sum."""
    data, offsets = strings(pa.array([text for text, *_ in KNOWN] + EDGES[-6:]))
    for seed in range(20):
        groups = dict(zip(kernel.labels, np.random.default_rng(seed).integers(0, 9, 176, np.int32), strict=True))
        ours, theirs = (
            model.predict(data, offsets[:-1], offsets[1:], np.array([groups[label] for label in model.labels]))
            for model in (kernel, library)
        )
        has_evidence = theirs.n_rows > 1
        assert (has_evidence == (ours.n_rows > 1)).all()
        assert ours.group_score[has_evidence] == pytest.approx(theirs.group_score[has_evidence], abs=3e-4)


@given(
    st.lists(
        st.text("a中\u33ff㐀\u4dbf\u4dc0鿿\ua000豈\ufaff\U0001ffff𠀀\U0003ffff\U00040000 é", max_size=9), min_size=1
    )
)
def test_spaced_han_is_read_as_fasttext_reads_it_with_spaces(
    kernel: KernelModel, library: LibraryModel, texts: list[str]
) -> None:
    data, offsets = strings(pa.array(texts))
    ours, theirs = (
        model.predict(data, offsets[:-1], offsets[1:], np.arange(176, dtype=np.int32), han_spacing=True)
        for model in (kernel, library)
    )
    has_evidence = ours.n_rows > 1
    assert has_evidence.tolist() == (theirs.n_rows > 1).tolist()
    assert ours.score[has_evidence].tolist() == theirs.score[has_evidence].tolist()


@pytest.mark.slow
def test_no_array_is_read_or_written_beyond_its_end(tmp_path: Path) -> None:
    """The tests above again, compiled with numba's checks of all indices."""
    environment = {**os.environ, "NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    chosen = "edge or unicode or bytes or slices or null or han"
    subprocess.run([sys.executable, "-m", "pytest", __file__, "-k", chosen], env=environment, check=True)
