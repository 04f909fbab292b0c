"""The files of a byte-level BPE tokenizer: content from merges, and merges from content.

tokenizer.json is that of Hugging Face, to the key what `tokenizers` saves after the same training. Control tokens come
behind the vocabulary: they are no part of the model, so ranks have no hole and the encoder needs to know nothing of
them. Readers of that file turn a control token's spelling inside text into the token; tokenizer.plain.json is the same
without control tokens, for encoding text that nobody vouches for. vocab.tiktoken holds the ranks of all strings.

Of tokenizer.json only this kind is read back: another split pattern, normalizer, order of ids or flag would encode
differently here and there.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from udfs.bpe_scan import PATTERN
from udfs.bpe_vocabulary import BYTE_OF_TOKEN, N_BYTES, PRINTED, token_bytes
from udfs.errors import InputError, UsageError

HINT = "give a tokenizer that train_tokenizer made, or a SentencePiece model"
CHARACTER_OF_BYTE = {
    byte: chr(byte) if byte in PRINTED else chr(N_BYTES + token - len(PRINTED))
    for token, byte in enumerate(BYTE_OF_TOKEN)
}


def tokenizer_files(merges: NDArray[np.int32], control: Mapping[str, str]) -> dict[str, bytes]:
    """The content of each file, by name. `control` gives spellings by role ("bos", "eos", "pad" ...), in the order of
    their ids, which begin at 256 + len(merges). Raises UsageError for a spelling that is a token already."""
    tokens = token_bytes(merges)
    return {
        "tokenizer.json": _to_bytes(tokenizer_json(merges, list(control.values()))),
        "tokenizer.plain.json": _to_bytes(tokenizer_json(merges, [])),
        "tokenizer_config.json": _to_bytes(_tokenizer_config(control)),
        "vocab.tiktoken": b"".join(b"%s %d\n" % (base64.b64encode(token), rank) for rank, token in enumerate(tokens)),
    }


def tokenizer_json(merges: NDArray[np.int32], control: Sequence[str]) -> dict[str, Any]:
    """The content of tokenizer.json; `control` are spellings, as in `tokenizer_files`."""
    tokens = ["".join(CHARACTER_OF_BYTE[byte] for byte in token) for token in token_bytes(merges)]
    _check_spellings(control, tokens)
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added_token(len(tokens) + i, content) for i, content in enumerate(control)],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": PATTERN}, "behavior": "Isolated", "invert": False},
                {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False},
            ],
        },
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: number for number, token in enumerate(tokens)},
            "merges": [[tokens[left], tokens[right]] for left, right in merges.tolist()],
        },
    }


def _check_spellings(control: Sequence[str], tokens: Sequence[str]) -> None:
    taken = {"", *tokens}
    for content in control:
        if content in taken:
            raise UsageError(f"control token {content!r} is empty, or another token too", "spell it as in <|name|>")
        taken.add(content)


def _added_token(number: int, content: str) -> dict[str, Any]:
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"id": number, "content": content, **flags}


def _tokenizer_config(control: Mapping[str, str]) -> dict[str, Any]:
    """What transformers needs beside tokenizer.json."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 1_000_000_000,
        "clean_up_tokenization_spaces": False,
        **{f"{role}_token": content for role, content in control.items()},
    }


def _to_bytes(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, indent=1).encode()


def read_tokenizer_json(data: bytes) -> tuple[NDArray[np.int32], dict[str, int]]:
    """(merges, control tokens with their ids) from the content of a tokenizer.json.

    Raises InputError, naming the first thing that differs, for any that `tokenizer_json` would not have made.
    """
    try:
        found = json.loads(data)
        if not isinstance(found, dict) or not isinstance(found.get("model"), dict):
            raise ValueError("found no object that has a model")
        _expect(_frame(found), _frame(tokenizer_json(np.empty((0, 2), np.int32), [])))
        merges = _merges_of(found["model"]["merges"])
        control = [token["content"] for token in found["added_tokens"]]
        _expect(found, tokenizer_json(merges, control))
    except (ValueError, TypeError, LookupError, UsageError) as error:
        raise InputError(f"tokenizer.json is not as train_tokenizer writes it: {error}", HINT) from error
    return merges, {content: N_BYTES + len(merges) + i for i, content in enumerate(control)}


def _frame(content: dict[str, Any]) -> dict[str, Any]:
    """tokenizer.json without what differs from one training to the next."""
    model = {key: value for key, value in content["model"].items() if key not in ("vocab", "merges")}
    return {**content, "added_tokens": [], "model": model}


def _merges_of(pairs: list[list[str]]) -> NDArray[np.int32]:
    """The merges spelt by `pairs`."""
    ids = {CHARACTER_OF_BYTE[byte]: token for token, byte in enumerate(BYTE_OF_TOKEN)}
    merges = np.empty((len(pairs), 2), np.int32)
    for rank, pair in enumerate(pairs):
        if not isinstance(pair, list) or len(pair) != 2 or pair[0] not in ids or pair[1] not in ids:
            raise ValueError(f"model.merges.{rank}: found {_brief(pair)}, expected a pair of earlier tokens")
        if pair[0] + pair[1] in ids:
            raise ValueError(f"model.merges.{rank}: found {_brief(pair)}, which makes a token that is there already")
        merges[rank] = ids[pair[0]], ids[pair[1]]
        ids[pair[0] + pair[1]] = N_BYTES + rank
    return merges


def _expect(found: Any, expected: Any, path: str = "") -> None:
    """Raises ValueError ("model.dropout: found 0.1, expected null") where two contents differ first."""
    if found == expected:
        return
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in expected | found:
            _expect(found.get(key, "nothing"), expected.get(key, "nothing"), f"{path}.{key}" if path else key)
    elif isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        for i, (found_item, expected_item) in enumerate(zip(found, expected, strict=True)):
            _expect(found_item, expected_item, f"{path}.{i}")
    else:
        raise ValueError(f"{path}: found {_brief(found)}, expected {_brief(expected)}")


def _brief(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]} ..."
