"""Counts of pre-tokens in a part: all of them, those of a sample, and those that are too long for a word."""

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from bpe_oracle import SPLIT
from text_tokenizers import KINDS
from tiny_corpus import chinese, english
from tiny_parts import document, write_rows

from pipelines.tables import CLEAN
from udfs.hashing import keyed_uint64
from udfs.pretokens import COUNTS, MAX_BYTES, MAX_CHARS, count_part, pre_tokens
from udfs.text_tokenizer import Kind

TEXTS = [*map(english, range(20)), *map(chinese, range(20)), "a" * 300, "", "  two\tspaces\r\n"]
LONGEST = {"bpe": MAX_BYTES, "sentencepiece": 3 * MAX_CHARS}


def expected(kind: Kind, texts: list[str]) -> Counter[str | None]:
    """By Hugging Face's own split, or by the regular expression."""
    words = [
        word
        for text in texts
        for word in ([word for word, _ in SPLIT.pre_tokenize_str(text)] if kind == "bpe" else pre_tokens(text))
    ]
    return Counter(None if len(word.encode()) > LONGEST[kind] else word for word in words)


def counted(uri: str, kind: Kind, share: float) -> Counter[str | None]:
    found: Counter[str | None] = Counter()
    for batch in count_part(uri, kind, share, seed=3):
        assert batch.schema == COUNTS
        for row in batch.to_pylist():
            found[row["word"]] += row["count"]
    return found


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> str:
    rows = [document(i, text) for i, text in enumerate(TEXTS)]
    return write_rows(tmp_path_factory.mktemp("clean"), 0, CLEAN, rows)


@pytest.mark.parametrize("kind", KINDS)
def test_every_pre_token_is_counted_and_long_ones_stand_behind_null(clean: str, kind: Kind):
    found = counted(clean, kind, share=1.0)
    assert found == expected(kind, TEXTS)
    assert found[None] > 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_is_drawn_by_a_hash_of_the_ids(clean: str, kind: Kind):
    drawn = [text for i, text in enumerate(TEXTS) if keyed_uint64(3, f"{i:032x}") < 0.5 * 2**64]
    assert 0 < len(drawn) < len(TEXTS)
    assert +counted(clean, kind, share=0.5) == +expected(kind, drawn)


def test_a_part_of_empty_texts_has_only_the_null_word(tmp_path: Path):
    uri = write_rows(tmp_path, 0, CLEAN, [document(0, "")])
    for kind in KINDS:
        assert pa.Table.from_batches(list(count_part(uri, kind, 1.0, 0))).to_pylist() == [{"word": None, "count": 0}]
