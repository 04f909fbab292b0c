"""What the templates draw: outlines of bars, grid lines and ticks, as numbers. The SVG itself is in macros.html.

A histogram is drawn in a box one unit wide for each bin and HEIGHT high, which the page stretches to its own width.
"""

import base64
import math
import zlib
from collections.abc import Sequence
from itertools import groupby

from pipelines.histograms import places_in_force
from pipelines.report_page.formats import number, short
from pipelines.run import Json

HEIGHT = 150
SMALL = 30
LABEL_HEIGHT = 10
TICK_DISTANCE = 0.1
MARGIN = 0.02


def outline(counts: Sequence[int], top: int, base: float, height: float, log: bool) -> str:
    """The outline of bars on `base`, `top` of them `height` high, downwards if that is negative; anything above nothing
    is one unit high at least. Small bars are rounded to whole units: there are some thousand outlines on a page.

    >>> outline([0, 5, 5, 10], 10, base=150, height=100, log=False)
    'M0 150V150h1V100h2V50h1V150Z'
    """
    scale = math.log1p if log else float
    digits = 1 if abs(height) > SMALL else 0
    heights = (max(1.0, abs(height) * scale(n) / scale(top)) if n else 0.0 for n in counts)
    places = (round(base - math.copysign(pixels, height), digits) for pixels in heights)
    path = [f"V{place:g}h{len(list(run))}" for place, run in groupby(places)]
    return f"M0 {base:g}{''.join(path)}V{base:g}Z"


def roc(points: Sequence[Json]) -> str:
    """The ROC curve in a box of 100 by 100, from its lower left corner.

    >>> roc([{"bad": 0.25, "good": 0.5}, {"bad": 1, "good": 1}])
    'M0 100L25 50L100 0'
    """
    places = ((round(100 * point["bad"], 1), round(100 - 100 * point["good"], 1)) for point in points)
    return "M0 100" + "".join(f"L{x:g} {y:g}" for x, y in places)


def bars(counts: Sequence[int], height: int = HEIGHT) -> Json:
    """Bars that stand on the floor, on a linear scale."""
    top = max([*counts, 1])
    path = outline(counts, top, height, height - 2, log=False)
    grid = [(height - (height - 2) * n / top, short(n)) for n in round_numbers(top)]
    return {"bins": len(counts), "height": height, "base": height, "kept": path, "removed": "", "grid": grid}


def mirrored(kept: Sequence[int], removed: Sequence[int], height: int = HEIGHT) -> Json:
    """Bars above a line for what is kept and below it for what is removed, both on one logarithmic scale."""
    top, base = max([*kept, *removed, 1]), height / 2
    pixels = base - 2
    levels = {10**power: pixels * math.log1p(10**power) / math.log1p(top) for power in range(len(str(top)))}
    grid = [(base - side * y, short(n)) for n, y in spread(levels) for side in (1, -1)]
    paths = [outline(counts, top, base, side * pixels, log=True) for counts, side in ((kept, 1), (removed, -1))]
    return {"bins": len(kept), "height": height, "base": base, "kept": paths[0], "removed": paths[1], "grid": grid}


def spread(levels: dict[int, float]) -> list[tuple[int, float]]:
    """Those of the rising levels whose labels do not stand on each other, nor on the base line."""
    found, last = [], 0.0
    for n, y in levels.items():
        if y - last >= LABEL_HEIGHT:
            found.append((n, y))
            last = y
    return found


def round_numbers(top: int) -> list[int]:
    """Two to five multiples of 1, 2 or 5 times a power of ten, up to `top`.

    >>> round_numbers(36), round_numbers(1)
    ([10, 20, 30], [1])
    """
    power = 10 ** math.floor(math.log10(top))
    step = next(s for s in (power // 2, power, 2 * power) if s and top // s <= 5)
    return list(range(step, top + 1, step))


def totals(signal: Json, variant: int | None = None, source: str | None = "") -> Json:
    """Documents of a signal per bin, {kept, removed, missing}: of one variant or all, of one source or ("") all."""
    chosen = [s for s in signal["series"] if variant in (None, s["variant"]) and source in ("", s["source"])]
    n_bins = len(signal["edges"]) + 1
    found: Json = {name: [sum(s[name][i] for s in chosen) for i in range(n_bins)] for name in ("kept", "removed")}
    return found | {"missing": sum(s["missing"] for s in chosen)}


def signal_chart(signal: Json, source: str | None = "", height: int = HEIGHT) -> Json:
    """The histogram of a signal, its bounds as marks at a share of the width, and a sentence for those who hear it."""
    found = totals(signal, source=source)
    n_bins = len(signal["edges"]) + 1
    places = {place for variant in signal["variants"] for place in places_in_force(signal, variant)} - {0, n_bins}
    label = (
        f"Histogram of {signal['name']}: {sum(found['kept']):,} documents that pass the filter above the line, "
        f"{sum(found['removed']):,} that it removes below."
    )
    return mirrored(found["kept"], found["removed"], height) | {
        "marks": [place / n_bins for place in sorted(places)],
        "label": label,
        "ticks": ticks([(i + 1) / n_bins for i in range(n_bins - 1)], signal["edges"]),
    }


def ticks(places: Sequence[float], values: Sequence[float]) -> list[tuple[float, str]]:
    """(share of the width, label) of the roundest values that do not crowd each other."""
    found: list[tuple[float, str]] = []
    for place, value in sorted(zip(places, values, strict=True), key=lambda one: (roundness(one[1]), one[0])):
        if MARGIN <= place <= 1 - MARGIN and all(abs(place - other) >= TICK_DISTANCE for other, _ in found):
            found.append((place, number(value)))
    return sorted(found)


def roundness(value: float) -> tuple[int, int]:
    """Smaller for rounder numbers: those of fewer digits first, then powers of ten, then halves of them.

    >>> sorted([3, 0.25, 50, 1000, 0], key=roundness)
    [0, 1000, 50, 3, 0.25]
    """
    digits = f"{abs(value):.6e}".partition("e")[0].rstrip("0.")
    return len(digits), ("1", "5", "2", digits).index(digits)


def sources(signal: Json) -> list[str | None]:
    """The sources that have a series, in the order in which they come; None stands for all others."""
    return list(dict.fromkeys(series["source"] for series in signal["series"]))


def similarity_chart(duplicates: Json) -> Json:
    """Near-duplicates by similarity, with the threshold as a mark."""
    counts = duplicates["similarities"]
    label = f"{sum(counts):,} near-duplicates by Jaccard similarity, 0 to 1."
    axis = [(tenth / 10, f"{tenth / 10:g}") for tenth in range(1, 10)]
    return bars(counts) | {"marks": [duplicates["threshold"]], "label": label, "ticks": axis}


def length_chart(lengths: list[Json]) -> Json:
    """Documents by their number of tokens."""
    counts = [row["documents"] for row in lengths]
    label = f"{sum(counts):,} documents by their number of tokens."
    places = [i / len(lengths) for i in range(len(lengths))]
    return bars(counts) | {"marks": [], "label": label, "ticks": ticks(places, [row["from"] for row in lengths])}


def tuning(signal: Json, number: int) -> Json:
    """What the sliders of a variant need: documents per bin, those of them that pass the filter, the bins in force, and
    for each side the bound at every place of its slider and the settings that hold it."""
    variant, found = signal["variants"][number], totals(signal, number)
    in_force = [side for side in ("min", "max") if any(v[side] is not None for v in signal["variants"])]
    sides = [side for side in in_force or ("min", "max") if variant["keys"][side]]
    return {
        "variant": number,
        "counts": [kept + removed for kept, removed in zip(found["kept"], found["removed"], strict=True)],
        "kept": found["kept"],
        "missing": found["missing"],
        "inForce": places_in_force(signal, variant),
        "sides": [{"side": side, "bounds": bounds_at(signal, side), "keys": variant["keys"][side]} for side in sides],
    }


def bounds_at(signal: Json, side: str) -> list[float | None]:
    """The bound that a slider sets with k bins on its left, exactly; at its outer end None, which is off."""
    edges, closed = signal["edges"], signal["closed"]
    if side == "min":
        return [None, *edges]
    if closed == "right":
        return [None, *edges, None]
    below = [math.ceil(edge) - 1 if signal["whole"] else math.nextafter(edge, -math.inf) for edge in edges]
    return [None, *below, None]


def deflated(data: str) -> str:
    """Base64 of bytes as base64 of the same bytes in fewer, for the browser's DecompressionStream("deflate")."""
    return base64.b64encode(zlib.compress(base64.b64decode(data), 9)).decode()
