"""Small inline SVG: histograms, bars and curves, as strings. Shapes only; words and numbers stand in HTML beside them.

Every chart is an image with a sentence as its label; the template gives it a table with the same numbers. Colours and
hatching come from the style sheet.
"""

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from pipelines.run import Json

OPEN = '<svg class="{}" viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}">'


def _svg(kind: str, width: float, height: float, label: str, shapes: list[Markup]) -> Markup:
    opened = Markup(OPEN).format(kind, width, height, width, height, label)
    return opened + Markup("").join(shapes) + Markup("</svg>")


def heights(counts: Sequence[float], top: float, height: float, log: bool) -> list[float]:
    """Pixels for each count when `top` fills `height`; anything above nothing gets a pixel at least."""
    scale = math.log1p if log else float
    return [0.0 if not n else max(1.0, height * scale(n) / scale(top)) for n in counts]


def steps(pixels: Sequence[float], width: float, base: float, direction: int) -> str:
    """The outline of bars that stand on `base` and grow up (-1) or down (1)."""
    step = width / max(1, len(pixels))
    path = [f"M0 {base:g}"]
    for i, pixel in enumerate(pixels):
        path.append(f"V{base + direction * pixel:.1f}H{(i + 1) * step:.1f}")
    return "".join(path) + f"V{base:g}Z"


def histogram(
    up: Sequence[float], down: Sequence[float], label: str, width: int = 480, height: int = 96, log: bool = False,
    marks: Sequence[float] = (), kind: str = "chart",
) -> Markup:  # fmt: skip
    """Bars above a line (what is kept) and, hatched, below it (what is removed); `marks` are shares of the width."""
    top = max([*up, *down, 1])
    base = height if not any(down) else height / 2
    shapes = [Markup('<path class="kept" d="{}"/>').format(steps(heights(up, top, base - 1, log), width, base, -1))]
    if any(down):
        path = steps(heights(down, top, height - base - 1, log), width, base, 1)
        shapes += [Markup('<path class="{}" d="{}"/>').format(layer, path) for layer in ("removed", "hatch")]
    shapes.append(Markup('<path class="base" d="M0 {0}H{1}"/>').format(base, width))
    shapes += [Markup('<path class="mark" d="M{:.1f} 0V{}"/>').format(mark * width, height) for mark in marks]
    return _svg(kind, width, height, label, shapes)


def totals(signal: Json, variant: int | None = None, source: str | None = "") -> tuple[list[int], list[int]]:
    """(kept, removed) per bin, of one variant or all, of one source or ("") all."""
    chosen = [s for s in signal["series"] if variant in (None, s["variant"]) and source in ("", s["source"])]
    n_bins = len(signal["edges"]) + 1
    return tuple([sum(s[name][i] for s in chosen) for i in range(n_bins)] for name in ("kept", "removed"))  # type: ignore[return-value]


def signal(row: Json, width: int, height: int, kind: str = "chart", source: str | None = "") -> Markup:
    """The histogram of a signal, with its bounds marked."""
    kept, removed = totals(row, source=source)
    bins = len(row["edges"]) + 1
    bounds = {bound for v in row["variants"] for bound in (v["min"], v["max"]) if bound is not None}
    marks = sorted({(row["edges"].index(nearest(row["edges"], bound)) + 1) / bins for bound in bounds})
    label = (
        f"Histogram of {row['name']}: {sum(kept):,} documents kept above the line, {sum(removed):,} removed below it."
    )
    return histogram(kept, removed, label, width, height, True, marks, kind)


def nearest(edges: Sequence[float], value: float) -> float:
    return min(edges, key=lambda edge: abs(edge - value))


def bar(part: float | None, whole: float | None, kind: str = "kept", width: int = 72) -> Markup:
    """A share as a bar; decoration beside a number, so hidden from readers of the page by ear."""
    filled = round(width * min(1.0, (part or 0) / whole), 1) if whole else 0
    shapes = Markup('<rect class="track" width="{0}" height="8"/><rect class="{1}" width="{2}" height="8"/>').format(
        width, kind, filled
    )
    hatch = Markup('<rect class="hatch" width="{}" height="8"/>').format(filled) if kind == "removed" else Markup("")
    return (
        Markup('<svg class="bar" viewBox="0 0 {0} 8" width="{0}" height="8" aria-hidden="true">').format(width)
        + shapes
        + hatch
        + Markup("</svg>")
    )


def column(kept: float, removed: float, whole: float, label: str) -> Markup:
    """A stage of the funnel: what it passes on, and on top, hatched, what it removes, of what the run began with."""
    high, low = (100 * kept / whole, 100 * removed / whole) if whole else (0, 0)
    shapes = [Markup('<rect class="track" width="100" height="100"/>')]
    shapes.append(Markup('<rect class="kept" y="{:.2f}" width="100" height="{:.2f}"/>').format(100 - high, high))
    box = Markup('y="{:.2f}" width="100" height="{:.2f}"').format(100 - high - low, low)
    shapes += [Markup('<rect class="{}" ').format(layer) + box + Markup("/>") for layer in ("removed", "hatch")]
    return _svg("column", 100, 100, label, shapes)


def curve(
    points: Sequence[tuple[float, float]],
    label: str,
    marks: Sequence[float] = (),
    diagonal: bool = False,
    dots: bool = False,
) -> Markup:
    """A line through points of the unit square, with marks at shares of the width."""
    width, height = 480, 160
    path = " ".join(f"{x * width:.1f},{height - y * (height - 2) - 1:.1f}" for x, y in points)
    shapes = [Markup('<path class="base" d="M0 {0}H{1}"/>').format(height, width)]
    if diagonal:
        shapes.append(Markup('<path class="guide" d="M0 {}L{} 0"/>').format(height, width))
    shapes += [Markup('<path class="mark" d="M{:.1f} 0V{}"/>').format(mark * width, height) for mark in marks]
    shapes.append(Markup('<polyline class="line" points="{}"/>').format(path))
    if dots:
        shapes += [
            Markup('<circle class="dot" cx="{}" cy="{}" r="4"/>').format(*point.split(",")) for point in path.split()
        ]
    return _svg("chart", width, height, label, shapes)


def columns(rows: Sequence[Json], *names: str) -> list[list[Any]]:
    """The cells of a table twin."""
    return [[row[name] for name in names] for row in rows]


def bins(row: Json) -> list[list[Any]]:
    """(lower edge, kept, removed) of every bin of a signal that holds a document."""
    kept, removed = totals(row)
    edges = ["below", *row["edges"]]
    return [[edge, k, r] for edge, k, r in zip(edges, kept, removed, strict=True) if k or r]


def similarities(found: Json) -> list[list[Any]]:
    """(lower edge, with the document kept, with the nearest) of every bin that holds a pair."""
    pairs = zip(found["similarity"], found["matched_similarity"], strict=True)
    return [[i / found["bins"], kept, nearest] for i, (kept, nearest) in enumerate(pairs) if kept or nearest]


def unit_points(values: Sequence[float]) -> list[tuple[float, float]]:
    """Values at even distances from 0 to 1."""
    return [(i / (len(values) - 1), value) for i, value in enumerate(values)]


def ticks(edges: Sequence[float], n: int = 5) -> list[float]:
    """`n` edges at even distances."""
    return [edges[round(i * (len(edges) - 1) / (n - 1))] for i in range(n)]


def median(counts: Sequence[int]) -> float:
    """The middle of even bins between 0 and 1: where half of the counts lie at or above."""
    seen, half = 0, sum(counts) / 2
    for i, n in enumerate(counts):
        seen += n
        if seen > half:
            return i / len(counts)
    return 0.0


def sources(row: Json) -> list[str | None]:
    """The sources that have a series, in the order in which they come."""
    return list(dict.fromkeys(series["source"] for series in row["series"]))


def summary(row: Json, source: str | None) -> tuple[int, float]:
    """Documents of a source, and the lower edge of the bin that holds the median of their values."""
    kept, removed = totals(row, source=source)
    counts = [k + r for k, r in zip(kept, removed, strict=True)]
    seen = 0
    for i, n in enumerate(counts):
        seen += n
        if seen > sum(counts) / 2:
            return sum(counts), row["edges"][max(0, i - 1)]
    return sum(counts), 0.0
