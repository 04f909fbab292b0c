"""What holds for a tokenizer of either kind: no text becomes a control token, and decoding gives it back."""

import json
import random
from functools import cache
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from text_tokenizers import KINDS, contents_of, tokenizer_of

from pipelines import sentencepiece_train, tokenizer
from udfs.errors import InputError
from udfs.text_tokenizer import Kind, TextTokenizer, load_tokenizer, open_tokenizer

SPELLINGS = [*tokenizer.CONTROL.values(), *sentencepiece_train.CONTROL.values()]
LANGUAGES = {
    "English": "The mill grinds what the miller brings; isn't it so?",
    "Chinese": "水车在河边转动，磨坊主磨麦子。",
    "Japanese": "水車は川の水で回り、粉屋は麦を挽く。",
    "Korean": "방앗간은 밀을 빻는다.",
    "Arabic": "الطاحونة تطحن القمح.",
    "Hindi": "आटा चक्की गेहूँ पीसती है।",
    "Russian": "Мельница мелет зерно; мельник её чинит.",
    "Thai": "โรงสีบดข้าวสาลี",
    "Greek": "Ο μύλος αλέθει το σιτάρι.",
    "Hebrew": "הטחנה טוחנת חיטה.",
}


@cache
def opened(kind: Kind) -> TextTokenizer:
    return open_tokenizer(kind, contents_of(kind))


def contexts(spelling: str, n: int) -> list[str]:
    """Texts that hold a control token's spelling: alone, repeated, cut, in other cases, among letters of any script."""
    rng = random.Random(spelling)
    around = ["", " ", "\n", "\0", "<", ">", "|", "a", "水", "▁", "\u200b", "\u202e", "é", "👩‍🚀", *SPELLINGS]
    whole = [spelling, spelling.upper(), spelling[:-1], spelling[1:], f"{spelling[:3]} {spelling[3:]}"]

    def piece() -> str:
        return "".join(rng.choices(around, k=rng.randrange(4)))

    return [piece() + rng.choice(whole[:1] * 6 + whole) + piece() for _ in range(n)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_ten_thousand_contexts_of_a_control_token_yield_no_control_id(kind: Kind, spelling: str):
    ids = opened(kind).encode(pa.array(contexts(spelling, 10_000))).ids
    control = {opened(kind).bos, opened(kind).eos, opened(kind).pad}
    assert None not in control
    assert not control & set(np.unique(ids).tolist())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_text_of_ten_languages_comes_back(kind: Kind, language: str):
    for text in (LANGUAGES[language], f"  {LANGUAGES[language]}\r\n\t{LANGUAGES[language]}\n\n "):
        ids, offsets = opened(kind).encode(pa.array([text]))
        assert offsets.tolist() == [0, len(ids)]
        assert opened(kind).decode(ids) == text


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_may_be_sliced_and_hold_nulls_and_empty_texts(kind: Kind):
    column = pa.array(["left out", None, "the mill", "", "out"])[1:4]
    ids, offsets = opened(kind).encode(column)
    assert (ids.dtype, offsets.dtype) == (np.int32, np.int64)
    assert [opened(kind).decode(ids[a:b]) for a, b in pairwise(offsets)] == ["", "the mill", ""]


@pytest.mark.parametrize("kind", KINDS)
def test_a_tokenizer_is_opened_once_until_its_folder_holds_another(kind: Kind, tmp_path):
    place = tokenizer_of(kind, tmp_path)
    assert load_tokenizer(place) is load_tokenizer(place)
    other = type(place)(place.folder, place.kind, "another digest")
    assert load_tokenizer(other) is not load_tokenizer(place)


def test_control_ids_of_bpe_are_those_the_config_names():
    contents = contents_of("bpe")
    loaded = opened("bpe")
    assert (loaded.bos, loaded.eos, loaded.pad, loaded.vocab_size) == (400, 401, 402, 405)
    assert (loaded.turn_start, loaded.turn_end) == (403, 404)
    config = json.loads(contents["tokenizer_config.json"]) | {"bos_token": None, "eos_token": "<|pad|>"}
    changed = open_tokenizer("bpe", contents | {"tokenizer_config.json": json.dumps(config).encode()})
    assert (changed.bos, changed.eos, changed.pad) == (None, 402, 402)


@pytest.mark.parametrize("config", [b"[]", b"{", b'{"eos_token": "<|other|>"}', b'{"eos_token": ["x"]}'])
def test_a_config_that_names_no_token_of_the_tokenizer_is_refused(config: bytes):
    with pytest.raises(InputError, match=r"tokenizer_config\.json does not fit"):
        open_tokenizer("bpe", contents_of("bpe") | {"tokenizer_config.json": config})


def test_what_is_no_model_is_refused():
    with pytest.raises(InputError, match="not a SentencePiece model"):
        open_tokenizer("sentencepiece", {"tokenizer.model": b"nothing of the kind"})
