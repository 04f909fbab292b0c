"""Values worked out by hand."""

import pyarrow as pa
import pytest

from udfs.signals import fineweb
from udfs.text import Texts

MIXED = "Hello.\nworld\nworld\n你好。"


@pytest.mark.parametrize(
    ("signal", "text", "value"),
    [
        *(
            (fineweb.terminal_punctuation_lines, MIXED, 2 / 4),
            (fineweb.terminal_punctuation_lines, "هل؟\nहाँ।\nสวัสดี", 2 / 3),
        ),
        *((fineweb.terminal_punctuation_lines, "", 0), (fineweb.terminal_punctuation_lines, 'He said "go."', 0)),
        *((fineweb.short_lines, MIXED, 1), (fineweb.short_lines, "x" * 30 + "\n" + "あ" * 31, 1 / 2)),
        *((fineweb.duplicate_line_characters, MIXED, 5 / 19), (fineweb.duplicate_line_characters, "\n", 0)),
        *(
            (fineweb.newline_ratio, MIXED, 3 / 6),
            (fineweb.newline_ratio, "😀\n\n", 2),
            (fineweb.newline_ratio, "\n", 0),
        ),
    ],
)
def test_signals_have_the_values_worked_out_by_hand(signal, text: str, value: float) -> None:
    assert signal(Texts(pa.array([text]))).tolist() == [value]
