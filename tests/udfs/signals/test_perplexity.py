"""Perplexity against values worked out by hand and against CCNet's steps in plain Python, with models made here."""

import io
import math
import re
import sys
import unicodedata
from pathlib import Path

import pyarrow as pa
import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs import signals
from udfs.edits import edit
from udfs.errors import InputError, UsageError
from udfs.measure import struct
from udfs.signals.batch import Batch, NgramFiles
from udfs.signals.perplexity import NgramModel
from udfs.text import Texts
from udfs.verdicts import Check, Interval

UNIGRAMS = {"<unk>": (-2.0, 0.0), "<s>": (-99.0, -0.5), "</s>": (-1.5, 0.0), "▁": (-0.75, -0.25), "a": (-0.5, -0.125)}
UNIGRAMS |= {"b": (-1.0, -0.0625), "0": (-1.25, 0.0), ".": (-1.75, 0.0), ",": (-1.0, 0.0), "-": (-1.0, 0.0)}
BIGRAMS = {("<s>", "▁"): -0.5, ("▁", "a"): -0.25, ("b", "</s>"): -0.375, ("0", "0"): -0.125, (".", "</s>"): -0.0625}
TEXTS = st.text(st.sampled_from("aAbBáÀ 0٣１.。，、—…．\n\t\x7f\u0301éßİ中\u3000"), max_size=12)


def arpa() -> str:
    """The model above as KenLM reads it: log10 probability, n-gram, log10 back-off weight."""
    unigrams = [f"{log10}\t{word}\t{backoff}" for word, (log10, backoff) in UNIGRAMS.items()]
    bigrams = [f"{log10}\t{first} {second}" for (first, second), log10 in BIGRAMS.items()]
    head = ["\\data\\", f"ngram 1={len(unigrams)}", f"ngram 2={len(bigrams)}", ""]
    return "\n".join([*head, "\\1-grams:", *unigrams, "", "\\2-grams:", *bigrams, "", "\\end\\", ""])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> NgramFiles:
    """KenLM's model above, and a sentencepiece model whose pieces are characters."""
    pytest.importorskip("kenlm", reason="kenlm is not installed: pip install 'gristmill[kenlm]'")
    folder, content = tmp_path_factory.mktemp("models"), io.BytesIO()
    (folder / "xx.arpa").write_text(arpa(), encoding="utf-8")
    sentences = iter(["ab ba 0 . , - ~ ! ? ( )"] * 10)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=sentences, model_writer=content, model_type="char", vocab_size=16, minloglevel=2
    )
    (folder / "xx.sp.model").write_bytes(content.getvalue())
    return NgramFiles(str(folder / "xx.arpa"), str(folder / "xx.sp.model"))


def measured(texts: list[str], languages: list[str | None], ngrams: dict[str, NgramFiles]) -> list[float | None]:
    """As the column of `signals` has them."""
    raw = Texts(pa.array(texts, pa.string()))
    batch = Batch(raw, edit(raw, None), pa.array(languages, pa.string()), ngrams=ngrams)
    return struct(signals.measure(batch, ["perplexity"])["perplexity"]).field("ccnet").to_pylist()


def plain_normalized(text: str) -> str:
    """CCNet's steps one by one, each over the whole text."""
    text = unicodedata.normalize("NFD", text.strip().lower())
    text = "".join(c for c in text if unicodedata.category(c) != "Mn")
    text = re.sub(r"\d", "0", text)
    for mark, written in [("，", ","), ("。", "."), ("、", ","), ("—", " - "), ("．", ". "), ("…", "...")]:
        text = text.replace(mark, written)
    return re.sub("[\x00-\x1f\x7f-\x9f]", "", text)


def plain_perplexity(text: str, pieces: sentencepiece.SentencePieceProcessor) -> float | None:
    """Bigrams with Katz's back-off."""
    words = " ".join(pieces.encode(plain_normalized(text), out_type=str)).split()
    known = [word if word in UNIGRAMS else "<unk>" for word in [*words, "</s>"]]
    log10 = 0.0
    for first, second in zip(["<s>", *known], known, strict=False):
        log10 += BIGRAMS.get((first, second), UNIGRAMS[first][1] + UNIGRAMS[second][0])
    return 10 ** (-log10 / len(known)) if words else None


def test_a_perplexity_has_the_value_worked_out_by_hand(model: NgramFiles) -> None:
    """`▁ a b`: <s> ▁ -0.5, ▁ a -0.25, a b backed off -0.125 - 1, b </s> -0.375; four words with </s>."""
    assert measured(["Áb"], ["en"], {"en": model}) == pytest.approx([10 ** (2.25 / 4)], rel=1e-6)
    assert measured(["a\nb"], ["en"], {"en": model}) == pytest.approx([10 ** (2.25 / 4)], rel=1e-6), "one line"
    assert measured(["٣7"], ["en"], {"en": model}) == pytest.approx(
        [10 ** ((0.5 + 0.25 + 1.25 + 0.125 + 1.5) / 4)], rel=1e-6
    ), "digits are 0"


@settings(max_examples=300, deadline=None)
@given(text=TEXTS)
def test_every_perplexity_is_that_of_the_steps_in_plain_python(model: NgramFiles, text: str) -> None:
    pieces = sentencepiece.SentencePieceProcessor(model_file=model.sentencepiece)
    [found], wanted = measured([text], ["en"], {"en": model}), plain_perplexity(text, pieces)
    assert found == wanted if wanted is None else found == pytest.approx(wanted, rel=1e-5)


def test_only_documents_of_a_language_with_a_model_have_one(model: NgramFiles) -> None:
    found = measured(["ab", "ab", "ab", " \n", ""], ["en", "zh", None, "en", "en"], {"en": model})
    assert [value is None for value in found] == [False, True, True, True, True]


def test_a_document_without_a_perplexity_meets_no_bound_on_it() -> None:
    column = measured(["ab"], ["en"], {})
    assert column == [None]
    rows = pa.RecordBatch.from_pydict({"language": ["en"], "perplexity": [{"ccnet": column[0]}]})
    rows = rows.cast(pa.schema([("language", pa.string()), ("perplexity", pa.struct([("ccnet", pa.float64())]))]))
    check = Check("perplexity.ccnet", "perplexity.ccnet", Interval(max=math.inf), {"zh": Interval(min=0)})
    assert check.holds(rows).tolist() == [False]
    for_others = Check("perplexity.ccnet", "perplexity.ccnet", None, {"zh": Interval(min=0)})
    assert for_others.holds(rows).tolist() == [True], "a bound for other languages alone leaves it"


def test_models_that_are_none_are_named(model: NgramFiles, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no model")
    for files in (
        NgramFiles(str(tmp_path / "text"), model.sentencepiece),
        NgramFiles(model.lm, str(tmp_path / "text")),
    ):
        with pytest.raises(InputError, match="text: "):
            NgramModel(files)
    with pytest.raises(InputError, match="no such file"):
        NgramModel(NgramFiles(str(tmp_path / "nowhere"), model.sentencepiece))


def test_without_the_package_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kenlm", None)
    with pytest.raises(UsageError) as error:
        measured(["ab"], ["en"], {"en": NgramFiles("en.arpa", "en.sp.model")})
    assert "gristmill[kenlm]" in error.value.hint
