"""Spark's place taken by a loop: the stages that only schedule tasks run in this process, where a fault can be put at
any one of their operations."""

from collections.abc import Callable, Sequence
from typing import Any


class HereAndNow:
    """As much of a session as `run_tasks` asks for: tasks in order, each up to `attempts` times, as Spark does."""

    def __init__(self, attempts: int = 1) -> None:
        self.sparkContext = self
        self._attempts = attempts

    def setJobDescription(self, description: str) -> None:
        pass

    def parallelize(self, tasks: Sequence[Any], n_partitions: int) -> "HereAndNow":
        self._tasks = tasks
        return self

    def map(self, function: Callable[[Any], Any]) -> "HereAndNow":
        self._function = function
        return self

    def collect(self) -> list[Any]:
        return [self._try(task) for task in self._tasks]

    def _try(self, task: Any) -> Any:
        for _ in range(self._attempts - 1):
            try:
                return self._function(task)
            except Exception:
                continue
        return self._function(task)
