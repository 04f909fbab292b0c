"""An input file, as a task carries it to a worker."""

from collections.abc import Mapping
from dataclasses import dataclass

from udfs.readers import Kind


@dataclass(frozen=True)
class InputFile:
    """One file to read. `path` is relative to the root of its source; `name` is unique in a run."""

    uri: str
    path: str
    source: str
    kind: Kind
    dump: str | None
    fields: Mapping[str, str]

    @property
    def name(self) -> str:
        return f"{self.source}/{self.path}"
