"""Text of documents, files and settings on a terminal: it is shown, and does nothing."""

from rich.markup import escape

from udfs.printable import printable


def shown(text: object) -> str:
    """The text for a console that reads markup: no style, no link, no escape sequence comes from it."""
    return escape(printable(str(text)))
