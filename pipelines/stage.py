"""Running one stage: is there anything to do, do it, commit it.

A stage is a function of a `Job` and of the settings it needs. Those settings, the digests of the tables and files it
reads and the version of the code make its identity; when the last committed run had the same identity and its files
are still in place, there is nothing to do.
"""

import errno
import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from operator import attrgetter
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from conf.model import identity_of
from pipelines.run import Committed, Json, Run, Table, to_json
from pipelines.tables import TABLES, spark_schema, writer_of
from pipelines.tasks import mendable, spark_path
from pipelines.versions import code_version
from udfs import files
from udfs.errors import GristmillError, InputError
from udfs.files import Fingerprint
from udfs.parts import PartFile, part_name, write_empty
from udfs.secrets import without_secrets


@dataclass(frozen=True)
class Stage:
    """A stage of the chain.

    `needs` are the settings that decide its result, passed to `function` by name (`dedup.bands` as `dedup_bands`);
    `reads` the tables it opens; `files` names the outside files it depends on (inputs, models, evaluation sets):
    name -> URI, from the settings.
    """

    name: str
    function: Callable[..., None]
    needs: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    files: Callable[[Any], Mapping[str, str]] = lambda settings: {}


@dataclass
class Job:
    """One execution of a stage: hands out what it reads and takes what it writes."""

    run: Run
    stage: str
    key: str
    session: Callable[[], SparkSession]
    upstream: dict[str, Table]
    fingerprints: dict[str, Fingerprint]
    tables: dict[str, Table] = field(default_factory=dict)
    counts: Json = field(default_factory=dict)

    @property
    def spark(self) -> SparkSession:
        """The Spark session, started when first asked for."""
        return self.session()

    def table(self, name: str) -> Table:
        """A table that the stage reads, or has just written."""
        return self.tables.get(name) or self.upstream[name]

    def uris(self, table: str) -> list[str]:
        return [self.run.path(table, file.path) for file in self.table(table).files]

    def numbered(self, table: str) -> dict[int, str]:
        """Number of a part that has rows -> its URI, in order."""
        return {file.number: self.run.path(table, file.path) for file in self.table(table).files if file.n_rows}

    def read(self, *tables: str) -> DataFrame:
        """Committed tables of one schema as a DataFrame, from exactly the files their records name."""
        schema = spark_schema(tables[0])
        uris = [spark_path(uri) for table in tables for uri in self.uris(table)]
        return self.spark.read.schema(schema).parquet(*uris) if uris else self.spark.createDataFrame([], schema)

    def add(self, table: str, parts: Iterable[PartFile | None]) -> Table:
        """Declare the files of a table that this stage has written; they are committed with the stage."""
        self.tables[table] = Table(table, tuple(sorted((part for part in parts if part), key=lambda part: part.path)))
        return self.tables[table]

    def fill_empty_tables(self) -> None:
        """Give each table without rows a part without rows."""
        for name in [name for name, table in self.tables.items() if not table.files]:
            schema = TABLES[name.partition("/")[0]].schema
            if schema is not None:
                self.add(name, [write_empty(self.run.path(name), part_name(0, self.key), schema)])


def total(first: str, second: str, counts: Iterable[Mapping[tuple[str, str], int]]) -> list[Json]:
    """The counts of all tasks together, in order: [{source: "c4", reason: "language", n: 3}, ...]."""
    sums: Counter[tuple[str, str]] = Counter()
    for part in counts:
        sums.update(part)
    return [{first: one, second: other, "n": n} for (one, other), n in sorted(sums.items())]


def execute(stage: Stage, run: Run, settings: Any, session: Callable[[], SparkSession], command: str) -> bool:
    """Run the stage unless it is done; True when it ran. A failure is recorded in runs/<stage>.json and raised."""
    started = time.time()  # noqa: TID251 - the record says when
    try:
        previous = run.committed(stage.name)
        job, identity = prepare(stage, run, settings, session, previous)
        if previous and previous.key == job.key and run.missing_file(previous) is None:
            _mend(stage.name, run, previous, command, started)
            return False
        stage.function(job, **{name.replace(".", "_"): attrgetter(name)(settings) for name in stage.needs})
        job.fill_empty_tables()
        fingerprints = {name: asdict(found) for name, found in job.fingerprints.items()}
        committed = Committed(job.key, identity, job.tables, job.counts, fingerprints, round(time.time() - started, 3))  # noqa: TID251
        run.write_record(stage.name, _record(stage.name, command, started, to_json(committed)))
        run.delete_leftovers(stage.name, job.tables.values())
        return True
    except BaseException as error:
        _record_failure(stage.name, run, command, started, error)
        raise


def _mend(stage: str, run: Run, done: Committed, command: str, started: float) -> None:
    """What is left to do of a run that ended behind its commit, or after a failure that changed nothing."""
    run.delete_leftovers(stage, done.tables.values())
    if (run.record(stage) or {}).get("exit_code"):
        run.write_record(stage, _record(stage, command, started, to_json(done)))


def prepare(
    stage: Stage, run: Run, settings: Any, session: Callable[[], SparkSession], previous: Committed | None
) -> tuple[Job, Json]:
    """The job, and the identity its key digests."""
    upstream = {table: open_table(run, table) for table in stage.reads}
    fingerprints = fingerprint_all(stage.files(settings), previous)
    identity: Json = {
        "stage": stage.name,
        "code": code_version(),
        "settings": {name: identity_of(attrgetter(name)(settings)) for name in stage.needs},
        "tables": {name: table.digest for name, table in upstream.items()},
        "files": {name: found.sha256 for name, found in sorted(fingerprints.items())},
    }
    key = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    return Job(run, stage.name, key, session, upstream, fingerprints), identity


def open_table(run: Run, table: str) -> Table:
    """The committed table. Raises InputError when it is not there, or was made from tables that have changed since."""
    writer = writer_of(table)
    committed = run.committed(writer)
    if committed is None or table not in committed.tables:
        raise InputError(f"{run.path(table)}: not there yet", f"run `gristmill {writer}` first")
    for above, digest in committed.identity["tables"].items():
        if open_table(run, above).digest != digest:
            reason = f"{run.path(table)}: was made from other {above} than stand there now"
            raise InputError(reason, f"run `gristmill {writer}` again first")
    return committed.tables[table]


def fingerprint_all(uris: Mapping[str, str], previous: Committed | None) -> dict[str, Fingerprint]:
    """Fingerprint of each named file; one whose size and time of change are as recorded is not read again."""
    known = previous.fingerprints if previous else {}

    def one(name: str) -> Fingerprint:
        before = known.get(name)
        if before and files.stat(uris[name]) == (before["n_bytes"], before["modified"]):
            return Fingerprint(**before)
        return files.fingerprint(uris[name])

    with ThreadPoolExecutor(4) as pool:
        return dict(zip(uris, pool.map(one, uris), strict=True))


def _record(
    stage: str, command: str, started: float, committed: Json | None, error: BaseException | None = None
) -> Json:
    code, reason, hint = describe(error)
    return {
        "stage": stage,
        "exit_code": code,
        "reason": reason,
        "hint": hint,
        "command": without_secrets(command),
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "seconds": round(time.time() - started, 3),  # noqa: TID251
        "committed": committed,
    }


def describe(error: BaseException | None) -> tuple[int, str, str]:
    """(exit code, reason, hint) of what ended a job."""
    if error is None:
        return 0, "", ""
    if found := mendable(error):
        return found.exit_code, found.reason, found.hint
    if isinstance(error, OSError) and error.errno == errno.EIO:  # tasks are tried again on it: another disk may do
        return (
            73,
            f"{error.filename or 'a disk'}: {error.strerror}",
            "look at the disk, then run the same command again",
        )
    if isinstance(error, SystemExit | KeyboardInterrupt):
        return 143, "stopped by a signal", "run the same command again; finished stages are kept"
    return 70, f"{type(error).__name__}: {error}", "this is a defect of gristmill; please report it with this record"


def _record_failure(stage: str, run: Run, command: str, started: float, error: BaseException) -> None:
    """Leave the reason in the run record; what was committed before stays committed."""
    try:
        before = run.record(stage) or {}
        run.write_record(stage, _record(stage, command, started, before.get("committed"), error))
    except (OSError, GristmillError, UnicodeEncodeError):
        return  # nothing can be written there, or not what was: the first error is the one to report
