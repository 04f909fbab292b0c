"""Hugging Face's `tokenizers` as the oracle of the tests of udfs/bpe_*, and texts to ask it about."""

import os
from collections.abc import Iterable
from pathlib import Path

import fsspec
import numpy as np
import pyarrow as pa
from hypothesis import strategies as st
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from udfs.bpe_scan import PATTERN, count_words
from udfs.bpe_train import train
from udfs.strings import Strings, strings

os.environ["TOKENIZERS_PARALLELISM"] = "false"

SPLIT = pre_tokenizers.Split(Regex(PATTERN), "isolated")

SENTENCES = [
    "The mill grinds what the miller brings; they're grinding 1234567 grains of rye, aren't they?\r\n",
    "def grind(grain: str) -> Flour:\n    return [kernel for kernel in grain if kernel.is_whole()]\n\n\n",
    "水車は川の水で回り、粉屋は麦を挽く。水车在河边转动，磨坊主磨麦子。\n",
    "Мельница мелет зерно; мельник её чинит.   La meunière l'a réparée : «c’est prêt» !\n",
    "الطاحونة تطحن القمح. आटा चक्की गेहूँ पीसती है। 방앗간은 밀을 빻는다. 👩🏽‍🌾🌾\t\t\n",
]

TRICKY = [
    *["'s", "'S", "'ſ", "'T", "'re", "'Ve", "'m", "'LL", "'l", "'d", "'", "’s", "ſ", "\u212a"],
    *["\r", "\n", "\r\n", " ", "  ", "\t", "\x0b", "\x1c", "\x85", "\xa0", "\u2028", "\u3000", "\u200b", "\ufeff"],
    *["\0", "\x7f", "1", "23", "²", "Ⅷ", "٣", "a", "Z", "ǅ", "ª", "é", "e\u0301", "水", "ไม้", "한", "क्ष", "\U0001e4d0"],
    *["👩🏽‍🌾", "🇨🇭", "\u20e3", "\ufffd", "\uffff", "\U0010ffff", "!", "...", "<|endoftext|>", "<s>", "#", "_", "\\n"],
]
TEXTS = st.lists(st.sampled_from(TRICKY) | st.text(max_size=4), max_size=20).map("".join)


def column(texts: Iterable[str]) -> Strings:
    return strings(pa.array(list(texts), pa.large_string()))


def learn(texts: Iterable[str], vocab_size: int) -> NDArray[np.int32]:
    """Our merges from these texts."""
    counted = count_words(column(texts), 1 << 20)
    return train(counted.words, counted.counts, vocab_size)


def hugging_face(texts: Iterable[str], vocab_size: int, min_count: int = 0) -> Tokenizer:
    """A tokenizer that `tokenizers` trained on these texts."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([SPLIT, pre_tokenizers.ByteLevel(False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=min_count,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def shared_texts(shared_data: Path, n_chars: int | None = None) -> list[str]:
    """The beginning of each file in the data's folder text/: prose, verse, wiki text, Chinese, 528 languages, a tar."""
    texts = []
    for path in sorted((shared_data / "text").iterdir()):
        with fsspec.open(str(path), compression="infer") as stream:
            texts.append(stream.read().decode(errors="replace")[:n_chars])
    return texts
