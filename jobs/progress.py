"""What a person sees while a stage runs: a bar fed by Spark's status tracker on a terminal, one line elsewhere."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pyspark import SparkContext
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

SECONDS_BETWEEN_LOOKS = 0.3


@contextmanager
def stage_progress(console: Console, name: str) -> Iterator[None]:
    """Show the tasks of the running Spark stages until the block ends."""
    if not console.is_terminal:
        yield
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[tasks]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        bar = bars.add_task(f"{name:<16}", total=None, tasks="")
        ended = threading.Event()
        watcher = threading.Thread(target=_watch, args=(bars, bar, ended), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()


def _watch(bars: Progress, bar: object, ended: threading.Event) -> None:
    while not ended.wait(SECONDS_BETWEEN_LOOKS):
        done, total = count_tasks()
        if total:
            bars.update(bar, total=total, completed=done, tasks=f"{done}/{total} tasks")  # pyright: ignore[reportArgumentType]


def count_tasks() -> tuple[int, int]:
    """(ended, all) tasks of the Spark stages that are running now."""
    context = SparkContext._active_spark_context  # pyright: ignore[reportAttributeAccessIssue]
    if context is None:
        return 0, 0
    tracker = context.statusTracker()
    stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
    running = [stage for stage in stages if stage]
    return sum(stage.numCompletedTasks for stage in running), sum(stage.numTasks for stage in running)


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __str__(self) -> str:
        return f"{time.monotonic() - self._started:.1f} s"
