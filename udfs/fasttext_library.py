"""fastText's prediction by the library itself, behind the interface of `fasttext_kernel`: for models that
udfs/fasttext_model.py does not read, at a fraction of the speed. The library does not tell how many rows it found."""

import re
from typing import Any

import fasttext
import numpy as np
from numpy.typing import NDArray

from udfs.errors import InputError
from udfs.fasttext_kernel import Scores
from udfs.fasttext_model import PREFIX

HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
SOME_ROWS = 2


class LibraryModel:
    def __init__(self, path: str) -> None:
        """Raises InputError for a file that fastText refuses; of one that is damaged behind its first bytes it does not
        notice, and may crash."""
        fasttext.FastText.eprint = lambda *args: None
        try:
            self._model: Any = fasttext.load_model(path)
        except ValueError as error:
            raise InputError(str(error), "name a supervised fastText model in language.model") from error
        self._numbers = {name: number for number, name in enumerate(self._model.get_labels())}
        self.labels = tuple(name.removeprefix(PREFIX.decode()) for name in self._numbers)

    def predict(
        self,
        data: NDArray[np.uint8],
        start: NDArray[np.int64],
        end: NDArray[np.int64],
        groups: NDArray[np.int32],
        han_spacing: bool = False,
    ) -> Scores:
        """As `KernelModel.predict`; `n_rows` is 1 for a text whose answer is that for an empty one, else SOME_ROWS."""
        n = len(start)
        scores = Scores(np.zeros(n, np.int32), np.zeros(n, np.float32), np.zeros(n, np.float32), np.ones(n, np.int64))
        lines = [_as_line(data[i:j].tobytes(), han_spacing) for i, j in zip(start, end, strict=True)]
        *answers, nothing = zip(*self._model.predict([*lines, ""], k=-1), strict=True)
        for row, (names, values) in enumerate(answers):
            if len(names) and not np.array_equal(values, nothing[1]):
                labels = np.array([self._numbers[name] for name in names])
                scores.label[row], scores.score[row], scores.n_rows[row] = labels[0], values[0], SOME_ROWS
                scores.group_score[row] = values[groups[labels] == groups[labels[0]]].sum()
        return scores


def _as_line(text: bytes, han_spacing: bool) -> str:
    line = text.decode("utf-8", "replace").replace("\n", " ")
    return HAN.sub(r"\g<0> ", line) if han_spacing else line
