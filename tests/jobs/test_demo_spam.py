"""The demo's machine-made pages: of every kind, the same each time, and removed by the recipe for what they are."""

from collections import Counter
from urllib.parse import urlsplit

import pyarrow as pa
import pytest

from conf.load import load_settings
from jobs.demo_languages import TEXTS
from jobs.demo_spam import FRAGMENT_WORDS, KINDS, spam_pages
from jobs.settings import Settings
from udfs.blocks import extract_blocks
from udfs.measure import MeasurePlan, measure_batch
from udfs.verdicts import judge

ROUNDS = 6
TEXT = """about after argument array before between bytes called caller class default dictionary error every example
false file first function given index integer iterable keyword length list method module number object option otherwise
path position raised returned sequence should string text that the this tuple value when which with without"""
WORDS = TEXT.split()


@pytest.fixture(scope="module")
def texts() -> dict[str, list[str]]:
    """What is extracted of the pages of each kind."""
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for page in spam_pages(ROUNDS * len(KINDS), WORDS, seed=0):
        found[kind_of(page.url)].append(extract_blocks(page.body).text or "")
    return found


@pytest.fixture(scope="module")
def removed(texts: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Counter[str]]:
    """Kind -> how many of its pages each bound of the demo's recipe removes, without a quality model."""
    file = tmp_path_factory.mktemp("settings") / "settings.yaml"
    file.write_text("output: run\ninputs: [x.jsonl]\nrecipe: fineweb\n")
    settings = load_settings(str(file), (), Settings)
    kinds = [kind for kind in texts for _ in texts[kind]]
    columns = {name: pa.array(kinds) for name in ("id", "source", "url", "date")}
    columns["text"] = pa.array([text for kind in texts for text in texts[kind]])
    plan = MeasurePlan(
        settings.measure.words, settings.measure.edits_plan(), settings.language.plan(), None, "word", 5, 1, 1
    )
    signals = pa.RecordBatch.from_pydict(measure_batch(pa.RecordBatch.from_pydict(columns), plan))
    verdicts = judge(signals, settings.filter.checks(None)).to_pylist()
    return {kind: Counter(row["reason"] for row in verdicts if kinds[row["index"]] == kind) for kind in KINDS}


def kind_of(url: str) -> str:
    return urlsplit(url).netloc.partition("-")[0]


def test_every_kind_has_its_share_of_the_pages():
    pages = spam_pages(2 * len(KINDS) + 3, WORDS, seed=0)
    counts = Counter(kind_of(page.url) for page in pages)
    assert counts == {kind: 3 if place < 3 else 2 for place, kind in enumerate(KINDS)}
    assert len({page.url for page in pages}) == len(pages)


def test_the_same_seed_makes_the_same_pages_and_more_of_them_begin_alike():
    pages = spam_pages(2 * len(KINDS), WORDS, seed=0)
    assert spam_pages(3 * len(KINDS), WORDS, seed=0)[: len(pages)] == pages
    other = spam_pages(2 * len(KINDS), WORDS, seed=1)
    assert all(one.body != another.body for one, another in zip(pages, other, strict=True))


def test_pages_of_a_kind_are_no_copies(texts: dict[str, list[str]]):
    paragraphs = Counter(
        line for of_kind in texts.values() for text in of_kind for line in text.split("\n") if len(line) > 60
    )
    assert paragraphs.most_common(1)[0][1] == 1


def test_extraction_delivers_their_text(texts: dict[str, list[str]]):
    for kind, of_kind in texts.items():
        assert min(map(len, of_kind)) > 400, kind


@pytest.mark.parametrize("kind", KINDS)
def test_the_recipe_removes_most_pages_of_a_kind(kind: str, removed: dict[str, Counter[str]]):
    assert removed[kind].total() > 0.6 * ROUNDS, removed[kind]


def test_no_single_rule_is_made_for_them(removed: dict[str, Counter[str]]):
    reasons = sum(removed.values(), Counter[str]())
    assert len(reasons) >= 6
    assert reasons.most_common(1)[0][1] < 0.6 * reasons.total()


def test_pieces_of_texts_are_too_short_to_tell_a_question():
    assert max(FRAGMENT_WORDS) < 13


def test_words_of_other_languages_are_those_of_the_pages_in_them(texts: dict[str, list[str]]):
    own = set("".join(TEXTS.values()).split())
    for text in texts["translated"]:
        foreign = [word for word in text.replace(".\n", "\n").split() if word in own]
        assert len(foreign) > 0.8 * len(text.split())
