"""An input file, as a task carries it to a worker."""

from dataclasses import dataclass


@dataclass(frozen=True)
class InputFile:
    """One file to read. `path` is relative to the root of its source; `name` is unique in a run."""

    uri: str
    path: str
    source: str
    kind: str
    dump: str | None
    fields: dict[str, str]

    @property
    def name(self) -> str:
        return f"{self.source}/{self.path}"
