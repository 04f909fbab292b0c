"""What documents and files are called is shown on a terminal, and does nothing there."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from jobs.side_by_side import side_by_side
from jobs.terminal import shown

HOSTILE = (
    "\x1b[31mred",
    "\x1b]0;title\x07",
    "\x1b]8;;http://x\x07link",
    "[bold]b[/]",
    "[link=http://x]l[/]",
    "\x9b31m",
    "\r",
)


def printed(what: object) -> str:
    stream = io.StringIO()
    Console(file=stream, force_terminal=True, color_system=None, width=200, highlight=False).print(what)
    return stream.getvalue()


@pytest.mark.parametrize("text", HOSTILE)
def test_no_escape_sequence_or_style_comes_from_text(text: str) -> None:
    said = printed(shown(text))
    assert not set("\x1b\x07\x9b\r") & set(said)
    assert said.rstrip("\n") == "".join("\ufffd" if c in "\x1b\x07\x9b\r" else c for c in text)
    assert not set("\x1b\x07\x9b\r") & set(printed(side_by_side(text, "plain", ("a", "b"))))


@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Mn", "Cf"))))
def test_other_text_is_shown_as_it_is(text: str) -> None:
    assert "".join(printed(shown(text)).split()) == "".join(text.split())
