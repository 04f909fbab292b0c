"""Signals: numbers per document that bounds are set on. A signal is a public function of one module here, its family.

Nothing is registered: a signal's name is `family.function`. This module imports no kernels until `measure` is called,
so that settings are checked fast.
"""

import ast
from collections.abc import Iterable
from functools import cache
from importlib import import_module, resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from udfs.signals.batch import Batch
    from udfs.spans import Floats

SUBJECTS = {
    "gopher": "raw",
    "repetition": "raw",
    "c4": "edited",
    "fineweb": "left",
    "fineweb2": "batch",
    "coverage": "judged",
    "dclm": "edited",
    "redpajama2": "batch",
    "ccnet": "raw",
    "perplexity": "batch",
    "chinesewebtext": "batch",
    "map_neo": "raw",
    "hplt": "raw",
    "script": "raw",
    "pii": "left",
}
"""family -> which view of the documents its signals take, an attribute of `Batch`."""
FAMILIES = tuple(SUBJECTS)
ALWAYS = ("gopher", "repetition", "c4", "fineweb")
"""The families that are measured unasked."""


@cache
def names(family: str) -> tuple[str, ...]:
    """The signals of a family, in the order of its file."""
    source = resources.files(__name__).joinpath(f"{family}.py").read_text(encoding="utf-8")
    functions = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return tuple(name for name in functions if not name.startswith("_"))


def measure(batch: "Batch", families: Iterable[str] = ALWAYS) -> "dict[str, dict[str, Floats]]":
    """family -> signal -> float64 per document; NaN only where a model would be needed and is not there."""
    measured: dict[str, dict[str, Floats]] = {}
    for family in families:
        module, subject = import_module(f"{__name__}.{family}"), getattr(batch, SUBJECTS[family])
        measured[family] = {name: getattr(module, name)(subject) for name in names(family)}
    return measured
