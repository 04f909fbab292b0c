"""A tokenizer's files opened: texts to ids and back, whatever the kind.

No text becomes a control id, however it is spelt: byte-level BPE is encoded by our own kernel, which knows no control
tokens, and SentencePiece spells out what its control pieces look like. Decoding gives a text's bytes back; with
SentencePiece U+2581 comes back as the space, because that is how it writes one.
"""

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import numpy as np
import pyarrow as pa
import sentencepiece
from numpy.typing import NDArray

from udfs import files
from udfs.bpe_encode import Encoder, Tokens
from udfs.bpe_files import read_tokenizer_json
from udfs.chat import TURN_END, TURN_START
from udfs.errors import InputError
from udfs.strings import strings

Kind = Literal["bpe", "sentencepiece"]
REQUIRED = {"bpe": ("tokenizer.json", "tokenizer_config.json"), "sentencepiece": ("tokenizer.model",)}
"""The files that a kind is opened from."""
ROLES = ("bos", "eos", "pad")


@dataclass(frozen=True)
class TextTokenizer:
    """`encode` takes a column of texts; an id is None where the tokenizer has no such control token. `is_fragment`: for
    each id, whether it stands for one byte of a character of several. `turn_start` and `turn_end` mark the turns of a
    conversation."""

    vocab_size: int
    bos: int | None
    eos: int | None
    pad: int | None
    encode: Callable[[pa.Array], Tokens]
    decode: Callable[[NDArray[np.int32]], str]
    is_fragment: NDArray[np.bool_]
    turn_start: int | None = None
    turn_end: int | None = None


@dataclass(frozen=True)
class TokenizerPlace:
    """Where a tokenizer stands; `digest` tells it from an earlier one in the same folder."""

    folder: str
    kind: Kind
    digest: str


@functools.lru_cache(maxsize=1)
def load_tokenizer(place: TokenizerPlace) -> TextTokenizer:
    """The tokenizer that stands there; kept by the process. Raises InputError for a file missing or not of its kind."""
    names = REQUIRED[place.kind]
    return open_tokenizer(place.kind, {name: files.read_bytes(files.join(place.folder, name)) for name in names})


def open_tokenizer(kind: Kind, contents: dict[str, bytes]) -> TextTokenizer:
    """The tokenizer made of the content of its REQUIRED files. Raises InputError where one is not of its kind."""
    if kind == "sentencepiece":
        return _sentencepiece(contents["tokenizer.model"])
    return _bpe(contents["tokenizer.json"], contents["tokenizer_config.json"])


def _bpe(tokenizer_json: bytes, config: bytes) -> TextTokenizer:
    merges, control = read_tokenizer_json(tokenizer_json)
    encoder = Encoder(merges)
    return TextTokenizer(
        len(encoder.tokens) + len(control),
        *_control_ids(config, control),
        encode=lambda texts: encoder.encode(strings(texts)),
        decode=lambda ids: encoder.decode(ids).decode(),
        is_fragment=_fragments([token.hex() for token in encoder.tokens] + [""] * len(control)),
        turn_start=control.get(TURN_START),
        turn_end=control.get(TURN_END),
    )


def _fragments(spelt: list[str]) -> NDArray[np.bool_]:
    """Which tokens are one byte beyond ASCII, from their bytes in hex digits."""
    return np.array([len(digits) == 2 and int(digits, 16) >= 0x80 for digits in spelt], np.bool_)


def _control_ids(config: bytes, control: dict[str, int]) -> list[int | None]:
    """The ids of ROLES, by what tokenizer_config.json calls them."""
    hint = "it needs bos_token, eos_token and pad_token, each null or the content of an added token"
    try:
        spelt = json.loads(config)
        contents = [spelt.get(f"{role}_token") for role in ROLES]
        return [None if content is None else control[content] for content in contents]
    except (ValueError, AttributeError, TypeError, KeyError) as error:
        problem = f"{type(error).__name__}: {error}"
        raise InputError(f"tokenizer_config.json does not fit tokenizer.json: {problem}", hint) from error


def _sentencepiece(model: bytes) -> TextTokenizer:
    try:
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    except RuntimeError as error:
        raise InputError(f"tokenizer.model is not a SentencePiece model: {error}") from error

    def encode(texts: pa.Array) -> Tokens:
        rows: list[list[int]] = processor.encode([text or "" for text in texts.to_pylist()], out_type=int)
        bounds = np.cumsum([0, *map(len, rows)], dtype=np.int64)
        return Tokens(np.fromiter(chain.from_iterable(rows), np.int32, bounds[-1]), bounds)

    control = (processor.bos_id(), processor.eos_id(), processor.pad_id())
    return TextTokenizer(
        processor.get_piece_size(),
        *[number if number >= 0 else None for number in control],
        encode=encode,
        decode=lambda ids: processor.decode(ids.tolist()),
        is_fragment=_fragments(
            [processor.id_to_piece(i)[3:5] if processor.is_byte(i) else "" for i in range(processor.get_piece_size())]
        ),
    )
