import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import zlib
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import zstandard
from ruamel.yaml import YAML
from warcio.archiveiterator import ArchiveIterator

from jobs.demo_corpus import (
    BAD,
    C4,
    DAMAGED_LINES,
    GOOD,
    LICENCES,
    PARQUET,
    PILE,
    QUESTIONS_PLANTED,
    DemoCorpus,
    demo_settings,
    write_corpus,
)
from jobs.demo_languages import LEGACY_CHARSETS, language_pages
from jobs.demo_pydoc import MODULES
from jobs.demo_questions import questions
from jobs.demo_sources import documents_in, prose
from udfs.errors import OutputError

ROOT = Path(__file__).resolve().parents[2]
SMALL = {"max_modules": 8, "max_packages": 3}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> DemoCorpus:
    return write_corpus(tmp_path_factory.mktemp('a "demo": run') / "corpus", max_modules=60)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> DemoCorpus:
    return write_corpus(tmp_path_factory.mktemp("small"), **SMALL)


def lines_of(path: Path) -> list[bytes]:
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    elif path.suffix == ".zst":
        data = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read()
    return data.splitlines()


def warc_records(path: Path) -> list[tuple[str, str, bytes]]:
    """(type, URL, payload) of every record; warcio raises where a digest differs."""
    with path.open("rb") as stream:
        return [
            (record.rec_type, record.rec_headers.get_header("WARC-Target-URI"), record.content_stream().read())
            for record in ArchiveIterator(stream, check_digests="raise")  # pyright: ignore[reportArgumentType]
        ]


def archives(corpus: DemoCorpus) -> list[str]:
    return [name for name in corpus.records if name.startswith(("warc/", "wet/"))]


def is_row_with_text(line: bytes) -> bool:
    try:
        row = json.loads(line)
    except ValueError:
        return False
    return isinstance(row, dict) and isinstance(row.get("text"), str)


def tree_digest(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_the_corpus_has_at_least_1500_records(corpus: DemoCorpus):
    assert corpus.n_input_records >= 1500
    assert corpus.n_input_records < sum(corpus.records.values())


def test_another_process_with_another_hash_seed_writes_the_same_bytes(small: DemoCorpus, tmp_path: Path):
    script = f"import pathlib, jobs.demo_corpus as c; c.write_corpus(pathlib.Path({str(tmp_path)!r}), **{SMALL})"
    environment = {**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)
    assert tree_digest(tmp_path) == tree_digest(small.folder)


def test_another_seed_deals_the_documents_otherwise(small: DemoCorpus, tmp_path: Path):
    write_corpus(tmp_path, seed=1, **SMALL)
    assert lines_of(tmp_path / C4) != lines_of(small.folder / C4)


def test_every_archive_is_read_by_warcio_with_its_digests_and_counts(corpus: DemoCorpus):
    for name in archives(corpus):
        records = warc_records(corpus.folder / name)
        assert len(records) == corpus.records[name]
        assert records[0][0] == "warcinfo"


def test_archives_hold_every_type_of_record_that_ingest_skips(corpus: DemoCorpus):
    types = Counter(kind for name in archives(corpus) for kind, _, _ in warc_records(corpus.folder / name))
    assert set(types) == {"warcinfo", "response", "request", "metadata", "revisit", "conversion"}
    assert types["response"] > types["request"] == types["metadata"] > 0


def test_every_archived_record_is_a_gzip_member_of_its_own(corpus: DemoCorpus):
    data, n_members = (corpus.folder / LICENCES).read_bytes(), 0
    while data:
        member = zlib.decompressobj(wbits=31)
        assert member.decompress(data).startswith(b"WARC/1.1\r\n")
        data, n_members = member.unused_data, n_members + 1
    assert n_members == corpus.records[LICENCES]


def test_only_the_damaged_lines_of_c4_cannot_be_used(corpus: DemoCorpus):
    lines = lines_of(corpus.folder / C4)
    assert len(lines) == corpus.records[C4]
    assert sorted(line for line in lines if not is_row_with_text(line)) == sorted(DAMAGED_LINES)


def test_the_pile_names_two_sets_and_parquet_has_its_columns(corpus: DemoCorpus):
    rows = [json.loads(line) for line in lines_of(corpus.folder / PILE)]
    assert {row["meta"]["pile_set_name"] for row in rows} == {"PythonStdlib", "PackageDocs"}
    table = pq.read_table(corpus.folder / PARQUET)
    assert table.column_names == ["id", "text", "url", "date"]
    assert table.num_rows == corpus.records[PARQUET]
    assert len(set(table["id"].to_pylist())) == table.num_rows


def test_labelled_texts_are_a_few_hundred_each_and_not_in_the_shards(corpus: DemoCorpus):
    good = [json.loads(line) for line in lines_of(corpus.folder / GOOD)]
    bad = [json.loads(line) for line in lines_of(corpus.folder / BAD)]
    assert len(good) >= 100
    assert len(bad) >= 150
    assert all(row["url"].startswith("https://") for row in good + bad)
    shards = lines_of(corpus.folder / C4) + lines_of(corpus.folder / PILE)
    crawled = {json.loads(line)["text"] for line in shards if is_row_with_text(line)}
    assert crawled.isdisjoint(row["text"] for row in good)


def test_planted_questions_stand_verbatim_in_the_inputs(corpus: DemoCorpus):
    inputs = b"".join(payload for name in archives(corpus) for _, _, payload in warc_records(corpus.folder / name))
    inputs += b"".join(lines_of(corpus.folder / C4))
    inputs += b"".join(lines_of(corpus.folder / PILE))
    table = pq.read_table(corpus.folder / PARQUET)
    inputs += "".join(row["text"] for row in table.to_pylist()).encode()
    found = [row for row in questions() if row["question"].encode() in inputs]
    assert len(found) == corpus.n_planted == sum(QUESTIONS_PLANTED.values())


def test_no_two_questions_share_thirteen_words():
    grams = Counter(gram for row in questions() for gram in {*word_grams(row["question"], 13)})
    assert min(len(row["question"].split()) for row in questions()) >= 13
    assert max(grams.values()) == 1


def word_grams(text: str, n: int) -> list[tuple[str, ...]]:
    words = text.lower().split()
    return list(zip(*(words[i:] for i in range(n)), strict=False))


def test_pages_in_an_older_charset_say_so_and_decode():
    pages = language_pages(seed=0)
    charsets = {page.content_type.partition("charset=")[2] for page in pages}
    assert charsets == {"utf-8", *LEGACY_CHARSETS.values()}
    for page in pages:
        assert "<p>" in page.body.decode(page.content_type.partition("charset=")[2])


def test_a_module_that_cannot_be_imported_is_left_out_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jobs.demo_corpus.MODULES", ["abc", "no_such_module_here"])
    assert write_corpus(tmp_path, max_packages=0).left_out == ("no_such_module_here",)


def test_the_modules_that_are_imported_belong_to_the_standard_library():
    assert {name.partition(".")[0] for name in MODULES} <= sys.stdlib_module_names
    assert len(MODULES) == len(set(MODULES))


def test_a_class_and_its_methods_make_one_document():
    source = '"""%s"""\nclass Mill:\n    """%s"""\n    def grind(self):\n        """%s"""\n'
    module, class_, method = ("word " * 30 + end for end in ("first.", "second.", "third."))
    found = documents_in(source % (module, class_, method), "village.mill", "village")
    assert [(document.name, document.paragraphs) for document in found] == [
        ("village.mill", (module,)),
        ("village.mill.Mill", (class_, method)),
    ]


def test_prose_joins_lines_and_leaves_examples_and_tables_out():
    text = (
        "The first paragraph goes on\nfor longer than eight words.\n\n>>> f(x)\n1\n\n| a | table | of | five | cells |"
    )
    assert prose(text) == ["The first paragraph goes on for longer than eight words."]


def test_the_settings_name_files_of_the_corpus_wherever_it_lies(corpus: DemoCorpus):
    root = corpus.folder.parent
    settings = YAML(typ="safe", pure=True).load(demo_settings(root))
    assert settings["output"] == str(root / "run")
    paths = [path for spec in settings["inputs"] for path in spec["paths"]] + settings["decontaminate"]["sets"]
    assert len(paths) > 1
    assert all(list(root.glob(str(Path(path).relative_to(root)))) for path in paths)


def test_a_folder_that_cannot_be_made_is_an_output_error(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot make this folder"):
        write_corpus(tmp_path / "file" / "corpus")
