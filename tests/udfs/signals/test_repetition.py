"""Values worked out by hand."""

import pyarrow as pa
import pytest

from udfs.signals import repetition
from udfs.text import Texts

PHRASE = "a b c d e f a b c d e x"
LINES = "one\n\ntwo\none\n"
PARAGRAPHS = "one\ntwo\n\none\ntwo\n \none"
CHINESE = "天地玄黄天地玄黄天地"


@pytest.mark.parametrize(
    ("signal", "text", "value"),
    [
        *((repetition.duplicate_lines, LINES, 1 / 3), (repetition.duplicate_lines, "1\n2\n3\n4\n5\n6\n1", 1 / 7)),
        *((repetition.duplicate_lines, "one", 0), (repetition.duplicate_lines, "", 0)),
        *(
            (repetition.duplicate_line_characters, LINES, 3 / 13),
            (repetition.duplicate_line_characters, "天地\n天地", 2 / 5),
        ),
        *((repetition.duplicate_paragraphs, LINES, 0), (repetition.duplicate_paragraphs, PARAGRAPHS, 1 / 3)),
        (repetition.duplicate_paragraph_characters, PARAGRAPHS, 7 / 22),
        *((repetition.top_2_gram, PHRASE, 6 / 23), (repetition.top_2_gram, "one", 0), (repetition.top_2_gram, "", 0)),
        *((repetition.top_2_gram, "😀 😀", 1), (repetition.top_2_gram, CHINESE, 3 * 3 / 10)),
        *((repetition.top_3_gram, PHRASE, 10 / 23), (repetition.top_3_gram, "مرحبا يا صديقي", 1)),
        *((repetition.top_4_gram, PHRASE, 14 / 23), (repetition.top_4_gram, CHINESE, 7 * 2 / 10)),
        *(
            (repetition.duplicate_5_grams, PHRASE, 5 / 23),
            (repetition.duplicate_5_grams, "x x x x x x x x x x", 5 / 19),
        ),
        *((repetition.duplicate_5_grams, CHINESE, 5 / 10), (repetition.duplicate_6_grams, CHINESE, 6 / 10)),
        *((repetition.duplicate_6_grams, PHRASE, 0), (repetition.duplicate_7_grams, CHINESE, 0)),
        (repetition.duplicate_10_grams, " ".join("abcdefghij" * 2), 10 / 39),
    ],
)
def test_signals_have_the_values_worked_out_by_hand(signal, text: str, value: float) -> None:
    assert signal(Texts(pa.array([text]))).tolist() == [value]
