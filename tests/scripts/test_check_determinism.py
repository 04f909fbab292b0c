"""What the check finds, and what it lets pass."""

import ast
import runpy
from pathlib import Path

import pytest

faults = runpy.run_path(str(Path(__file__).resolve().parents[2] / "scripts" / "check_determinism.py"))["faults"]


@pytest.mark.parametrize(
    "code",
    [
        "bucket = hash(text) % 8",
        "for name in {'a', 'b'}: pass",
        "for name in set(names) - {'a'}: pass",
        "rows = [row for row in frozenset(rows)]",
        "first = next(iter({1, 2}))",
        "key = ','.join({str(n) for n in numbers})",
        "frame.repartition(n)",
        "frame.coalesce(8)",
        "frame.where(f'id = {name}')",
        "spark.sql(f'select {name}')",
    ],
)
def test_what_may_differ_from_run_to_run_is_found(code: str):
    assert [line for line, _ in faults(ast.parse(code))] == [1]


@pytest.mark.parametrize(
    "code",
    [
        "for name in sorted({'a', 'b'}): pass",
        "n = len(set(names))",
        "is_in = name in {'a', 'b'}",
        "frame.repartition(n, 'id')",
        "frame.coalesce(1)",
        "frame.where('id = kept_id')",
        "self.hash(text)",
    ],
)
def test_what_is_the_same_in_every_run_passes(code: str):
    assert list(faults(ast.parse(code))) == []
