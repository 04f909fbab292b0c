"""`gristmill explain`: everything a run knows of one document, from its tables; no Spark."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from rich.console import Console
from rich.table import Table as Grid

from jobs.side_by_side import side_by_side
from jobs.terminal import print_json, shown
from pipelines.filter import FilterSettings
from pipelines.measure import MeasureSettings
from pipelines.run import Json, Run
from pipelines.stage import open_table
from udfs import files, signals
from udfs.edits import edit
from udfs.errors import InputError
from udfs.text import Texts

LEDGERS = ("ingest", "filter", "dedup", "decontaminate", "refine")
ID = ds.field("id")
NUMBERS = ("language", "language_score", "quality_score", "n_chars", "n_words")
SHOWN = ("id", "source", "url", "date", "file_path", "record_offset", "record_id", "charset", "extractor", "title")
MAX_PASSAGES = 20
MAX_PASSAGE_CHARS = 60
FIRST_PLACES = ("documents", "ledger/ingest", "quarantine")


def explain_document(run: Run, doc_id: str, console: Console) -> None:
    """Print where the document came from, its signals against their bounds, the verdict and its duplicates."""
    document = the_only(run, doc_id)
    identity = document["id"]
    for name in SHOWN:
        if document.get(name) is not None:
            console.print(f"{name:<14} {shown(document[name])}")
    measured = find(run, "signals", identity)
    if measured:
        print_signals(run, measured, console)
    print_verdict(verdict(run, document), console)
    print_duplicates(run, identity, console)
    print_passages(run, document, console)


def explain_as_json(run: Run, doc_id: str, console: Console) -> None:
    """Print the same as JSON, without the texts of duplicates."""
    document = the_only(run, doc_id)
    measured = find(run, "signals", document["id"])
    found: Json = {name: document.get(name) for name in SHOWN} | verdict(run, document)
    if measured:
        found |= {name: measured[name] for name in NUMBERS} | {"signals": list(judged(run, measured))}
    cut = list(rows_where(run, "passages", ID, document["id"]))
    print_json(console, found | {"duplicate": find(run, "duplicates", document["id"]), "passages": cut})


def the_only(run: Run, doc_id: str) -> dict[str, Any]:
    """The row that says where the document comes from. Raises InputError unless its id alone starts with `doc_id`."""
    rows = {row["id"]: row for table in FIRST_PLACES for row in islice(rows_where(run, table, ID, doc_id), 2)}
    if not rows:
        reason = f"{run.root}: no document has an id that starts with {doc_id!r}"
        raise InputError(reason, "ids stand in the column `id` of every table")
    if len(rows) > 1:
        raise InputError(f"more than one document has an id that starts with {doc_id!r}: {', '.join(rows)} ...")
    return next(iter(rows.values()))


def find(run: Run, table: str, doc_id: str) -> dict[str, Any] | None:
    """The first row whose id starts with `doc_id`; None when there is none, or no such table yet."""
    return next(rows_where(run, table, ID, doc_id), None)


def rows_where(run: Run, table: str, field: Any, prefix: str) -> Iterator[dict[str, Any]]:
    """Rows of a committed table whose `field` starts with `prefix`."""
    import pyarrow.compute as pc

    try:
        committed = open_table(run, table)
    except InputError:
        return
    for part in committed.files:
        fs, path = files.locate(run.path(table, part.path))
        found = ds.dataset(path, filesystem=fs, format="parquet").scanner(filter=pc.starts_with(field, prefix))
        for batch in found.to_batches():
            yield from batch.to_pylist()


def judged(run: Run, measured: dict[str, Any]) -> Iterator[Json]:
    """{signal, value, bound, meets} of every signal of the document; without a bound the last two are null."""
    filtered = run.committed("filter")
    settings = FilterSettings.model_validate(filtered.identity["settings"]["filter"]) if filtered else FilterSettings()
    bounds = settings.intervals(measured["language"])
    for family in signals.FAMILIES:
        for name, value in (measured[family] or {}).items():
            bound = bounds.get(f"{family}.{name}")
            meets = None if bound is None else bool(bound.holds(np.array([value]))[0])
            yield {"signal": f"{family}.{name}", "value": value, "bound": bound and str(bound), "meets": meets}


def print_signals(run: Run, measured: dict[str, Any], console: Console) -> None:
    for name in NUMBERS:
        console.print(f"{name:<14} {measured[name]}")
    grid = Grid("signal", "value", "bound", "", title="signals", title_justify="left")
    for row in judged(run, measured):
        said = {None: "", True: "ok", False: "not met"}[row["meets"]]
        grid.add_row(row["signal"], f"{row['value']:.4g}", row["bound"] or "", said)
    console.print(grid)


def verdict(run: Run, document: dict[str, Any]) -> Json:
    """`verdict`, with the row of the ledger or of quarantine that says why."""
    if "detail" in document:
        return {"verdict": "quarantined", **{name: document[name] for name in ("stage", "reason", "detail")}}
    for stage in LEDGERS:
        if removed := find(run, f"ledger/{stage}", document["id"]):
            return {**removed, "verdict": "removed"}
    return {"verdict": "kept" if find(run, "clean", document["id"]) else "not decided yet"}


def print_verdict(found: Json, console: Console) -> None:
    if found["verdict"] == "removed":
        print_removed(found, console)
    elif found["verdict"] == "quarantined":
        console.print(f"verdict        quarantined by {found['stage']}, {found['reason']}")
        console.print(f"found          {shown(found['detail'])}")
    else:
        console.print(f"verdict        {found['verdict']}")


def print_removed(removed: dict[str, Any], console: Console) -> None:
    bound = f": {removed['value']:.4g}, bound {removed['bound']}" if removed["value"] is not None else ""
    console.print(f"verdict        removed by {removed['stage']}, {removed['reason']}{shown(bound)}")
    if len(removed["broken"]) > 1:
        console.print(f"also not met   {', '.join(removed['broken'][1:])}")
    if removed["stage"] == "ingest" and removed["excerpt"]:
        console.print(f"found          {shown(removed['excerpt'])}")
    if removed["stage"] == "decontaminate":
        console.print(f"holds          {shown(removed['matched_id'])}")


def print_duplicates(run: Run, identity: str, console: Console) -> None:
    duplicate = find(run, "duplicates", identity)
    if duplicate is None:
        console.print("duplicates     none")
        return
    console.print(f"cluster        {duplicate['cluster_id']}, {duplicate['cluster_size']} documents")
    if duplicate["kept_id"] == identity:
        said = {"kept": "this document", "drop_all": "none (dedup.drop_all); this one is preferred"}
        console.print(f"kept           {said[duplicate['kind']]}")
        return
    kept = find_anywhere(run, duplicate["kept_id"])
    place = f"{kept.get('url') or kept.get('file_path') or ''}{kept.get('snapshot', '')}"
    console.print(f"kept           {duplicate['kept_id']} {shown(place)}")
    console.print(f"found as       {duplicate['kind']}")
    console.print(f"similarity     {show(duplicate['similarity'])} (Jaccard, with the kept document)")
    console.print(f"nearest        {duplicate['matched_id']} at {show(duplicate['matched_similarity'])}")
    print_differences(run, identity, kept, console)


def find_anywhere(run: Run, doc_id: str) -> dict[str, Any]:
    """The document of the run, or of a snapshot it was de-duplicated against; empty where that is gone."""
    found = find(run, "documents", doc_id)
    committed = run.committed("dedup")
    for snapshot in committed.counts.get("index", []) if committed and not found else []:
        if found := find(Run(snapshot["run"]), "documents", doc_id):
            return {**found, "snapshot": f" of {snapshot['run']}"}
    return found or {}


def print_differences(run: Run, identity: str, kept: dict[str, Any], console: Console) -> None:
    """Both texts side by side, as ingest wrote them."""
    document = find(run, "documents", identity)
    if document and kept:
        console.print(side_by_side(document["text"], kept["text"], ("this document", "the one kept")))


def print_passages(run: Run, document: dict[str, Any], console: Console) -> None:
    """What `refine` cut out of the document, the beginning of each passage, and where it stands first."""
    cut = list(rows_where(run, "passages", ID, document["id"]))
    text = edited_text(run, document["text"]) if cut else b""
    for row in cut[:MAX_PASSAGES]:
        begin = text[row["start"] : row["end"]].decode("utf-8", "replace")[:MAX_PASSAGE_CHARS]
        place = f"{row['unit']}s at byte {row['start']}, {row['end'] - row['start']} bytes, first in {row['first_id']}"
        console.print(f"cut            {place}: {shown(begin)}")
    if len(cut) > MAX_PASSAGES:
        console.print(f"cut            and {len(cut) - MAX_PASSAGES} more")


def edited_text(run: Run, text: str) -> bytes:
    """The text as `refine` had it, before anything was cut."""
    refined = run.committed("refine")
    assert refined is not None  # it has written the passages
    settings = MeasureSettings.model_validate(refined.identity["settings"]["measure"])
    return edit(Texts(pa.array([text]), settings.words), settings.edits_plan()).texts.arrow[0].as_py().encode()


def show(similarity: float | None) -> str:
    return "not computed" if similarity is None else f"{similarity:.4f}"
