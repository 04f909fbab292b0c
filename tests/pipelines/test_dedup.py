"""Duplicates found by the stage, against every pair compared in plain Python."""

import json
from collections import defaultdict
from itertools import combinations
from typing import Any

import pytest
from tiny_corpus import Command, TinyRun, chinese, english, json_lines

from udfs.urls import url_key

BASE, HAN = english(1, 12), chinese(1, 20)
LIKE = BASE.replace(" a ", " one ", 1)
ROWS = {
    "base": {"text": BASE, "date": "2020-01-01"},
    "like": {"text": LIKE, "date": "2018-06-01"},
    "like it": {"text": LIKE.replace("The ", "That ", 1), "date": "2018"},
    "copy of like": {"text": LIKE.replace(" ", "  "), "date": "2019-06-01T12:00:00Z", "url": "http://one.org/"},
    "same url": {"text": english(2), "date": "2022", "url": "https://www.one.org/?utm_source=x"},
    "same url, no date": {"text": english(3, 10), "date": None, "url": "http://one.org"},
    "han": {"text": HAN, "date": "2021"},
    "han like": {"text": HAN.replace("的", "之", 1), "date": "2025"},
    "three words": {"text": "Only three words", "date": "2001"},
    "three words again": {"text": "ONLY three words!", "date": "2002"},
    "no word": {"text": "... !"},
    "no word either": {"text": "?! ..."},
    **{f"alone {i}": {"text": english(30 + i)} for i in range(20)},
}
OLDEST = {
    "same url": ("like it", "url"),
    "same url, no date": ("like it", "url"),
    "copy of like": ("like it", "exact"),
    "like": ("like it", "near"),
    "base": ("like it", "near"),
    "han like": ("han", "near"),
    "three words again": ("three words", "near"),
}
"""What is removed where the oldest is kept: name -> who is kept in the end, and how it was found."""
THRESHOLD = 0.9
ODD_NAME = "run [1] {2} #3 %20 4?"
"""Of the output: Spark takes some of it for a pattern if it is let."""


def plain_shingles(text: str, n: int = 5) -> set[tuple[str, ...]]:
    spaced = "".join(f" {c} " if c > "\u3000" and c.isalpha() else c if c.isalnum() else " " for c in text.lower())
    words = spaced.split()
    return {tuple(words[i : i + n]) for i in range(max(1, len(words) - n + 1))} if words else set()


def plain_jaccard(left: str, right: str) -> float:
    a, b = plain_shingles(left), plain_shingles(right)
    return len(a & b) / len(a | b) if a | b else 0.0


def plain_dedup(documents: list[dict[str, Any]], rank) -> dict[str, dict[str, Any]]:
    """id -> kept_id, kind and similarity of every removed document: URL copies, then text copies, then components."""
    texts = {row["id"]: row["text"] for row in documents}
    removed: dict[str, dict[str, Any]] = {}

    def keep_one(group: list[dict[str, Any]], kind: str) -> None:
        kept, *others = sorted(group, key=rank)
        removed.update({row["id"]: {"kept_id": kept["id"], "kind": kind} for row in others})

    for kind, key in (
        ("url", lambda row: url_key(row["url"] or "")),
        ("exact", lambda row: " ".join(row["text"].split())),
    ):
        groups = defaultdict(list)
        for row in documents:
            if row["id"] not in removed and key(row):
                groups[key(row)].append(row)
        for group in groups.values():
            keep_one(group, kind)
    for group in components([row for row in documents if row["id"] not in removed]):
        keep_one(group, "near")
    for identity, row in removed.items():
        while row["kept_id"] in removed:
            row["kept_id"] = removed[row["kept_id"]]["kept_id"]
        row["similarity"] = None if row["kind"] == "url" else plain_jaccard(texts[identity], texts[row["kept_id"]])
    return removed


def components(documents: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Documents joined by pairs at or above the threshold."""
    groups = {row["id"]: [row] for row in documents}
    for left, right in combinations(documents, 2):
        a, b = groups[left["id"]], groups[right["id"]]
        if a is not b and plain_jaccard(left["text"], right["text"]) >= THRESHOLD:
            a.extend(b)
            groups.update({row["id"]: a for row in b})
    return list({id(group): group for group in groups.values()}.values())


def digits(date: str | None) -> float | None:
    found = "".join(char for char in date or "" if char.isdigit())[:14]
    return float(found.ljust(14, "0")) if found else None


def rank_of(keep: str, row: dict[str, Any]) -> tuple[Any, ...]:
    """Smaller is kept: unknown last; then the longer text; then the smaller id."""
    value = {"best": row.get("quality_score"), "longest": 0.0}.get(keep, digits(row["date"]))
    lead = (value is None, 0.0 if value is None else value if keep == "oldest" else -value)
    return (*lead, -len(row["text"]), row["id"])


def said(run: TinyRun) -> dict[str, dict[str, Any]]:
    """What the table `duplicates` says of the documents that were removed."""
    names = ("kept_id", "kind", "similarity")
    return {row["id"]: {n: row[n] for n in names} for row in run.rows("duplicates") if row["kind"] != "kept"}


@pytest.fixture(scope="module")
def measured(gristmill: Command, tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    """A run over ROWS, up to the filter."""
    folder = tmp_path_factory.mktemp("dedup")
    for number in range(3):
        rows = list(ROWS.values())[number::3]
        (folder / f"in/{number}").mkdir(parents=True)
        (folder / f"in/{number}/rows.jsonl").write_bytes(json_lines(rows) + b"\n" * 3000)
    settings = {
        "output": str(folder / ODD_NAME),
        "inputs": [str(folder / "in")],
        "dedup": {"threshold": THRESHOLD},
        "spark": {"spark.sql.shuffle.partitions": 2},
    }
    (folder / "s.yaml").write_text(json.dumps(settings))
    assert gristmill("run", "--until=filter", "--settings", folder / "s.yaml").code == 0
    return TinyRun(folder, folder / ODD_NAME, folder / "s.yaml", {})


def names_of(run: TinyRun) -> dict[str, str]:
    """id -> name in ROWS."""
    by_text = {row["text"]: name for name, row in ROWS.items()}
    return {row["id"]: by_text[row["text"]] for row in run.rows("documents")}


@pytest.fixture(scope="module")
def oldest(measured: TinyRun, gristmill: Command) -> TinyRun:
    """The run de-duplicated, the oldest of each cluster kept."""
    finished = gristmill("dedup", "--settings", measured.settings, "--set=dedup.keep=oldest")
    assert finished.code == 0, finished.err
    return measured


def test_duplicates_are_those_of_every_pair_compared(oldest: TinyRun):
    expected = plain_dedup(oldest.rows("documents"), lambda row: rank_of("oldest", row))
    assert said(oldest) == expected
    names = names_of(oldest)
    assert {names[one]: (names[row["kept_id"]], row["kind"]) for one, row in expected.items()} == OLDEST
    check_clusters(oldest)


def check_clusters(run: TinyRun) -> None:
    """Every cluster is whole: one kept document, its size, its smallest id; and the ledger has the others."""
    rows = run.rows("duplicates")
    clusters = defaultdict(list)
    for row in rows:
        clusters[row["kept_id"]].append(row)
    for kept, members in clusters.items():
        assert [row["id"] for row in members if row["kind"] == "kept"] == [kept]
        assert {row["cluster_id"] for row in members} == {min(row["id"] for row in members)}
        assert {row["cluster_size"] for row in members} == {len(members)}
    ledger = {row["id"]: (row["matched_id"], row["reason"]) for row in run.rows("ledger/dedup")}
    assert ledger == {row["id"]: (row["kept_id"], row["kind"]) for row in rows if row["kind"] != "kept"}


def test_a_chain_leads_to_the_one_kept_and_each_link_reaches_the_threshold(oldest: TinyRun):
    """`base` is like `like`, which is like `like it`; but `base` is not like `like it`, which is kept."""
    texts = {row["id"]: row["text"] for row in oldest.rows("documents")}
    rows = {name: row for row in oldest.rows("duplicates") if (name := names_of(oldest)[row["id"]])}
    for name in ("base", "like", "han like", "three words again"):
        row = rows[name]
        assert row["matched_similarity"] == plain_jaccard(texts[row["id"]], texts[row["matched_id"]]) >= THRESHOLD
    assert rows["base"]["similarity"] < THRESHOLD
    assert rows["base"]["matched_id"] == rows["like"]["id"]


def test_without_urls_and_bands_only_copies_of_texts_are_found(measured: TinyRun, gristmill: Command):
    changes = ["--set=dedup.engine=exact", "--set=dedup.url=false", "--set=dedup.keep=longest"]
    assert gristmill("dedup", "--settings", measured.settings, *changes).code == 0
    names = names_of(measured)
    found = {names[one]: (names[row["kept_id"]], row["kind"]) for one, row in said(measured).items()}
    assert found == {"like": ("copy of like", "exact")}


def test_spark_ml_finds_the_same(measured: TinyRun, gristmill: Command):
    expected = plain_dedup(measured.rows("documents"), lambda row: rank_of("oldest", row))
    finished = gristmill(
        "dedup", "--settings", measured.settings, "--set=dedup.keep=oldest", "--set=dedup.engine=spark_ml"
    )
    assert finished.code == 0, finished.err
    assert said(measured) == expected
    check_clusters(measured)


def digests_of_oldest(run: TinyRun, gristmill: Command) -> dict[str, str]:
    """Of the tables that the stage writes when the oldest is kept; it is then forgotten that it ran."""
    assert gristmill("dedup", "--settings", run.settings, "--set=dedup.keep=oldest").code == 0
    digests = {name: run.digests()[name] for name in ("duplicates", "compared", "ledger/dedup")}
    (run.root / "runs/dedup.json").unlink()
    return digests


@pytest.mark.parametrize("n", [1, 2, 8])
def test_partitions_of_the_shuffles_and_groups_of_parts_decide_nothing(
    measured: TinyRun, gristmill: Command, monkeypatch: pytest.MonkeyPatch, n: int
):
    before = digests_of_oldest(measured, gristmill)
    for module in ("search", "dedup"):
        monkeypatch.setattr(f"pipelines.{module}.shards_for", lambda *_: n)
    monkeypatch.setattr("pipelines.search.DOCUMENTS_PER_GROUP", 20_000 if n == 1 else 1)
    monkeypatch.setattr("pipelines.dedup.LARGE_BUCKET", 1_000 if n == 2 else 1)
    changes = ["--set=dedup.keep=oldest", f"--set=spark={json.dumps({'spark.sql.shuffle.partitions': n})}"]
    assert gristmill("dedup", "--settings", measured.settings, *changes).code == 0
    assert {name: measured.digests()[name] for name in before} == before


def test_clusters_are_the_same_when_spark_joins_them_in_rounds(
    measured: TinyRun, gristmill: Command, monkeypatch: pytest.MonkeyPatch
):
    before = digests_of_oldest(measured, gristmill)
    monkeypatch.setattr("pipelines.components.MAX_DRIVER_PAIRS", 0)
    monkeypatch.setattr("pipelines.components.EDGES_PER_PARTITION", 2)
    finished = gristmill("dedup", "--settings", measured.settings, "--set=dedup.keep=oldest")
    assert finished.code == 0, finished.err
    assert {name: measured.digests()[name] for name in before} == before


def test_with_drop_all_nothing_that_has_a_duplicate_stays(measured: TinyRun, gristmill: Command):
    changes = ["--set=dedup.keep=oldest", "--set=dedup.drop_all=true"]
    assert gristmill("dedup", "--settings", measured.settings, *changes).code == 0
    names = names_of(measured)
    reasons = {names[row["id"]]: row["reason"] for row in measured.rows("ledger/dedup")}
    kept = dict.fromkeys(("like it", "han", "three words"), "drop_all")
    assert reasons == {name: kind for name, (_, kind) in OLDEST.items()} | kept


def test_a_source_that_has_no_documents_is_refused(measured: TinyRun, gristmill: Command):
    finished = gristmill("dedup", "--settings", measured.settings, "--set=dedup.drop_if_in=wiki")
    assert finished.code == 2
    assert "'wiki', which has no documents" in finished.err
    assert "sources here: in" in finished.err


def test_a_source_that_would_lose_too_much_stops_the_run(measured: TinyRun, gristmill: Command):
    changes = ["--set=dedup.keep=oldest", f"--set=dedup.max_removed_share={(len(OLDEST) - 1) / len(ROWS)}"]
    finished = gristmill("dedup", "--settings", measured.settings, *changes)
    assert finished.code == 65
    assert f"would remove {len(OLDEST)} of {len(ROWS)} documents of in" in finished.err
    assert "dedup.max_removed_share" in finished.err
    allowed = f"--set=dedup.max_removed_share={len(OLDEST) / len(ROWS)}"
    assert gristmill("dedup", "--settings", measured.settings, "--set=dedup.keep=oldest", allowed).code == 0


def test_the_whole_chain_finds_those_of_the_documents_the_filter_left(tiny_run: TinyRun):
    """Texts as the tiny run's edits leave them; among its duplicates no edit touches one."""
    removed = {row["id"] for row in tiny_run.rows("ledger/filter")}
    scores = {row["id"]: row["quality_score"] for row in tiny_run.rows("signals")}
    left = [
        row | {"quality_score": scores[row["id"]]} for row in tiny_run.rows("documents") if row["id"] not in removed
    ]
    assert said(tiny_run) == plain_dedup(left, lambda row: rank_of("best", row))
    check_clusters(tiny_run)
