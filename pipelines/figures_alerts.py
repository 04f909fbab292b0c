"""What a reader should look at first: rules over the figures, each with what to do about it."""

from collections.abc import Iterator
from itertools import islice

from pipelines.run import Json

MAX_A_RULE = 4
TIMES_CORPUS = 3.0
MIN_DOCUMENTS = 50
"""Sources and languages with fewer documents are not compared with the corpus."""
MIN_SHARE = 0.05
MAX_SHARE = 0.5
MAX_HOST_SHARE = 0.02
MAX_DAMAGED_SHARE = 0.01
MIN_AUC = 0.8


def alerts(report: Json) -> list[Json]:
    """Rows of {level, panel, text, advice}: failed checks first, then warnings, the strongest of each rule first."""
    rules = (
        failed_checks,
        damaged,
        lost_sources,
        heavy_bounds,
        uneven_bounds,
        large_hosts,
        weak_quality_model,
        small_vocabulary,
    )
    return [alert for rule in rules for alert in islice(rule(report), MAX_A_RULE)]


def _alert(panel: str, text: str, advice: str, level: str = "warn") -> Json:
    return {"level": level, "panel": panel, "text": text, "advice": advice}


def failed_checks(report: Json) -> Iterator[Json]:
    for row in report["checks"]["rows"]:
        if not row["success"]:
            text = f"{row['table']}: {row['figure']} is {row['value']}, allowed is {row['min']} to {row['max']}"
            yield _alert("checks", text, "do not train on this run before it is explained", "fail")


def damaged(report: Json) -> Iterator[Json]:
    n_damaged, n_records = report["quarantine"]["records"], report["funnel"]["records"]
    if n_damaged > MAX_DAMAGED_SHARE * n_records:
        text = f"{n_damaged:,} of {n_records:,} records are damaged"
        yield _alert("safety", text, "look at the reasons by file; fetch damaged files again")


def lost_sources(report: Json) -> Iterator[Json]:
    for row in report["funnel"]["sources"]:
        if row["documents"] and not row["kept"]:
            text = f"nothing is kept of the {row['documents']:,} documents of source {row['source']}"
            yield _alert("sources", text, "leave the source out, or give it bounds of its own")


def _bounds(report: Json) -> list[Json]:
    """Reasons that are bounds on a signal, those that remove most first."""
    rows = [row for row in report["reasons"]["rows"] if row["stage"] == "filter" and row["reason"] != "empty"]
    return sorted(rows, key=lambda row: -row["alone"])


def heavy_bounds(report: Json) -> Iterator[Json]:
    documents = report["funnel"]["documents"]
    for row in _bounds(report):
        if row["alone"] > MAX_SHARE * documents:
            text = f"{row['reason']} alone removes {row['alone'] / documents:.1%} of all documents"
            yield _alert("signals", text, "read examples near the bound; is it meant for this corpus?")


def uneven_bounds(report: Json) -> Iterator[Json]:
    """Bounds that remove a source or language far more often than the corpus; the largest ratio first."""
    documents = report["funnel"]["documents"]
    sizes = {
        "source": {row["source"]: row["documents"] for row in report["funnel"]["sources"]},
        "language": {row["language"]: row["documents"] for row in wanted_languages(report)},
    }
    found = []
    for row in _bounds(report):
        corpus = row["alone"] / max(1, documents)
        for kind, of in sizes.items():
            for name, alone in row[f"by_{kind}"].items():
                share = alone / of[name] if of.get(name, 0) >= MIN_DOCUMENTS else 0
                if share >= MIN_SHARE and share > TIMES_CORPUS * corpus:
                    text = f"{row['reason']} removes {share:.1%} of {kind} {name}, {corpus:.1%} of the corpus"
                    found.append((-share / corpus, text, f"consider a bound of its own for this {kind}"))
    yield from (_alert("signals", text, advice) for _, text, advice in sorted(found))


def wanted_languages(report: Json) -> list[Json]:
    """The languages that the filter does not refuse as such."""
    refused = next((row["by_language"] for row in _bounds(report) if row["reason"] == "language"), {})
    return [row for row in report["languages"]["rows"] if refused.get(row["language"], 0) < row["documents"]]


def large_hosts(report: Json) -> Iterator[Json]:
    kept = report["funnel"]["kept_characters"]
    for row in sorted(report["hosts"].get("rows", []), key=lambda row: -row["kept_characters"]):
        if kept and row["kept_characters"] > MAX_HOST_SHARE * kept:
            text = f"host {row['host']} is {row['kept_characters'] / kept:.1%} of the characters kept"
            yield _alert("hosts", text, "make sure that so much of one voice is wanted")


def weak_quality_model(report: Json) -> Iterator[Json]:
    auc = report["quality"].get("held_out", {}).get("auc")
    if auc is not None and auc < MIN_AUC:
        text = f"the quality model's AUC is {auc:.3f} on held-out texts"
        yield _alert("quality", text, "give it more, or cleaner, labelled texts")


def small_vocabulary(report: Json) -> Iterator[Json]:
    training = report["tokenizer"]["training"]
    asked, found = training.get("vocab_size_asked"), training.get("vocab_size")
    if asked and found < asked:
        text = f"the tokenizer has {found:,} tokens, {asked:,} were asked for"
        yield _alert("tokenizer", text, "the text has no more pairs to merge: learn from more, or ask for fewer")
