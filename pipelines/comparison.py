"""Two runs side by side: what of their figures differs. Reads the two reports' figures and nothing else.

Rows are joined by what they are about; what only one run has is null for the other. Nothing is judged here: whether a
change is for the better is for people to say.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from pipelines.run import Json

Rows = Sequence[Json]


def compare(left: Json, right: Json) -> Json:
    """The figures of two runs (`report.json`) in pairs: totals, fates, sources, reasons, languages, signals, settings,
    inputs and tables."""
    return {
        "totals": joined(totals(left), totals(right), ("name",), ("value",)),
        "fates": joined(left["funnel"]["fates"], right["funnel"]["fates"], ("fate",), ("records",)),
        "sources": joined(left["funnel"]["sources"], right["funnel"]["sources"], ("source",), ("documents", "kept")),
        "reasons": joined(
            left["reasons"]["rows"], right["reasons"]["rows"], ("stage", "reason"), ("deciding", "alone")
        ),
        "languages": joined(
            left["languages"]["rows"], right["languages"]["rows"], ("language",), ("documents", "kept")
        ),
        "signals": signals(left["signals"]["rows"], right["signals"]["rows"]),
        "settings": settings(left["provenance"]["settings"], right["provenance"]["settings"]),
        "inputs": different(
            left["provenance"]["inputs"]["rows"], right["provenance"]["inputs"]["rows"], "file", "sha256"
        ),
        "tables": joined(left["provenance"]["tables"], right["provenance"]["tables"], ("table",), ("rows", "digest")),
        "alerts": different(left["alerts"], right["alerts"], "text", "level"),
    }


def totals(report: Json) -> Rows:
    funnel, packed = report["funnel"], report["packing"]["totals"]
    values = {
        "records": funnel["records"],
        "documents": funnel["documents"],
        "documents kept": funnel["fates"][-1]["records"],
        "characters": funnel["characters"],
        "characters kept": funnel["kept_characters"],
        "tokens": packed["n_tokens"],
        "duplicate clusters": report["duplicates"].get("n_clusters"),
        "checks that fail": report["checks"]["failed"],
    }
    return [{"name": name, "value": value} for name, value in values.items()]


def joined(left: Rows, right: Rows, keys: Sequence[str], values: Sequence[str]) -> Rows:
    """A row for each key of either side, those of the left one first: the key, and [left, right] of each value."""
    sides = [{tuple(row[key] for key in keys): row for row in rows} for rows in (left, right)]
    return [
        dict(zip(keys, key, strict=True)) | {name: [side.get(key, {}).get(name) for side in sides] for name in values}
        for key in dict.fromkeys([*sides[0], *sides[1]])
    ]


def different(left: Rows, right: Rows, key: str, value: str) -> Rows:
    return [row for row in joined(left, right, (key,), (value,)) if row[value][0] != row[value][1]]


def signals(left: Rows, right: Rows) -> Rows:
    """Each signal that has another bound or another histogram: its rows in both reports, the bounds first."""
    pairs = joined(
        [{"name": row["name"], "of": row} for row in left],
        [{"name": row["name"], "of": row} for row in right],
        ("name",),
        ("of",),
    )
    found = [row for row in pairs if row["of"][0] != row["of"][1]]
    return sorted(found, key=lambda row: bounds(row["of"][0]) == bounds(row["of"][1]))


def bounds(signal: Json | None) -> Any:
    """What decides about a signal."""
    return signal and [(variant["languages"], variant["min"], variant["max"]) for variant in signal["variants"]]


def settings(left: Json, right: Json) -> Rows:
    """The keys whose values differ, as JSON."""
    before, after = ([{"key": key, "value": value} for key, value in leaves(side, "")] for side in (left, right))
    return different(before, after, "key", "value")


def leaves(tree: Any, path: str) -> Iterator[tuple[str, str]]:
    """("a.b", value as JSON) of everything that is no mapping."""
    if isinstance(tree, dict) and tree:
        for key, value in tree.items():
            yield from leaves(value, f"{path}.{key}" if path else key)
    else:
        yield path, json.dumps(tree, ensure_ascii=False)
