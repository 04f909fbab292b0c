"""Control characters are shown as such; all else stays."""

from udfs.printable import printable


def test_control_characters_become_a_mark_but_for_newlines_and_tabs():
    assert printable("a\x00\x1b\tb\n\x9b\x7f") == "a\ufffd\ufffd\tb\n\ufffd\ufffd"
    assert printable("中文 é \u202e") == "中文 é \u202e"
