"""Great Expectations over figures: one suite a table, results as rows, and its Data Docs as files.

Only aggregates come here. The pages of Great Expectations do not escape what they show, so that even the names of
figures, which may hold the name of a file, are escaped before they get there.
"""

import html
import os
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PAGES = ("*.html", "*.css")  # of its site; the rest are fonts and pictures, which the pages can do without


@dataclass(frozen=True)
class Expectation:
    """A figure of a table that has to lie between two values."""

    table: str
    figure: str
    value: float | None
    min: float | None
    max: float | None


def check(expectations: Iterable[Expectation]) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    """The expectations as rows, each with `success`, table by table; and name -> content of the Data Docs."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx  # takes seconds, so only where it is used

    tables: dict[str, list[Expectation]] = {}
    for expectation in expectations:
        tables.setdefault(expectation.table, []).append(expectation)
    with tempfile.TemporaryDirectory() as folder:
        context = gx.get_context(mode="file", project_root_dir=folder)
        context.variables.progress_bars = {"globally": False}  # pyright: ignore[reportAttributeAccessIssue]
        rows = [row for table in sorted(tables) for row in run_suite(context, table, tables[table])]
        context.build_data_docs()
        return rows, read_pages(Path(folder) / "gx" / "uncommitted" / "data_docs" / "local_site")


def run_suite(context: Any, table: str, chosen: list[Expectation]) -> list[dict[str, Any]]:
    import great_expectations as gx
    import pandas as pd
    from great_expectations.expectations.core.expect_column_values_to_be_between import ExpectColumnValuesToBeBetween

    name = html.escape(table).replace("~", "~0").replace("/", "~1")  # as in a JSON pointer: no two become one
    columns = {html.escape(one.figure): one for one in chosen}
    figures = pd.DataFrame({column: [one.value] for column, one in columns.items()})
    source = context.data_sources.add_pandas(name).add_dataframe_asset(name)
    between = [
        ExpectColumnValuesToBeBetween(column=column, min_value=one.min, max_value=one.max)
        for column, one in columns.items()
    ]
    suite = context.suites.add(gx.ExpectationSuite(name=name, expectations=between))
    batch = source.add_batch_definition_whole_dataframe(name)
    definition = context.validation_definitions.add(gx.ValidationDefinition(name=name, data=batch, suite=suite))
    found = definition.run(batch_parameters={"dataframe": figures})
    success = {result.expectation_config.kwargs["column"]: bool(result.success) for result in found.results}
    return [{**asdict(one), "success": success[column]} for column, one in columns.items()]


def read_pages(site: Path) -> dict[str, bytes]:
    found = [path for pattern in PAGES for path in site.rglob(pattern)]
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in found}
