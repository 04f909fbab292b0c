"""`gristmill verify`: every digest of a run computed again, and the chain of stages checked for staleness."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

from rich.console import Console

from jobs.stages import CHAIN
from jobs.terminal import print_json
from pipelines.run import Json, Run, Table
from pipelines.stage import open_table
from udfs import files
from udfs.errors import ContractError, InputError
from udfs.parts import PartFile, digest_part


def verify_run(run: Run, console: Console, as_json: bool = False) -> None:
    """Print one line a table. Raises ContractError naming every file that differs, InputError when there is no run."""
    rows = []
    for row in verified(run):
        rows.append(row)
        if not as_json:
            said = f"{row['digest']} {row['rows']:>9,} rows {row['files']:>4} files  {row['table']}"
            console.print(f"{'FAILED' if row['wrong'] else 'ok':<7} {said}")
    if as_json:
        print_json(console, rows)
    if wrong := [problem for row in rows for problem in row["wrong"]]:
        raise ContractError("\n".join(wrong), "delete the files named, then run again: their stages are done anew")


def verified(run: Run) -> Iterator[Json]:
    """{table, digest, rows, files, wrong: a line for each file that differs} of every table."""
    committed = {stage.name: found for stage in CHAIN if (found := run.committed(stage.name))}
    if not committed:
        raise InputError(f"{run.root}: holds no run (no runs/<stage>.json)", "give the `output` directory of a run")
    for record in committed.values():
        for table in record.tables.values():
            open_table(run, table.name)
            yield {
                "table": table.name,
                "digest": table.digest,
                "rows": table.n_rows,
                "files": len(table.files),
                "wrong": wrong_files(run, table),
            }


def wrong_files(run: Run, table: Table) -> list[str]:
    """A line for each file of the table whose size, SHA-256 or rows are not those recorded."""
    with ThreadPoolExecutor(2) as pool:
        return [problem for problem in pool.map(wrong_file, repeat(run), repeat(table), table.files) if problem]


def wrong_file(run: Run, table: Table, file: PartFile) -> str | None:
    uri = run.path(table.name, file.path)
    try:
        found = files.fingerprint(uri)
    except InputError as error:
        return error.reason
    if (found.n_bytes, found.sha256) != (file.n_bytes, file.sha256):
        return f"{uri}: {found.n_bytes} bytes, SHA-256 {found.sha256}; recorded {file.n_bytes} and {file.sha256}"
    if file.n_rows and digest_part(uri) != file.digest:
        return f"{uri}: its rows have digest {digest_part(uri)}; recorded {file.digest}"
    return None
