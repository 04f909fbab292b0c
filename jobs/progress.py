"""What a person sees while a stage runs: a bar fed by Spark's status tracker on a terminal, elsewhere a line now and
then. Records are not counted while they pass: their speed is that of the tasks, which hold about as many each."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, NamedTuple

from py4j.protocol import Py4JError
from pyspark import SparkContext
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from pipelines.run import Run
from pipelines.stage import Stage, open_table
from udfs import files

SECONDS_BETWEEN_LOOKS = 0.3
SECONDS_BETWEEN_LINES = 30


class Amount(NamedTuple):
    """How much a stage reads."""

    number: float
    unit: str


class Look(NamedTuple):
    """Tasks of the Spark stages that are running, and the seconds since these began."""

    done: int
    total: int
    seconds: float

    def said(self, amount: Amount) -> str:
        """As "10/40 tasks, 1,250 records/s, 1:12 left".

        >>> Look(10, 40, 24.0).said(Amount(120_000, "records"))
        '10/40 tasks, 1,250 records/s, 1:12 left'
        """
        if not self.done or self.seconds < 1:  # too soon to tell
            return f"{self.done}/{self.total} tasks"
        speed = amount.number * self.done / self.total / self.seconds
        left = round(self.seconds * (self.total - self.done) / self.done)
        return f"{self.done}/{self.total} tasks, {speed:,.0f} {amount.unit}/s, {left // 60}:{left % 60:02} left"


class Watch:
    """Looks at the tasks; whenever other Spark stages run, the clock starts anew."""

    def __init__(self) -> None:
        self._stages: list[int] = []
        self._since = 0.0

    def look(self) -> Look:
        stages, done, total = running_tasks()
        if stages != self._stages:
            self._stages, self._since = stages, time.monotonic()
        return Look(done, total, time.monotonic() - self._since)


def running_tasks() -> tuple[list[int], int, int]:
    """The Spark stages that are running now, and their tasks: ended, and all."""
    context = SparkContext._active_spark_context  # pyright: ignore[reportAttributeAccessIssue]
    if context is None or getattr(context, "_jsc", None) is None:  # it may be just starting or stopping
        return [], 0, 0
    tracker = context.statusTracker()
    running = {stage: found for stage in tracker.getActiveStageIds() if (found := tracker.getStageInfo(stage))}
    done, total = (sum(getattr(one, name) for one in running.values()) for name in ("numCompletedTasks", "numTasks"))
    return sorted(running), done, total


def amount_read(stage: Stage, run: Run, settings: Any) -> Amount:
    """The rows of the longest table that a stage reads, or the size of its files where it reads none."""
    if stage.reads:
        return Amount(max(open_table(run, table).n_rows for table in stage.reads), "records")
    return Amount(sum(files.stat(uri)[0] for uri in stage.files(settings).values()) / 1e6, "MB")


@contextmanager
def stage_progress(console: Console, stage: Stage, run: Run, settings: Any) -> Iterator[None]:
    """Show how far the stage is until the block ends."""
    amount = cache(lambda: amount_read(stage, run, settings))
    with shown(console, stage.name) as show:
        ended = threading.Event()
        watcher = threading.Thread(target=_watch, args=(show, amount, ended), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()


def _watch(show: Callable[[Look, str], None], amount: Callable[[], Amount], ended: threading.Event) -> None:
    watch = Watch()
    with suppress(Py4JError, OSError):  # a JVM that has gone is for the stage to tell
        while not ended.wait(SECONDS_BETWEEN_LOOKS):
            look = watch.look()
            if look.total:
                show(look, look.said(amount()))


@contextmanager
def shown(console: Console, name: str) -> Iterator[Callable[[Look, str], None]]:
    """What shows a look: on a terminal a bar, elsewhere a line whenever SECONDS_BETWEEN_LINES are over."""
    if not console.is_terminal:
        yield Lines(console, name).show
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[said]}"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bars:
        bar = bars.add_task(f"{name:<16}", total=None, said="")
        yield lambda look, said: bars.update(bar, total=look.total, completed=look.done, said=said)


class Lines:
    """Lines for a log, SECONDS_BETWEEN_LINES apart."""

    def __init__(self, console: Console, name: str) -> None:
        self._console, self._name, self._last = console, name, time.monotonic()

    def show(self, look: Look, said: str) -> None:
        if time.monotonic() - self._last >= SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            self._console.print(f"  {self._name:<16} {said}")


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s"
