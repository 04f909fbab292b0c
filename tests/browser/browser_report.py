"""Reports for the browser: where pictures go, and the largest report there can be."""

import base64
import copy
import math
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.figures_duplicates import LARGEST, MAX_LINES, PAIRS, side_by_side
from pipelines.figures_flow import MAX_HOSTS, MAX_LANGUAGES
from pipelines.figures_run import MAX_CHECKS, MAX_DAMAGED, MAX_INPUTS
from pipelines.figures_tuning import KEPT, MAX_NUMBERS
from udfs.excerpts import MAX_MARKS

SCREENS = Path(__file__).resolve().parent.parent.parent / "build" / "screens"
"""Where pictures of the pages are left for people to look at."""
N_SOURCES, N_SIGNALS, N_BOUNDS, N_BINS, N_SERIES = 200, 135, 60, 80, 11
EXCERPT = "One of many excerpts, each of them as long as they get, with words 永和九年 of two scripts. " * 4


def wide_report(report: dict[str, Any]) -> dict[str, Any]:
    """The report with 200 sources and 135 signals, 60 of them with a bound, and every list as long as it may be."""
    made, random = copy.deepcopy(report), np.random.default_rng(0)
    names = [f"family_{i // 12}.a_signal_with_a_long_name_{i}" for i in range(N_SIGNALS)]
    made["signals"]["rows"] = [wide_signal(name, i < N_BOUNDS, random) for i, name in enumerate(names)]
    bound = next(row for row in report["reasons"]["rows"] if row["stage"] == "filter")
    made["reasons"]["rows"] = [bound | {"reason": name} for name in names[:N_BOUNDS]]
    near = next(row for row in report["examples"]["rows"] if row["stage"] == "filter")
    marks = [[place, place + 9] for place in range(0, 20 * MAX_MARKS, 20)]
    cards = [near | {"reason": name, "excerpt": EXCERPT[:300], "marks": marks} for name in names[:N_BOUNDS]]
    made["examples"]["rows"] = cards * 8
    made["duplicates"]["pairs"] = [wide_pair(made["duplicates"]["largest"][0])] * PAIRS
    made["passages"]["largest"] *= LARGEST
    funnel = made["funnel"]
    lists = (
        (funnel["sources"], "source", N_SOURCES), (funnel["inputs"], "input", N_SOURCES),
        (made["hosts"]["rows"], "host", MAX_HOSTS), (made["languages"]["rows"], "language", MAX_LANGUAGES),
        (made["checks"]["rows"], "figure", MAX_CHECKS), (made["quarantine"]["rows"], "file_path", MAX_DAMAGED),
        (made["provenance"]["inputs"]["rows"], "file", MAX_INPUTS),
        (made["personal_data"]["rows"], "source", N_SOURCES),
    )  # fmt: skip
    for rows, key, length in lists:
        rows[:] = [rows[0] | {key: f"{key} number {i} of a long list"} for i in range(length)]
    n_documents = MAX_NUMBERS // N_SIGNALS
    codes = random.integers(0, N_BINS, (N_SIGNALS, n_documents)).astype("<u2")
    data = random.integers(0, 5, n_documents).astype("u1").tobytes() + codes.tobytes()
    made["tuning"] |= {"documents": n_documents, "columns": names, "data": base64.b64encode(data).decode()}
    return made


def wide_pair(cluster: dict[str, Any]) -> dict[str, Any]:
    """Two texts that differ in every other word of more and longer lines than are shown."""
    left, right = ("\n".join([EXCERPT.replace(" ", f" {word} ")] * 2 * MAX_LINES) for word in ("left", "right"))
    return {**cluster, "copy_id": "f" * 32, "least_similarity": 0.5, **side_by_side(left, right)}


def sampled_report(report: dict[str, Any], codes: np.ndarray, n_sampled: int) -> dict[str, Any]:
    """The report of documents that were all kept, whose two signals are in the bins `codes` (2, documents); the first
    `n_sampled` of them are the sample."""
    made = copy.deepcopy(report)
    names = ["a.first", "a.second"]
    made["signals"]["rows"] = [wide_signal(name, False, np.random.default_rng(0)) for name in names]
    made["funnel"]["documents"] = made["funnel"]["fates"][-1]["records"] = codes.shape[1]
    sample = np.full(n_sampled, KEPT, "u1").tobytes() + codes[:, :n_sampled].astype("<u2").tobytes()
    data = base64.b64encode(sample).decode()
    made["tuning"] |= {"documents": n_sampled, "columns": names, "data": data}
    return made


def wide_signal(name: str, has_bound: bool, random: np.random.Generator) -> dict[str, Any]:
    """A signal of 80 bins and 11 series; counts spread over nine powers of ten."""
    counts = np.exp(random.uniform(0, math.log(1e9), (N_SERIES, 2, N_BINS))).astype(int).tolist()
    keys = {side: [f"filter.bounds.{name}.{side}"] for side in ("min", "max")}
    variant = {"languages": [], "refused": False, "min": 10.0 if has_bound else None, "max": None, "keys": keys}
    series = [
        {"source": f"source number {i}", "variant": 0, "kept": kept, "removed": removed, "missing": 0}
        for i, (kept, removed) in enumerate(counts)
    ]
    edges = [float(edge) for edge in range(1, N_BINS)]
    named = {"name": name, "reason": name if has_bound else None, "definition": EXCERPT[:200], "whole": False}
    return {**named, "closed": "left", "edges": edges, "variants": [variant], "series": series}
