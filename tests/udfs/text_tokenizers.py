"""A small tokenizer of each kind, for tests."""

from pathlib import Path

import pyarrow as pa
from bpe_oracle import learn
from tiny_corpus import chinese, english

from pipelines import sentencepiece_train
from pipelines.tokenizer import CONTROL
from udfs.bpe_files import tokenizer_files
from udfs.pretokens import count_for_sentencepiece
from udfs.text_tokenizer import Kind, TokenizerPlace

KINDS: tuple[Kind, ...] = ("bpe", "sentencepiece")
TEXTS = [make(i) for make in (english, chinese) for i in range(20)]


def tokenizer_of(kind: Kind, folder: Path) -> TokenizerPlace:
    """A tokenizer of some 400 ids, written to the folder."""
    for name, data in contents_of(kind).items():
        (folder / name).write_bytes(data)
    return TokenizerPlace(str(folder), kind, kind)


def contents_of(kind: Kind) -> dict[str, bytes]:
    if kind == "bpe":
        return tokenizer_files(learn(TEXTS, 400), CONTROL)
    counts = pa.Table.from_batches([count_for_sentencepiece(pa.array(TEXTS))]).drop_null()
    return sentencepiece_train.tokenizer_files(sentencepiece_train.train(counts, 500, 0.9995))
