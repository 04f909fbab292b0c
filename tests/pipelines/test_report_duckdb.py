"""The report's figures are those that DuckDB computes from the tables, as anybody else would."""

import json
from typing import Any

import duckdb
import pytest
from tiny_corpus import REPEATED, TinyRun

PATTERNS = {
    "ledger": "ledger/*/*.parquet",
    "packed": "shards/*/*/*.docs.parquet",
    **{name: f"{name}/*.parquet" for name in ("documents", "quarantine", "signals", "duplicates", "passages", "clean")},
}
FATE = "coalesce(any_value(l.stage), 'kept')"
PLACES = f"""
    select s.id, any_value(s.source) as source, any_value(s.language) as language, any_value(s.n_chars) as n_chars,
           any_value(s.n_words) as n_words, any_value(s.url) as url, {FATE} as fate
    from signals s left join ledger l on s.id = l.id group by s.id"""


class Database:
    """The tables of a run as views."""

    def __init__(self, run: TinyRun) -> None:
        self._connection = duckdb.connect()
        for name, pattern in PATTERNS.items():
            self._connection.sql(f"create view {name} as from read_parquet('{run.root}/{pattern}')")
        self._connection.sql(f"create table places as {PLACES}")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self._connection.sql(query).fetchall()

    def one(self, query: str) -> Any:
        return self.rows(query)[0][0]


@pytest.fixture(scope="module")
def tables(tiny_run: TinyRun) -> Database:
    return Database(tiny_run)


@pytest.fixture(scope="module")
def found(tiny_run: TinyRun) -> dict[str, Any]:
    return json.loads((tiny_run.root / "report/report.json").read_text())


def test_the_funnel(tables: Database, found: dict[str, Any]) -> None:
    funnel = found["funnel"]
    fates = {one["fate"]: one["records"] for one in funnel["fates"]}
    stages = dict(tables.rows("select stage, count(*) from ledger group by stage"))
    assert fates["damaged"] == tables.one("select count(*) from quarantine")
    assert fates["no text"] == stages.pop("ingest")
    assert {stage: fates[stage] for stage in stages} == stages
    assert fates["kept"] == tables.one("select count(*) from clean")
    assert funnel["documents"] == tables.one("select count(*) from documents")
    assert funnel["characters"] == tables.one("select sum(n_chars) from places")
    assert funnel["kept_characters"] == tables.one("select sum(n_chars) from places where fate = 'kept'")


@pytest.mark.parametrize(("section", "key"), [("sources", "source"), ("languages", "language")])
def test_sources_and_languages(tables: Database, found: dict[str, Any], section: str, key: str) -> None:
    rows = (found["funnel"] if section == "sources" else found[section])[section if section == "sources" else "rows"]
    names = ("documents", "characters", "filter", "dedup", "decontaminate", "kept", "kept_characters")
    expected = tables.rows(f"""
        select {key}, count(*), sum(n_chars), count_if(fate = 'filter'), count_if(fate = 'dedup'),
               count_if(fate = 'decontaminate'), count_if(fate = 'kept'), sum(if(fate = 'kept', n_chars, 0))
        from places group by {key}""")
    assert {(row[key], *(row[name] for name in names)) for row in rows} == set(expected)


def test_reasons(tables: Database, found: dict[str, Any]) -> None:
    rows = found["reasons"]["rows"]
    deciding = {(row["stage"], row["reason"]): row["deciding"] for row in rows if row["deciding"]}
    removed = tables.rows("select stage, reason, count(*) from ledger group by all")
    damaged = tables.rows("select 'ingest', reason, count(*) from quarantine group by all")
    assert deciding == {(stage, reason): n for stage, reason, n in (*removed, *damaged)}
    alone = tables.rows("""
        select reason, count(*), count_if(n = 1) from
        (select unnest(broken) as reason, len(broken) as n from ledger where stage = 'filter') group by reason""")
    assert {(row["reason"], row["alone"], row["only"]) for row in rows if row["alone"]} == set(alone)


def test_hosts(tables: Database, found: dict[str, Any]) -> None:
    host = r"rtrim(lower(regexp_extract(url, '^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:]+)', 1)), '.')"
    expected = tables.rows(f"""
        select {host} as host, count(*), count_if(fate = 'kept'), sum(n_chars), sum(if(fate = 'kept', n_chars, 0))
        from places where url is not null group by host""")
    names = ("host", "documents", "kept", "characters", "kept_characters")
    assert {tuple(row[name] for name in names) for row in found["hosts"]["rows"]} == set(expected)


def test_every_bin_of_every_histogram(tables: Database, found: dict[str, Any]) -> None:
    """Bins are closed on the left or on the right, as the signal's bounds are."""
    for signal in found["signals"]["rows"]:
        series = signal["series"]
        counted = [sum(one["kept"][i] + one["removed"][i] for one in series) for i in range(len(signal["edges"]) + 1)]
        is_left = signal["closed"] == "left"
        place = " + ".join(f"({signal['name']} {'>=' if is_left else '>'} {edge!r})::int" for edge in signal["edges"])
        missing = f"{signal['name']} is null or isnan({signal['name']}::double)"
        bins = dict(
            tables.rows(f"select {place or 0} as bin, count(*) from signals where not ({missing}) group by bin")
        )
        assert counted == [bins.get(i, 0) for i in range(len(counted))], signal["name"]
        assert sum(one["missing"] for one in series) == tables.one(f"select count_if({missing}) from signals")


def test_duplicates(tables: Database, found: dict[str, Any]) -> None:
    duplicates = found["duplicates"]
    assert duplicates["n_clusters"] == tables.one("select count(distinct cluster_id) from duplicates")
    assert sum(row["documents"] for row in duplicates["sizes"]) == tables.one("select count(*) from duplicates")
    bins = dict(
        tables.rows("""
        select least(floor(similarity * 50), 49)::int, count(*) from duplicates where kind = 'near' group by 1""")
    )
    assert duplicates["similarities"] == [bins.get(i, 0) for i in range(50)]
    largest = "select cluster_id, any_value(cluster_size) from duplicates group by cluster_id"
    assert {(row["cluster_id"], row["cluster_size"]) for row in duplicates["largest"]} == set(tables.rows(largest))


def test_passages(tables: Database, found: dict[str, Any]) -> None:
    passages = found["passages"]
    units = tables.rows('select unit, count(*), count(distinct id), sum("end" - start) from passages group by unit')
    assert {tuple(row[name] for name in ("unit", "passages", "documents", "bytes")) for row in passages["units"]} == {
        *units
    }
    largest = tables.rows("""
        select unit, first_id, "end" - start as size, count(*), sum("end" - start), min(id)
        from passages group by all""")
    names = ("unit", "first_id", "size", "passages", "bytes")
    assert {(*(row[name] for name in names), row["example"]["id"]) for row in passages["largest"]} == set(largest)
    assert [row["excerpt"][slice(*row["marks"][0])] for row in passages["largest"]] == [REPEATED]


def test_personal_data(tables: Database, found: dict[str, Any]) -> None:
    """By the stand-ins in clean, which no document of the corpus holds before."""
    stand_ins = {"email": "email@example.com", "ip": "192.0.2.1"}
    counted = {
        kind: tables.rows(f"""
            select source, sum(len(string_split(text, '{text}')) - 1), count_if(contains(text, '{text}'))
            from clean group by source having count_if(contains(text, '{text}')) > 0""")
        for kind, text in stand_ins.items()
    }
    kinds = {row["kind"]: (row["n"], row["documents"]) for row in found["personal_data"]["kinds"]}
    for kind in stand_ins:
        assert kinds[kind] == tuple(sum(row[i] for row in counted[kind]) for i in (1, 2)) == (1, 1)
        assert {row["source"]: row[kind] for row in found["personal_data"]["rows"]} == {
            source: n for source, n, _ in counted[kind]
        }
    assert (kinds["bank_card"], kinds["id_card"]) == ((0, 0), (0, 0))


def test_tokens(tables: Database, found: dict[str, Any]) -> None:
    totals = found["packing"]["totals"]
    (expected,) = tables.rows("select sum(n_tokens), count(*), sum(n_bytes) from packed")
    assert (totals["n_tokens"], totals["n_docs"], totals["n_text_bytes"]) == expected
    words = "(select source, sum(n_words) as words from places where fate = 'kept' group by source)"
    rows = tables.rows(f"""
        select p.source, count(*), sum(n_tokens), sum(n_bytes), any_value(w.words)
        from packed p join {words} w on p.source = w.source group by p.source""")
    names = ("source", "documents", "tokens", "bytes", "words")
    assert {tuple(row[name] for name in names) for row in found["tokenizer"]["sources"]} == set(rows)


def test_a_document_has_one_fate_which_explain_tells(tables: Database, tiny_run: TinyRun, gristmill: Any) -> None:
    """For every document that was removed, and for one that was kept."""
    assert not tables.rows("select id from ledger group by id having count(*) > 1")
    removed = tables.rows("select id, stage, reason from ledger")
    kept = tables.rows("select id, 'kept', '' from clean limit 1")
    for identity, stage, reason in (*removed, *kept):
        said = gristmill("explain", tiny_run.root, identity).out
        verdict = next(line for line in said.splitlines() if line.startswith("verdict"))
        assert stage in verdict
        assert reason in verdict
