"""What a command says: text of documents, files and settings is shown and does nothing; JSON is for machines."""

from typing import Any

from rich.console import Console
from rich.markup import escape

from pipelines.figures_run import plain
from udfs.printable import printable


def shown(text: object) -> str:
    """The text for a console that reads markup: no style, no link, no escape sequence comes from it."""
    return escape(printable(str(text)))


def print_json(console: Console, found: Any) -> None:
    """JSON in ASCII, so that no character of it does anything on a terminal; numbers that JSON lacks are null."""
    console.print_json(data=plain(found), ensure_ascii=True)
