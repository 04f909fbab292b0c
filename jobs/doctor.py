"""`gristmill doctor`: whether this machine has what a run needs, and what to do where it has not."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, NamedTuple
from uuid import uuid4

from rich.console import Console

from jobs.session import LOCAL
from jobs.settings import Settings
from jobs.terminal import print_json, shown
from pipelines.sources import expand
from udfs import files
from udfs.errors import GristmillError, UsageError
from udfs.language import load_model

MIN_JAVA = 17
MIN_SCRATCH_BYTES = 10 << 30
WORKER_BYTES = 1 << 30
"""Memory that a Python worker may take; there is one for each core."""
PACKAGES = (
    "pyspark",
    "pyarrow",
    "numba",
    "trafilatura",
    "resiliparse",
    "fasttext",
    "sentencepiece",
    "great_expectations",
)
UNITS = {"k": 10, "m": 20, "g": 30, "t": 40}


class Finding(NamedTuple):
    """What was looked at, whether it is as it should be (None: it may do), what was found, and what to do if not."""

    name: str
    is_right: bool | None
    found: str
    hint: str = ""


def examine(settings: Settings | None, console: Console, as_json: bool = False) -> bool:
    """Print what was found; whether a run can start."""
    findings = list(machine(settings.spark if settings else {}))
    findings += places(settings) if settings else []
    if as_json:
        print_json(console, [one._asdict() | {"hint": "" if one.is_right else one.hint} for one in findings])
    else:
        print_findings(findings, console)
    return all(finding.is_right is not False for finding in findings)


def print_findings(findings: list[Finding], console: Console) -> None:
    for name, is_right, found, hint in findings:
        mark = {True: "[green]ok[/]  ", None: "[yellow]look[/]", False: "[red]no[/]  "}[is_right]
        console.print(f"{mark} {name:<16} {shown(found)}")
        if not is_right:
            console.print(f"     {'':<16} {shown(hint)}")


def machine(spark: dict[str, Any]) -> Iterator[Finding]:
    """Of the machine, for a run on local Spark."""
    python = ".".join(map(str, sys.version_info[:3]))
    yield Finding("Python", sys.version_info >= (3, 11), python, "use Python 3.11 or later")
    yield java()
    missing = [name for name in PACKAGES if not find_spec(name)]
    found = f"missing: {', '.join(missing)}" if missing else f"PySpark {version('pyspark')}, Arrow {version('pyarrow')}"
    yield Finding("packages", not missing, found, "run scripts/test or pip install gristmill")
    yield memory(spark)
    scratch = str(spark.get("spark.local.dir", tempfile.gettempdir()))
    free = shutil.disk_usage(scratch).free
    hint = "set spark.local.dir to a larger disk: shuffles and spilled rows are written there"
    yield Finding("scratch space", True if free > MIN_SCRATCH_BYTES else None, f"{free >> 30} GiB in {scratch}", hint)
    try:
        load_model(None, "kernel")
        yield Finding("language model", True, "lid.176.ftz")
    except GristmillError as error:
        yield Finding("language model", None, error.reason, error.hint)


def java() -> Finding:
    home = os.environ.get("JAVA_HOME")
    program = os.path.join(home, "bin", "java") if home else "java"
    hint = f"install Java {MIN_JAVA} and set JAVA_HOME to it"
    try:
        said = subprocess.run([program, "-version"], capture_output=True, text=True).stderr
    except OSError as error:
        return Finding("Java", False, f"{program}: {error.strerror}", hint)
    number = re.search(r'version "(\d+)', said)
    return Finding(
        "Java", bool(number) and int(number[1]) >= MIN_JAVA, f"{said.partition(chr(10))[0]} ({program})", hint
    )


def memory(spark: dict[str, Any]) -> Finding:
    """Whether the JVM and a Python worker for each core fit."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    n_cores = len(os.sched_getaffinity(0))
    driver = str(spark.get("spark.driver.memory", LOCAL["spark.driver.memory"]))
    needed = n_bytes(driver) + n_cores * WORKER_BYTES
    found = f"{total >> 30} GiB, {n_cores} cores; spark.driver.memory is {driver}"
    hint = f"{needed >> 30} GiB would be taken: make spark.driver.memory smaller, or name fewer cores in spark.master"
    return Finding("memory", True if needed < total else None, found, hint)


def n_bytes(size: str) -> int:
    """Of a size as Spark writes it; a bare number is MiB. Raises UsageError for what is none."""
    found = re.fullmatch(r"(\d+)([kmgt]?)b?", size.strip().lower())
    if not found:
        raise UsageError(f"spark.driver.memory: {size!r} is not a size", "write it as 4g or 512m")
    return int(found[1]) << UNITS[found[2] or "m"]


def places(settings: Settings) -> Iterator[Finding]:
    """Of the inputs and the output that the settings name."""
    try:
        yield Finding("inputs", True, f"{len(expand(settings.inputs))} files")
    except GristmillError as error:
        yield Finding("inputs", False, error.reason, error.hint)
    yield output(settings.output)


def output(folder: str) -> Finding:
    """Whether a file can be written there; nothing is left behind."""
    was_there = files.exists(folder)
    probe = files.join(folder, f"_doctor-{uuid4().hex}")
    fs, path = files.locate(probe)
    try:
        with files.publish(probe) as stream:
            stream.write(b"")
        fs.rm(path if was_there else os.path.dirname(path), recursive=not was_there)
        return Finding("output", True, folder)
    except (OSError, GristmillError) as error:
        return Finding("output", False, f"{folder}: {error}", "name a folder that can be written in output")
