"""Signals: numbers per document that bounds are set on. A signal is a public function of one module here, its family.

Nothing is registered: a signal's name is `family.function`. This module imports no kernels until `measure` is called,
so that settings are checked fast.
"""

import ast
from functools import cache
from importlib import import_module, resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from udfs.edits import Edited
    from udfs.spans import Floats
    from udfs.text import Texts

FAMILIES = ("gopher", "repetition", "c4", "fineweb")


@cache
def names(family: str) -> tuple[str, ...]:
    """The signals of a family, in the order of its file."""
    source = resources.files(__name__).joinpath(f"{family}.py").read_text(encoding="utf-8")
    functions = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return tuple(name for name in functions if not name.startswith("_"))


def measure(raw: "Texts", edited: "Edited") -> "dict[str, dict[str, Floats]]":
    """family -> signal -> float64 per document, never NaN.

    gopher and repetition are measured on the text as extracted, c4 on its edits, fineweb on what they leave.
    """
    subjects = {"gopher": raw, "repetition": raw, "c4": edited, "fineweb": edited.texts}
    measured: dict[str, dict[str, Floats]] = {}
    for family in FAMILIES:
        module = import_module(f"{__name__}.{family}")
        measured[family] = {name: getattr(module, name)(subjects[family]) for name in names(family)}
    return measured
