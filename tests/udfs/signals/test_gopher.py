"""Values worked out by hand."""

import pyarrow as pa
import pytest

from udfs.signals import gopher
from udfs.text import Texts

ENGLISH = "The cat sat on the mat and the dog ...\n\n- with # of that…"
CHINESE = "你好，世界。\n• 你好！"
THAI = "ห้อง"
ARABIC = "هل أنت هنا؟"


@pytest.mark.parametrize(
    ("signal", "text", "value"),
    [
        *((gopher.word_count, ENGLISH, 12), (gopher.word_count, CHINESE, 6), (gopher.word_count, "😀 !", 1)),
        *((gopher.word_count, THAI, 3), (gopher.word_count, ARABIC, 3), (gopher.word_count, "", 0)),
        *((gopher.mean_word_length, ENGLISH, 37 / 12), (gopher.mean_word_length, CHINESE, 1)),
        *(
            (gopher.mean_word_length, THAI, 4 / 3),
            (gopher.mean_word_length, ARABIC, 9 / 3),
            (gopher.mean_word_length, "!", 0),
        ),
        *((gopher.hash_ratio, ENGLISH, 1 / 15), (gopher.hash_ratio, "##", 2), (gopher.hash_ratio, "", 0)),
        *((gopher.ellipsis_ratio, ENGLISH, 2 / 15), (gopher.ellipsis_ratio, "......", 2)),
        *(
            (gopher.bullet_lines, ENGLISH, 1 / 2),
            (gopher.bullet_lines, CHINESE, 1 / 2),
            (gopher.bullet_lines, "a - b", 0),
        ),
        *(
            (gopher.ellipsis_lines, ENGLISH, 1),
            (gopher.ellipsis_lines, CHINESE, 0),
            (gopher.ellipsis_lines, "a... b", 0),
        ),
        *((gopher.alphabetic_words, ENGLISH, 12 / 15), (gopher.alphabetic_words, CHINESE, 6 / 10)),
        *((gopher.alphabetic_words, "7 a7 😀", 1 / 3), (gopher.alphabetic_words, ARABIC, 1)),
        *((gopher.stop_words, ENGLISH, 4), (gopher.stop_words, "The the the With", 1), (gopher.stop_words, CHINESE, 0)),
    ],
)
def test_signals_have_the_values_worked_out_by_hand(signal, text: str, value: float) -> None:
    assert signal(Texts(pa.array([text]))).tolist() == [value]
