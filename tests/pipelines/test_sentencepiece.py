"""The SentencePiece tokenizer: learned the same each time, exact both ways, and its Hugging Face form its equal."""

import json
import re

import pyarrow as pa
import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tiny_corpus import TinyRun, chinese, english
from tokenizers import Tokenizer

from pipelines.sentencepiece_json import is_byte_pair, merges, to_tokenizer_json
from pipelines.sentencepiece_train import CONTROL, Algorithm, train
from pipelines.tokenizer import TokenizerSettings
from udfs.errors import UsageError
from udfs.pretokens import MAX_CHARS, pre_tokens

CONTROL_PIECES = re.compile("|".join(re.escape(piece) for piece in CONTROL.values()))
TEXTS = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from([english(1)[:60], chinese(1)[:20], " ", "  ", "\n", "\t", "\0", "12", "é", "👩‍🚀", "ﷺ"])
    ).map("".join),
)


def counts(texts: list[str]) -> pa.Table:
    found: dict[str, int] = {}
    for word in (word for text in texts for word in pre_tokens(text)):
        found[word] = found.get(word, 0) + 1
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return pa.table({"word": [word for word, _ in ordered], "count": [count for _, count in ordered]})


COUNTS = counts([make(i) for make in (english, chinese) for i in range(20)] + ["  indented\n\ttext  1234"])


def learn(vocab_size: int, counts: pa.Table = COUNTS, algorithm: Algorithm = "bpe") -> bytes:
    return train(counts, vocab_size, character_coverage=0.9995, algorithm=algorithm)


ALGORITHMS: tuple[Algorithm, ...] = ("bpe", "unigram")
MODELS = {algorithm: learn(600, algorithm=algorithm) for algorithm in ALGORITHMS}


@pytest.fixture(scope="module", params=ALGORITHMS)
def processor(request: pytest.FixtureRequest) -> sentencepiece.SentencePieceProcessor:
    return sentencepiece.SentencePieceProcessor(model_proto=MODELS[request.param])


@pytest.fixture(scope="module")
def hugging_face(processor) -> Tokenizer:
    return Tokenizer.from_str(json.dumps(to_tokenizer_json(processor)))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_same_counts_give_the_same_bytes(algorithm: Algorithm):
    assert learn(600, algorithm=algorithm) == MODELS[algorithm]


def test_the_algorithm_is_known_from_the_scores(processor, request: pytest.FixtureRequest):
    assert is_byte_pair(processor) == ("bpe" in request.node.name)


def test_only_sentencepiece_trains_unigrams():
    with pytest.raises(ValidationError, match=r"tokenizer\.kind=sentencepiece"):
        TokenizerSettings(algorithm="unigram")


@given(TEXTS)
def test_decoding_gives_the_text_back_but_for_the_sign_of_the_space(processor, text):
    assert processor.decode(processor.encode(text)) == text.replace("\u2581", " ")


@given(TEXTS)
def test_no_text_becomes_a_control_id(processor, text):
    control = set(range(len(CONTROL)))
    assert not control & set(processor.encode(text + "</s><s><unk><pad>"))


@given(TEXTS)
def test_ids_of_the_hugging_face_form_are_sentencepieces(processor, hugging_face, text):
    text = CONTROL_PIECES.sub("", text.replace("\u2581", ""))
    assert hugging_face.encode(text).ids == processor.encode(text)


@given(TEXTS)
def test_the_hugging_face_form_decodes_to_the_text(processor, hugging_face, text):
    text = text.replace("\u2581", "")
    assert hugging_face.decode(processor.encode(text), skip_special_tokens=False) == text


def test_merges_join_to_pieces_in_the_order_of_their_scores():
    processor = sentencepiece.SentencePieceProcessor(model_proto=MODELS["bpe"])
    pieces = [processor.id_to_piece(i) for i in range(processor.get_piece_size())]
    scores = [processor.get_score(processor.piece_to_id(left + right)) for left, right in merges(processor, pieces)]
    assert scores == sorted(scores, reverse=True)


def test_control_pieces_have_the_first_ids(processor):
    assert [processor.id_to_piece(i) for i in range(4)] == list(CONTROL.values())
    assert (processor.bos_id(), processor.eos_id(), processor.pad_id()) == (1, 2, 3)


def test_a_vocabulary_larger_than_the_text_has_pieces_for_ends_at_those():
    larger = sentencepiece.SentencePieceProcessor(model_proto=learn(100_000))
    assert 600 < larger.get_piece_size() < 100_000


def test_a_vocabulary_too_small_for_the_characters_says_which_would_do():
    many = pa.table({"word": [chr(0x4E00 + i) for i in range(400)], "count": [1] * 400})
    with pytest.raises(UsageError, match=r"tokenizer.vocab_size: 300: .* 300 vs 6\d\d") as error:
        learn(300, many)
    assert "raise tokenizer.vocab_size" in error.value.hint


@given(TEXTS)
def test_pre_tokens_join_to_the_text(text):
    assert "".join(pre_tokens(text)) == text


def test_the_run_learned_from_every_clean_document_and_packed_with_what_it_learned(tiny_run: TinyRun):
    words = [word for row in tiny_run.rows("clean") for word in pre_tokens(row["text"])]
    short = [word for word in words if len(word) <= MAX_CHARS]
    counted = tiny_run.record("train_tokenizer")["committed"]["counts"]
    assert (counted["words"], counted["distinct_words"]) == (len(words), len(set(short)))
    assert (counted["share_learned_from"], counted["vocab_size"]) == (len(short) / len(words), 400)
    for name in ("tokenizer.model", "tokenizer.json", "tokenizer_config.json"):
        ours, packed = (tiny_run.root / folder / name for folder in ("tokenizer", "shards/tokenizer"))
        assert ours.read_bytes() == packed.read_bytes()


def test_the_files_of_the_run_load_in_hugging_face_and_agree_on_its_texts(tiny_run: TinyRun):
    model = sentencepiece.SentencePieceProcessor(model_file=str(tiny_run.root / "tokenizer/tokenizer.model"))
    loaded = Tokenizer.from_file(str(tiny_run.root / "tokenizer/tokenizer.json"))
    for row in tiny_run.rows("clean"):
        text = row["text"].replace("\u2581", "")
        assert loaded.encode(text).ids == model.encode(text)
    config = json.loads((tiny_run.root / "tokenizer/tokenizer_config.json").read_text())
    assert [config[f"{name}_token"] for name in CONTROL] == list(CONTROL.values())
    assert config["tokenizer_class"] == "PreTrainedTokenizerFast"
