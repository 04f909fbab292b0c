"""Numbers as people read them."""

import math
from typing import Any


def count(n: float | None) -> str:
    """12,345; nothing for None."""
    return "" if n is None else f"{n:,.0f}"


def short(n: float) -> str:
    """Three digits and a unit from ten thousand on.

    >>> short(9876), short(12345), short(1.42e9)
    ('9,876', '12.3 k', '1.42 G')
    """
    for unit, name in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if n >= unit:
            return f"{n / (1e3 if name == 'k' else unit):.3g} {name}"
    return f"{n:,.0f}"


def size(n_bytes: float) -> str:
    for unit, name in ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if n_bytes >= unit:
            return f"{n_bytes / unit:.3g} {name}"
    return f"{n_bytes} bytes"


def percent(part: float | None, whole: float | None) -> str:
    """The share with one digit; what is not nothing is not shown as nothing, what is not all not as all."""
    if part is None or not whole:
        return ""
    share = 100 * part / whole
    if not part:
        return "0 %"
    if 0 < share < 0.05:
        return "<0.1 %"
    return ">99.9 %" if 99.95 <= share < 100 else f"{share:.1f} %"


def number(value: float | None) -> str:
    """Six digits at most; a bound that stands just above a round number shows as that number."""
    if value is None or not math.isfinite(value):
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 and float(f"{value:.6g}").is_integer() else f"{value:.6g}"


def interval(bound: dict[str, Any]) -> str:
    """What a bound keeps.

    >>> interval({"min": 50, "max": 100000})
    '50 to 100,000'
    """
    low, high = number(bound["min"]), number(bound["max"])
    if bound.get("refused"):
        return "never"
    if low and high:
        return low if low == high else f"{low} to {high}"
    return f"≥ {low}" if low else f"≤ {high}" if high else ""


def duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d}"
