"""An input file, as a task carries it to a worker."""

from collections.abc import Mapping
from dataclasses import dataclass

from udfs.crawl_index import EVERYTHING, Selection
from udfs.readers import Kind
from udfs.records import WHOLE, Span


@dataclass(frozen=True)
class InputFile:
    """A file to read, or a span of one. `path` is relative to the root of its source; `name` is unique in a run."""

    uri: str
    path: str
    source: str
    kind: Kind
    dump: str | None
    fields: Mapping[str, str]
    span: Span = WHOLE
    select: Selection = EVERYTHING
    """What is read of an index."""

    @property
    def name(self) -> str:
        return f"{self.source}/{self.path}"
