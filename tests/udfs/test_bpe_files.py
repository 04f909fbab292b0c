"""The files of a tokenizer, as `tokenizers` saves and reads them, and what is refused on the way back."""

import base64
import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from bpe_oracle import SENTENCES, SPLIT, TEXTS, column, hugging_face, learn
from hypothesis import given
from tokenizers import AddedToken, Tokenizer

from udfs.bpe_encode import Encoder
from udfs.bpe_files import read_tokenizer_json, tokenizer_files
from udfs.bpe_vocabulary import token_bytes
from udfs.errors import InputError, UsageError

CONTROL = {"bos": "<|begin|>", "eos": "<|endoftext|>", "pad": "<|pad|>"}
MERGES = learn(SENTENCES * 3, 500)
FILES = tokenizer_files(MERGES, CONTROL)


@pytest.mark.parametrize(
    ("name", "control"), [("tokenizer.json", list(CONTROL.values())), ("tokenizer.plain.json", [])]
)
def test_the_json_is_to_the_key_what_hugging_face_saves_after_the_same_training(name: str, control: list[str]) -> None:
    theirs = hugging_face(SENTENCES * 3, 500)
    theirs.add_special_tokens([AddedToken(content, special=True) for content in control])
    assert json.loads(FILES[name]) == json.loads(theirs.to_str())


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer.plain.json"])
def test_the_json_is_read_back_by_hugging_face_without_a_change(name: str) -> None:
    assert json.loads(Tokenizer.from_str(FILES[name].decode()).to_str()) == json.loads(FILES[name])


def test_the_json_is_read_back_as_merges_and_control_tokens() -> None:
    merges, control = read_tokenizer_json(FILES["tokenizer.json"])
    assert (merges == MERGES).all()
    assert merges.dtype == np.int32
    assert control == {"<|begin|>": 500, "<|endoftext|>": 501, "<|pad|>": 502}
    assert read_tokenizer_json(FILES["tokenizer.plain.json"])[1] == {}


def test_ranks_are_those_of_all_tokens_and_without_a_hole() -> None:
    rows = [line.split() for line in FILES["vocab.tiktoken"].splitlines()]
    assert [int(rank) for _, rank in rows] == list(range(500))
    assert [base64.b64decode(token) for token, _ in rows] == token_bytes(MERGES)
    assert {base64.b64decode(token) for token, _ in rows[:256]} == {bytes([byte]) for byte in range(256)}


def encode_by_rank(ranks: dict[bytes, int], word: bytes) -> list[int]:
    """What tiktoken does: join the neighbours whose string has the lowest rank, until none has one."""
    parts = [bytes([byte]) for byte in word]
    while True:
        joined = [ranks.get(left + right, len(ranks)) for left, right in pairwise(parts)]
        if min(joined, default=len(ranks)) == len(ranks):
            return [ranks[part] for part in parts]
        best = joined.index(min(joined))
        parts[best : best + 2] = [parts[best] + parts[best + 1]]


@given(TEXTS)
def test_ranks_of_strings_encode_as_the_list_of_merges_does(text: str) -> None:
    ranks = {token: rank for rank, token in enumerate(token_bytes(MERGES))}
    words = [word.encode() for word, _ in SPLIT.pre_tokenize_str(text)]
    assert Encoder(MERGES, 2).encode(column([text])).ids.tolist() == [
        token for word in words for token in encode_by_rank(ranks, word)
    ]


def test_the_config_names_the_control_tokens() -> None:
    config = json.loads(FILES["tokenizer_config.json"])
    assert config["eos_token"] == "<|endoftext|>"
    assert config["tokenizer_class"] == "PreTrainedTokenizerFast"


@pytest.mark.parametrize("spellings", [["<|a|>", "<|a|>"], [""], ["a"], ["in"]])
def test_a_control_token_that_is_a_token_already_is_refused(spellings: list[str]) -> None:
    with pytest.raises(UsageError, match="another token too"):
        tokenizer_files(MERGES, dict(zip(["bos", "eos"], spellings, strict=False)))


def set_in_model(key: str, value: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda content: content["model"].update({key: value})


def swap_ids(content: dict[str, Any]) -> None:
    vocab = content["model"]["vocab"]
    vocab["a"], vocab["b"] = vocab["b"], vocab["a"]


def control_tokens_first(content: dict[str, Any]) -> None:
    content["model"]["vocab"] = {token: i + 3 for token, i in content["model"]["vocab"].items()}
    for i, added in enumerate(content["added_tokens"]):
        added["id"] = i


def other_pattern(content: dict[str, Any]) -> None:
    content["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = r"\s+"


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (set_in_model("dropout", 0.1), r"model\.dropout: found 0\.1, expected null"),
        (set_in_model("ignore_merges", True), r"model\.ignore_merges: found true, expected false"),
        (set_in_model("type", "Unigram"), r'model\.type: found "Unigram", expected "BPE"'),
        (set_in_model("extra", 1), r'model\.extra: found 1, expected "nothing"'),
        (set_in_model("merges", ["a b"]), r'model\.merges\.0: found "a b", expected a pair'),
        (set_in_model("merges", [["ab", "c"]]), r"expected a pair of earlier tokens"),
        (set_in_model("merges", [["a", "b"], ["a", "b"]]), r"model\.merges\.1: .* is there already"),
        (lambda content: content["model"]["merges"].pop(), r"added_tokens\.0\.id: found 500, expected 499"),
        (swap_ids, r"model\.vocab\.a: found 65, expected 64"),
        (control_tokens_first, r"added_tokens\.0\.id: found 0, expected 500"),
        (other_pattern, r"pre_tokenizer\.pretokenizers\.0\.pattern\.Regex: found"),
        (lambda content: content.update(normalizer={"type": "NFC"}), r"normalizer: found .*NFC.*, expected null"),
        (lambda content: content["added_tokens"][0].update(lstrip=True), r"added_tokens\.0\.lstrip"),
        (lambda content: content["added_tokens"][0].update(content="a"), r"another token too"),
        (lambda content: content.pop("decoder"), r'decoder: found "nothing"'),
        (lambda content: content.pop("model"), r"no object that has a model"),
    ],
)
def test_another_kind_of_json_is_refused_and_the_difference_named(change: Callable[..., Any], difference: str) -> None:
    content = json.loads(FILES["tokenizer.json"])
    change(content)
    with pytest.raises(InputError, match=difference) as caught:
        read_tokenizer_json(json.dumps(content).encode())
    assert caught.value.hint


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b'"model"', b'{"model": {}}'])
def test_what_is_no_tokenizer_json_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="not as train_tokenizer writes it"):
        read_tokenizer_json(data)
