"""Text that a crawl wrote, without what a terminal or a browser would obey."""

import unicodedata


def printable(text: str) -> str:
    """The text with U+FFFD for control characters, but for newlines and tabs: no escape sequence survives.

    >>> printable("\\x1b[31mred\\x07\\n")
    '\\ufffd[31mred\\ufffd\\n'
    """
    return "".join(c if c in "\n\t" or unicodedata.category(c) != "Cc" else "\ufffd" for c in text)
