"""What a reader should look at first: rules over the figures, each with what to do about it."""

from collections.abc import Iterator

from pipelines.run import Json

MAX_ALERTS = 20
TIMES_CORPUS = 3.0
MIN_DOCUMENTS = 50
"""Sources and languages with fewer documents are not compared with the corpus."""
MIN_SHARE = 0.05
MAX_SHARE = 0.5
MAX_DOMAIN_SHARE = 0.02
MAX_DAMAGED_SHARE = 0.01
MIN_AUC = 0.8


def alerts(report: Json) -> list[Json]:
    """Rows of {level, panel, text, advice}: failed checks first, then warnings, the strongest of each rule first."""
    found = [
        *_failed_checks(report), *_heavy_filters(report), *_uneven_filters(report), *_idle_filters(report),
        *_domains(report), *_damaged(report), *_lost_sources(report), *_quality(report),
    ]  # fmt: skip
    return found[:MAX_ALERTS]


def _alert(panel: str, text: str, advice: str, level: str = "warn") -> Json:
    return {"level": level, "panel": panel, "text": text, "advice": advice}


def _failed_checks(report: Json) -> Iterator[Json]:
    for row in report["checks"]["rows"]:
        if not row["success"]:
            text = f"{row['table']}: {row['figure']} is {row['value']}, allowed is {row['min']} to {row['max']}"
            yield _alert("checks", text, "do not train on this run before it is explained", "fail")


def _bounds(report: Json) -> list[Json]:
    return [row for row in report["reasons"]["rows"] if row["stage"] == "filter" and row["reason"] != "empty"]


def _heavy_filters(report: Json) -> Iterator[Json]:
    documents = report["reasons"]["documents"]
    for row in sorted(_bounds(report), key=lambda row: -row["alone"]):
        if documents and row["alone"] > MAX_SHARE * documents:
            text = f"{row['reason']} alone removes {row['alone'] / documents:.1%} of all documents"
            yield _alert("filters", text, "read examples near the bound; is the bound meant for this corpus?")


def _idle_filters(report: Json) -> Iterator[Json]:
    idle = [row["reason"] for row in _bounds(report) if not row["alone"]]
    if idle and report["reasons"]["documents"]:
        some = ", ".join(idle[:8]) + (f" and {len(idle) - 8} more" if len(idle) > 8 else "")
        yield _alert(
            "filters",
            f"{len(idle)} bounds remove nothing: {some}",
            "harmless, or a sign that a signal is not measured as you think",
        )


def _uneven_filters(report: Json) -> Iterator[Json]:
    """Bounds that remove a source or language far more often than the corpus; the worst ten."""
    groups = [
        (kind, key, {row[kind]: row["documents"] for row in rows})
        for kind, key, rows in (
            ("source", "by_source", report["funnel"]["sources"]),
            ("language", "by_language", report["languages"]["rows"]),
        )
    ]
    found = []
    for row in _bounds(report):
        corpus = row["alone"] / max(1, report["reasons"]["documents"])
        for kind, key, sizes in groups:
            for name, alone in row[key].items():
                share = alone / sizes[name] if sizes.get(name, 0) >= MIN_DOCUMENTS else 0
                if share >= MIN_SHARE and share > TIMES_CORPUS * corpus:
                    text = f"{row['reason']} removes {share:.1%} of {kind} {name}, {corpus:.1%} of the corpus"
                    found.append(
                        (share / corpus, _alert("filters", text, f"consider a bound of its own for this {kind}"))
                    )
    found.sort(key=lambda one: -one[0])
    yield from (alert for _, alert in found[:10])


def _domains(report: Json) -> Iterator[Json]:
    kept = report["totals"]["kept_characters"]
    for row in report["domains"].get("rows", []):
        if kept and row["kept_characters"] > MAX_DOMAIN_SHARE * kept:
            text = f"domain {row['host']} is {row['kept_characters'] / kept:.1%} of the characters kept"
            yield _alert("domains", text, "make sure that so much of one voice is wanted")


def _damaged(report: Json) -> Iterator[Json]:
    totals = report["totals"]
    if totals["quarantined"] > MAX_DAMAGED_SHARE * totals["records"]:
        text = f"{totals['quarantined']:,} of {totals['records']:,} records are damaged"
        yield _alert("safety", text, "look at the reasons by file; fetch damaged files again")


def _lost_sources(report: Json) -> Iterator[Json]:
    lost = [row["source"] for row in report["funnel"]["sources"] if row["documents"] and not row["kept"]]
    if lost:
        some = ", ".join(lost[:8]) + (f" and {len(lost) - 8} more" if len(lost) > 8 else "")
        yield _alert("funnel", f"nothing is kept of {some}", "leave the source out, or give it bounds of its own")


def _quality(report: Json) -> Iterator[Json]:
    auc = report["quality"].get("held_out", {}).get("auc")
    if auc is not None and auc < MIN_AUC:
        yield _alert(
            "quality",
            f"the quality model's AUC is {auc:.3f} on held-out texts",
            "give it more, or cleaner, labelled texts",
        )
