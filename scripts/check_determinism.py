"""Fails on code in the product that could make a result depend on more than its input, or make SQL of data.

Ruff has no rule for these; it bans Spark's random functions, clocks, unpickling, `yaml.load`, shells and unsafe
`torch.load` (pyproject.toml).
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

FOLDERS = ("conf", "udfs", "pipelines", "jobs", "trainer", "airflow")
SQL = {"expr", "selectExpr", "sql", "where", "filter"}


def is_set(node: ast.AST) -> bool:
    """Whether an expression is a set for certain; what a variable holds is not followed."""
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr | ast.BitAnd | ast.Sub | ast.BitXor):
        return is_set(node.left) or is_set(node.right)
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("set", "frozenset")


def faults(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, what is wrong) of each fault."""
    for node in ast.walk(tree):
        if isinstance(node, ast.For | ast.comprehension) and is_set(node.iter):
            yield node.iter.lineno, "a set has no order: sort it"
        if isinstance(node, ast.Call):
            yield from ((node.lineno, what) for what in call_faults(node))


def call_faults(call: ast.Call) -> Iterator[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if isinstance(call.func, ast.Name) and name == "hash":
        yield "hash() changes with PYTHONHASHSEED: use udfs/hashing.py"
    if name in ("list", "tuple", "enumerate", "join", "zip", "iter", "next") and any(map(is_set, call.args)):
        yield "a set has no order: sort it"
    if isinstance(call.func, ast.Attribute) and name in ("repartition", "coalesce") and is_lone_number(call.args):
        yield "rows go wherever there is room: give repartition a column"
    if isinstance(call.func, ast.Attribute) and name in SQL and any(isinstance(a, ast.JoinedStr) for a in call.args):
        yield "SQL made of data: use columns"


def is_lone_number(arguments: list[ast.expr]) -> bool:
    """Whether rows are dealt out without a column, to more than one partition."""
    return len(arguments) == 1 and not (isinstance(arguments[0], ast.Constant) and arguments[0].value == 1)


def main() -> int:
    found = [
        f"{path}:{line}: {what}"
        for folder in FOLDERS
        for path in sorted(Path(folder).rglob("*.py"))
        for line, what in faults(ast.parse(path.read_text(encoding="utf-8")))
    ]
    print(*found, sep="\n", end="\n" if found else "")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
