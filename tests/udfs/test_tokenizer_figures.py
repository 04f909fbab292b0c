"""Other tokenizers on the same texts: counted by source and language, whatever their kind."""

from pathlib import Path

import pyarrow as pa
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from udfs.errors import InputError
from udfs.tokenizer_figures import OTHERS, SCHEMA, TextFigures, add_up, load_other, measure_other

ROWS = [("a", "en", "the mill the"), ("a", "fr", "le moulin"), ("b", "en", ""), ("b", "en", "mill")]


@pytest.fixture
def words(tmp_path: Path) -> str:
    """A tokenizer of words, two of which it knows."""
    tokenizer = Tokenizer(models.WordLevel({"the": 0, "mill": 1, "[UNK]": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.save(str(tmp_path / "words.json"))
    return str(tmp_path / "words.json")


def batch(rows: list[tuple[str, str, str]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([dict(zip(("source", "language", "text"), row, strict=True)) for row in rows])


def test_tokens_are_counted_by_language_however_the_texts_are_cut(words: str) -> None:
    for size in (1, 2, 4):
        cut = [batch(ROWS[i : i + size]) for i in range(0, len(ROWS), size)]
        tables = [measure_other(one, "words", load_other(words)) for one in cut]
        parts = [TextFigures(SCHEMA.empty_table(), pa.array([True]).to_numpy(False), table) for table in tables]
        found = add_up(parts).others
        assert found.schema == OTHERS
        assert found.to_pylist() == [
            {"tokenizer": "words", "language": "en", "bytes": 16, "tokens": 4},
            {"tokenizer": "words", "language": "fr", "bytes": 9, "tokens": 2},
        ]


def test_a_file_that_is_no_tokenizer_is_named(tmp_path: Path) -> None:
    (tmp_path / "no.json").write_text("{}")
    with pytest.raises(InputError, match=r"no\.json: not a tokenizer") as error:
        load_other(str(tmp_path / "no.json"))
    assert "tokenizer.compare" in error.value.hint
    with pytest.raises(InputError, match="nowhere"):
        load_other(str(tmp_path / "nowhere.json"))
