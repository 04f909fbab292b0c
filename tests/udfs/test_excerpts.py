"""What is shown of a document: a stretch about the place, with the place marked."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tiny_parts import document, make_part

from udfs.edits import Edits
from udfs.excerpts import BEFORE, CUT, MAX_MARKS, Look, excerpt, look_at


def data_of(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8)


def marked(text: str, marks: list[tuple[int, int]]) -> list[str]:
    return [text[start:end] for start, end in marks]


def test_the_texts_of_a_part_with_what_makes_a_value_marked(tmp_path):
    texts = [
        "Nothing of note.",
        f"{'Some words first. ' * 40}\n- a bullet\nnone\n- another",
        "Plain\nPlease enable JavaScript.",
    ]
    part = make_part(tmp_path, [document(i, text) for i, text in enumerate(texts)])
    looks = [
        Look(f"{1:032x}", "gopher.bullet_lines"),
        Look(f"{2:032x}", "gopher.bullet_lines"),
        Look(f"{2:032x}", "gopher.mean_word_length"),
        Look(f"{2:032x}", span=(2, 5)),
        Look("f" * 32),
    ]
    edits = Edits(terminal_punctuation=False, min_words_per_line=None)
    seen = {look: (text, marked(text, marks)) for look, text, marks in look_at(part, looks, edits, "cjk")}
    text, found = seen[looks[0]]
    assert found == ["- a bullet", "- another"]
    assert text.index("- a bullet") == BEFORE + len(CUT)
    assert seen[looks[1]] == seen[looks[2]] == ("Plain", [])  # no place: the beginning of what the edits left
    assert seen[looks[3]] == ("Plain", ["ain"])
    assert looks[4] not in seen


def test_few_marks_and_no_more_text_than_asked_for():
    seen = excerpt(Look("", n_chars=50), data_of("#." * 100), [(i, i + 1) for i in range(0, 200, 2)])
    assert (len(seen.text), len(seen.marks)) == (50, MAX_MARKS)


@given(st.text(min_size=1, max_size=200), st.data(), st.integers(10, 100))
def test_marks_are_characters_whatever_their_bytes(text: str, data: st.DataObject, n_chars: int):
    text = text.encode("utf-8", "ignore").decode() or "a"
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    place = (len(text[:start].encode()), len(text[:end].encode()))
    seen = excerpt(Look("", n_chars=n_chars), data_of(text), [place])
    assert seen.text.removeprefix(CUT) in text
    assert len(seen.text) <= n_chars
    for one in marked(seen.text, seen.marks):
        assert text[start:end].startswith(one)
