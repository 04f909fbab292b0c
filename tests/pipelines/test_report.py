"""The report of a run made by hand, whose every figure is known; hostile text in it; and of a run that kept nothing."""

import copy
import csv
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest

from jobs.settings import Settings
from jobs.stages import STAGES
from pipelines import figures_duplicates, histograms
from pipelines.figures_flow import FATES
from pipelines.figures_run import balances
from pipelines.report_page import render
from pipelines.run import Committed, Run, Table, to_json
from pipelines.stage import execute
from pipelines.tables import schema_of
from udfs import files, signals
from udfs.parts import PartFile, part_name, write_part
from udfs.shards import SUFFIXES, Manifest, ShardWriter, Tokenizer, write_manifest

EVIL = "</script><img src=x onerror=alert(1)><!--"


class Document(NamedTuple):
    """A document of the run: what `measure` saw, and the stage that removed it, or `kept`."""

    source: str
    language: str
    words: int
    url: str | None
    excerpt: str
    fate: str


WORDS = "gopher.word_count"
DOCUMENTS = {
    "a": Document("crawl", "en", 5, "https://one.example/a", "kept; mail me@people.example", "kept"),
    "b": Document("crawl", "en", 60, "https://one.example/b", "kept, for its copy goes", "kept"),
    "c": Document("crawl", "en", 2, "https://=cmd()/c", EVIL, "filter"),
    "d": Document("crawl.b", "zh", 1, None, "\x00\u202eodd", "filter"),
    "e": Document("crawl", "en", 60, "https://one.example/e", "a near copy", "dedup"),
    "f": Document("crawl.b", "en", 40, "https://two.example/f", "a question", "decontaminate"),
    "g": Document("crawl.b", "en", 3, "https://two.example/g", "just meets the bound", "kept"),
}
LEDGER = {
    "c": {"reason": WORDS, "broken": [WORDS], "value": 2.0},
    "d": {"reason": "language", "broken": ["language", WORDS]},
    "e": {"reason": "near"},
    "f": {"reason": "evaluation_overlap", "matched_id": "quiz:1:text"},
}
SETTINGS: dict[str, Any] = {
    "inputs": ["unused"],
    "filter": {"languages": {"en": 0.65}, "bounds": {"gopher": {"word_count": {"min": 3, "max": 100}}}},
}


def id_of(name: str) -> str:
    return f"{name:0>32}"


def signals_row(name: str, one: Document) -> dict[str, Any]:
    families = {family: dict.fromkeys(signals.names(family), 0.25) for family in signals.FAMILIES}
    families["gopher"]["word_count"] = one.words
    row = {"id": id_of(name), "source": one.source, "url": one.url, "language": one.language, "language_score": 0.9}
    return {**row, "n_chars": 10 * one.words, "n_words": one.words, "excerpt": one.excerpt, **families}


def write_table(run: Run, table: str, rows: list[dict[str, Any] | None]) -> Table:
    """Rows dealt to two parts in turn; None is a document that the table does not name, but which counts as a row."""
    schema, written = schema_of(table), []
    for number in (0, 1):
        chosen = [{"row": i, **row} for i, row in enumerate(rows[number::2]) if row is not None]
        batches = [pa.RecordBatch.from_pylist(chosen, schema)] if chosen else []
        written.append(write_part(run.path(table), part_name(number, "by-hand"), schema, batches))
    return Table(table, tuple(part for part in written if part))


def describe_files(run: Run, table: str, names: list[str]) -> Table:
    found = {name: files.fingerprint(run.path(table, name)) for name in names}
    return Table(table, tuple(PartFile(name, 0, one.n_bytes, one.sha256, "0" * 32) for name, one in found.items()))


def write_shards(run: Run, kept: dict[str, Document]) -> Table:
    """A shard for each source; every document is eight tokens long."""
    splits: dict[str, Any] = {"train": {}}
    for source in sorted({one.source for one in kept.values()}):
        with ShardWriter(run.path("shards"), f"train/{source}/shard", 300) as writer:
            for name, one in kept.items():
                row = {"doc_id": id_of(name), "source": one.source, "lang": one.language, "n_bytes": 10 * one.words}
                if one.source == source:
                    writer.write(np.arange(8), row | dict.fromkeys(("url", "snapshot", "quality", "dup_cluster")))
        splits["train"][source] = [writer.shard]
    manifest = Manifest("pretrain", "ids EOS", Tokenizer("0" * 64, 300, 1, 2, 0), {"seed": 0}, {}, splits)
    write_manifest(run.path("shards"), manifest)
    prefixes = [shard.path for shard in manifest.shards()]
    return describe_files(
        run, "shards", [path + SUFFIXES[kind] for path in prefixes for kind in ("bin", "idx", "docs")]
    )


def commit(run: Run, stage: str, tables: list[Table], counts: dict[str, Any], settings: dict[str, Any]) -> None:
    identity = {"settings": settings, "tables": {}, "code": {"sources": "0" * 64, "python": "3"}}
    committed = Committed("0" * 64, identity, {table.name: table for table in tables}, counts, {}, 1.5)
    record = {"started": "2026-01-02T03:04:05Z", "command": "gristmill run --set a.secret=hush"}
    run.write_record(stage, {**record, "committed": to_json(committed)})


def write_run(folder: Path, documents: dict[str, Document]) -> Run:
    """The tables and records of the stages above the report: the documents, a damaged record, one without text, and one
    that is no content."""
    run = Run(str(folder))
    kept = {name: one for name, one in documents.items() if one.fate == "kept"}
    names = [{"id": id_of(name), "source": one.source} for name, one in documents.items()]
    damaged = {"source": "crawl", "file_path": "f", "record_offset": 7, "reason": "not_json", "detail": EVIL}
    no_text = {"id": id_of("z"), "source": "crawl", "stage": "ingest", "reason": "no_text"}
    became = {"skipped": {"request": 1}, "quarantined": 1, "removed": 1, "documents": len(documents)}
    counts = {
        "files": [{"source": "crawl", "path": "f", "records": len(documents) + 3, **became}],
        "quarantined": [{"source": "crawl", "reason": "not_json", "n": 1}],
        "removed": [{"source": "crawl", "reason": "no_text", "n": 1}],
    }
    texts = [row | {"text": one.excerpt} for row, one in zip(names, documents.values(), strict=True)]
    ingested = {"documents": texts, "quarantine": [damaged], "ledger/ingest": [no_text]}
    commit(run, "ingest", [write_table(run, table, rows) for table, rows in ingested.items()], counts, {"inputs": []})
    measured = write_table(run, "signals", [signals_row(name, one) for name, one in documents.items()])
    commit(run, "measure", [measured], {}, {"quality.model": "none"})
    clean = write_table(run, "clean", [row for row in names if row["id"][-1] in kept])
    copies = write_table(run, "duplicates", cluster() if "e" in documents else [])
    extra = {"dedup": [copies], "refine": [write_table(run, "passages", []), clean]}
    settings = {
        "filter": {"quality.min_score": None},
        "decontaminate": {"decontaminate": {"sets": [{"name": "quiz"}], "n": 13, "share": 0.5}},
        "refine": {"refine": {"pii": True, "passages": []}, "measure": {}},
    }
    for stage in ("filter", "dedup", "decontaminate", "refine"):
        table, removed = write_ledger(run, stage, documents)
        counts = {"removed": removed, "replaced": [{"source": "crawl", "kind": "email", "n": 2, "documents": 1}]}
        commit(run, stage, [table, *extra.get(stage, [])], counts, settings.get(stage, {}))
    files.write_bytes(run.path("tokenizer", "tokenizer.json"), b"{}")
    commit(run, "train_tokenizer", [describe_files(run, "tokenizer", ["tokenizer.json"])], {"words": 12}, {})
    commit(run, "pack", [write_shards(run, kept)], {}, {})
    files.write_bytes(run.path("validation", "results.json"), b'{"results": []}')
    commit(run, "validate", [describe_files(run, "validation", ["results.json"])], {}, {})
    return run


def cluster() -> list[dict[str, Any] | None]:
    shared = {"cluster_id": id_of("b"), "cluster_size": 2, "kept_id": id_of("b")}
    found = {"b": ("kept", 1.0), "e": ("near", 0.9)}
    return [{"id": id_of(name), "kind": kind, "similarity": s, **shared} for name, (kind, s) in found.items()]


def write_ledger(run: Run, stage: str, documents: dict[str, Document]) -> tuple[Table, list[dict[str, Any]]]:
    """The ledger, cut like the documents, and the counts that its stage records."""
    rows: list[dict[str, Any] | None] = [
        {
            "id": id_of(name),
            "source": one.source,
            "url": one.url,
            "excerpt": one.excerpt,
            "stage": stage,
            **LEDGER[name],
        }
        if one.fate == stage
        else None
        for name, one in documents.items()
    ]
    removed = [{"source": row["source"], "reason": row["reason"], "n": 1} for row in rows if row]
    return write_table(run, f"ledger/{stage}", rows), removed


def make_report(run: Run, spark: Any) -> Path:
    settings = Settings.model_validate({**SETTINGS, "output": run.root})
    assert execute(STAGES["report"], run, settings, lambda: spark, "test")
    return Path(run.path("report"))


@pytest.fixture(scope="module")
def folder(spark, tmp_path_factory) -> Path:
    return make_report(write_run(tmp_path_factory.mktemp("by-hand") / "run", DOCUMENTS), spark)


@pytest.fixture(scope="module")
def found(folder) -> dict[str, Any]:
    return json.loads((folder / "report.json").read_text())


@pytest.fixture(scope="module")
def page(folder) -> str:
    return (folder / "index.html").read_text()


def test_every_record_is_in_one_place(found):
    fates = {one["fate"]: one["records"] for one in found["funnel"]["fates"]}
    assert fates == {
        "no content": 1, "damaged": 1, "no text": 1, "filter": 2, "dedup": 1, "decontaminate": 1,
        "refine": 0, "kept": 3,
    }  # fmt: skip
    assert found["funnel"]["records"] == sum(fates.values()) == 10
    assert found["funnel"]["kept_characters"] == 680


def test_documents_of_each_source_and_language_add_up(found):
    by_source = {row["source"]: row for row in found["funnel"]["sources"]}
    assert by_source["crawl"] == {
        "source": "crawl", "documents": 4, "characters": 1270, "filter": 1, "dedup": 1, "decontaminate": 0,
        "refine": 0, "kept": 2, "kept_characters": 650, "clean": 2,
    }  # fmt: skip
    for row in (*found["funnel"]["sources"], *found["languages"]["rows"]):
        assert row["documents"] == sum(row[fate] for fate in FATES)


def test_a_bound_counts_what_it_decides_what_it_removes_alone_and_what_nothing_else_removes(found):
    rows = {row["reason"]: row for row in found["reasons"]["rows"]}
    assert list(rows) == ["not_json", "no_text", "empty", "language", WORDS, "near", "evaluation_overlap"]
    assert [rows[WORDS][name] for name in ("deciding", "alone", "only")] == [1, 2, 1]
    assert [rows["language"][name] for name in ("deciding", "alone", "only")] == [1, 1, 0]
    assert rows[WORDS]["by_source"] == {"crawl": 1, "crawl.b": 1}


def test_a_histogram_holds_every_document_and_its_bounds_are_edges(found):
    signal = next(row for row in found["signals"]["rows"] if row["name"] == WORDS)
    assert sum(sum(s["kept"]) + sum(s["removed"]) + s["missing"] for s in signal["series"]) == len(DOCUMENTS)
    assert sum(sum(s["removed"]) for s in signal["series"]) == 2
    first, last = histograms.places_in_force(signal, signal["variants"][0])
    assert signal["edges"][first - 1] == 3
    assert 100 < signal["edges"][last - 1] < 100.0001
    assert histograms.outside(signal) == 2


def test_examples_stand_on_both_sides_of_the_bound_nearest_first(found):
    near = [row for row in found["examples"]["rows"] if row["reason"] == WORDS]
    assert [(row["id"][-1], row["meets"], row["value"]) for row in near[:4]] == [
        ("c", False, 2), ("d", False, 1), ("g", True, 3), ("a", True, 5),
    ]  # fmt: skip
    assert near[0]["removed_by"] == f"filter: {WORDS}"
    assert {row["reason"] for row in found["examples"]["rows"]} >= {"near", "evaluation_overlap", "no_text", "language"}


def test_duplicates_tokens_and_evaluation_sets(found):
    assert found["duplicates"]["n_clusters"] == 1
    assert found["duplicates"]["sizes"] == [{"size": "2", "clusters": 1, "documents": 2}]
    assert found["duplicates"]["similarities"][45] == 1
    assert found["duplicates"]["largest"][0]["kept_id"] == id_of("b")
    (pair,) = found["duplicates"]["pairs"]
    left, right = (["".join(run["text"] for run in row[side]) for row in pair["rows"]] for side in ("left", "right"))
    assert (left, right) == ([DOCUMENTS["b"].excerpt], [DOCUMENTS["e"].excerpt])
    assert [run["text"] for run in pair["rows"][0]["right"] if not run["differs"]] == [" copy"]
    assert found["passages"] == {"not_computed": "refine.passages names none to cut, or none stands twice"}
    assert found["personal_data"]["rows"] == [{"source": "crawl", "email": 2, "ip": 0, "id_card": 0, "bank_card": 0}]
    assert found["decontamination"]["rows"] == [{"set": "quiz", "documents": 1, "items": 1}]
    assert found["packing"]["totals"]["n_tokens"] == 24
    rates = {row["source"]: row for row in found["tokenizer"]["sources"]}
    assert rates["crawl"]["bytes_per_token"] == 650 / 16
    assert rates["crawl"]["tokens_per_word"] == 16 / 65


def test_a_line_of_many_changes_is_cut_and_says_so():
    left, right = (" ".join(f"{word} {i}" for i in range(500)) for word in ("one", "other"))
    (row,) = figures_duplicates.side_by_side(left, right)["rows"]
    for side in ("left", "right"):
        assert row[side][-1] == {"text": figures_duplicates.ELLIPSIS, "differs": False}
        assert len(row[side]) <= figures_duplicates.MAX_RUNS + 1
        assert sum(len(run["text"]) for run in row[side]) <= figures_duplicates.MAX_LINE + 3
    (row,) = figures_duplicates.side_by_side("a " * 600, "b")["rows"]
    assert row["left"][0]["text"].count(figures_duplicates.ELLIPSIS) == 1


def test_every_check_holds(found):
    assert found["checks"]["failed"] == 0
    assert found["checks"]["passed"] > 5


def test_every_check_holds_for_a_run_of_the_whole_chain(tiny_run):
    found = json.loads((tiny_run.root / "report" / "report.json").read_text())
    assert found["checks"]["failed"] == 0


def test_counts_that_disagree_are_named_by_a_check(found):
    changed = copy.deepcopy(found)
    changed["funnel"]["fates"][-1]["records"] -= 1
    changed["funnel"]["sources"][0]["clean"] -= 1
    next(row for row in changed["reasons"]["rows"] if row["reason"] == WORDS)["alone"] += 1
    assert {figure: value for figure, value in balances(changed) if value} == {
        "records that are nowhere": 1,
        "documents of crawl kept, less those in clean": 1,
        f"documents outside {WORDS} by bins, less those by the ledger": -1,
    }
    assert "✕ 1</b> records lost" in render(changed, {"name": "run", "stages": []}).decode()


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_page_text_is_never_markup(page):
    tags = Tags()
    tags.feed(page)
    assert "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;" in page
    assert [tag for tag, _ in tags.found].count("script") == 1
    assert not {"img", "iframe", "object", "embed", "link", "base", "form"} & {tag for tag, _ in tags.found}
    assert not [name for _, attributes in tags.found for name in attributes if name.startswith("on") or name == "style"]
    assert "\x00" not in page


def test_the_page_asks_for_nothing_from_anywhere(page):
    tags = Tags()
    tags.feed(page)
    links = [
        value or "" for _, attributes in tags.found for name, value in attributes.items() if name in ("src", "href")
    ]
    assert all(re.fullmatch(r"#[\w.-]+|report\.json|summary\.md", link) for link in links)
    assert "@import" not in page
    assert "url(" not in page
    policy = next(attributes["content"] for _, attributes in tags.found if "http-equiv" in attributes)
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'sha256-")


def test_every_link_inside_the_page_has_its_target(page):
    tags = Tags()
    tags.feed(page)
    ids = [attributes["id"] for _, attributes in tags.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    inner = {attributes["href"] for tag, attributes in tags.found if tag == "a"} - {"report.json", "summary.md"}
    assert inner <= {f"#{name}" for name in ids}


def test_addresses_of_people_and_secrets_do_not_reach_the_report(folder, page):
    for text in (page, *(path.read_text() for path in folder.rglob("*") if path.is_file())):
        assert "me@people.example" not in text
        assert "hush" not in text


def test_no_cell_of_a_table_is_a_formula(folder):
    for path in (folder / "tables").iterdir():
        for row in csv.reader(path.read_text().splitlines()):
            assert not [cell for cell in row if re.match(r"[=+\-@\t\r]", cell)]
    assert "'=cmd()" in (folder / "tables" / "hosts.csv").read_text()


def test_the_summary_starts_with_what_was_kept(folder):
    assert (folder / "summary.md").read_text().startswith("# 3 of 10 records kept, 24 tokens\n")


def test_equal_runs_at_other_times_and_places_have_equal_figures(folder, spark, tmp_path):
    shutil.copytree(folder.parent, tmp_path / "elsewhere")
    run = Run(str(tmp_path / "elsewhere"))
    for path in Path(run.path("runs")).iterdir():
        record = json.loads(path.read_text())
        record["started"], record["command"], record["committed"]["seconds"] = "2030-01-01T00:00:00Z", "x", 99.0
        path.write_text(json.dumps(record))
    Path(run.path("runs", "report.json")).unlink()
    again = make_report(run, spark)
    names = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    different = [str(name) for name in names if (folder / name).read_bytes() != (again / name).read_bytes()]
    assert different == ["index.html"]
    digests = [Run(str(one.parent)).committed("report").tables["report"].digest for one in (folder, again)]
    assert digests[0] == digests[1]


def test_a_run_that_kept_nothing_has_a_report(spark, tmp_path):
    folder = make_report(write_run(tmp_path / "run", {}), spark)
    found = json.loads((folder / "report.json").read_text())
    assert found["checks"]["failed"] == 0
    assert found["hosts"] == {"not_computed": "no document has a URL"}
    assert "0</b> kept" in (folder / "index.html").read_text()
