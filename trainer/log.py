"""The log of a run: OUTPUT/log.jsonl, one JSON object a line; numbers go to TensorBoard and Weights & Biases, if asked.

Events: "start" (settings, data, yardstick), "update", "skipped", "held_out", "end". A resumed run appends, so a step
that was lost with a kill is there twice; the later line holds.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from trainer.settings import Settings
from udfs.errors import OutputError

Sink = Callable[[str, float, int], None]
"""Takes a name, a number and the step."""


class Log:
    def __init__(self, stream: IO[str] | None, sinks: list[Sink]) -> None:
        self._stream, self._sinks = stream, sinks

    def record(self, event: str, step: int, **fields: Any) -> None:
        """Write an event; a process that has no stream writes nothing."""
        if self._stream is None:
            return
        self._stream.write(json.dumps({"event": event, "step": step, **fields}) + "\n")
        self._stream.flush()
        for name, value in _numbers(event, fields):
            for sink in self._sinks:
                sink(name, value, step)


def _numbers(name: str, value: Any) -> Iterator[tuple[str, float]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _numbers(f"{name}/{key}", inner)
    elif isinstance(value, int | float):
        yield name, value


@contextmanager
def opened(settings: Settings, is_first: bool) -> Iterator[Log]:
    """The log of a run, in the first of its processes; an empty one in the others. Raises OutputError."""
    if not is_first:
        yield Log(None, [])
        return
    try:
        Path(settings.output).mkdir(parents=True, exist_ok=True)
        stream = (Path(settings.output) / "log.jsonl").open("a", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{settings.output}: cannot be written: {error}", "choose another output folder") from error
    with ExitStack() as stack:
        stack.enter_context(stream)
        yield Log(stream, _sinks(settings, stack))


def _sinks(settings: Settings, stack: ExitStack) -> list[Sink]:
    found: list[Sink] = []
    if settings.log.tensorboard:
        from torch.utils.tensorboard.writer import SummaryWriter

        writer = SummaryWriter(str(Path(settings.output) / "tensorboard"))
        stack.callback(writer.close)
        found.append(writer.add_scalar)
    if settings.log.wandb:
        import wandb  # pyright: ignore[reportMissingImports]

        run = wandb.init(project=settings.log.wandb, dir=settings.output, config=settings.model_dump(), resume="allow")
        stack.callback(run.finish)
        found.append(lambda name, value, step: run.log({name: value}, step=step))
    return found
