"""The stages that run without Spark, on copies of the finished run over the small corpus."""

import os
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from here_and_now import HereAndNow
from operations import Watch, watched
from tiny_corpus import PART_BYTES

from jobs.settings import Settings
from jobs.stages import STAGES
from pipelines.lock import exclusive
from pipelines.run import Run
from pipelines.stage import describe, execute

CHANGES = {
    "ingest": "ingest.repair_mojibake=true",
    "measure": "measure.edits.terminal_punctuation=true",
    "filter": "filter.bounds.gopher.word_count.min=19",
    "decontaminate": "decontaminate.share=0.51",
    "refine": "refine.pii=false",
}
"""A change of settings for each stage that runs without Spark: new files, of which conservation still holds."""


@dataclass(frozen=True)
class Faulted:
    """A copy of the finished run, on which stages are run under faults."""

    root: Path
    settings: Settings

    def run(self, stages: Iterable[str], watch: Watch = lambda _: None, attempts: int = 1, lock: bool = True) -> int:
        """Run stages as the command does; its exit code."""
        run, session = Run(str(self.root)), HereAndNow(attempts)
        with ExitStack() as stack:
            stack.enter_context(pytest.MonkeyPatch.context()).setattr("pipelines.ingest.MIN_PART_BYTES", PART_BYTES)
            stack.enter_context(watched(str(self.root), watch))
            try:
                if lock:
                    stack.enter_context(exclusive(run, "a test"))
                for stage in stages:
                    execute(STAGES[stage], run, self.settings, lambda: session, "a test")  # type: ignore[arg-type, return-value]
            except Exception as error:
                return describe(error)[0]
        return 0

    def run_apart(self, stages: Iterable[str], watch: Watch, attempts: int, meanwhile: Callable[[], None]) -> int:
        """`run` in a process of its own, which the watch may kill; `meanwhile` is called until it has ended. Its exit
        code; -9 where it was killed."""
        child = os.fork()
        if not child:
            code = 99
            try:
                code = self.run(stages, watch, attempts)
            finally:
                os._exit(code)
        ended = 0
        while not ended:
            ended, status = os.waitpid(child, os.WNOHANG)
            meanwhile()
            time.sleep(0.002)
        return os.waitstatus_to_exitcode(status)


Copied = Callable[..., Faulted]
