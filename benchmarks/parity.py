"""Does our recipe `fineweb` keep the documents that datatrove's own filters keep, and where not, why?

datatrove's filters run in the order of its examples/fineweb.py: Gopher repetition, Gopher quality, C4 without terminal
punctuation, FineWeb quality; ours are the bounds of conf/recipes/fineweb.yaml on measured signals, both without the
language. There are two rounds: with datatrove's own words (spaCy's tokenizer) and sentences, and with words split at
white space on both sides. Each disagreement is printed with datatrove's reason, ours, our value and the bound.

    scripts/bench parity FILE.jsonl[.gz|.zst] RUN/documents/PART.parquet ...

reads the field `text`.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)

from conf.load import load_settings
from jobs.settings import Settings
from pipelines.tables import SIGNALS
from udfs.language import LanguagePlan, default_model
from udfs.measure import MeasurePlan, measure_batch, to_schema
from udfs.verdicts import judge

MODULES = ("gopher_repetition_filter", "gopher_quality_filter", "fineweb_quality_filter")


def read_texts(file: str) -> list[str]:
    if file.endswith(".parquet"):
        return pq.read_table(file, columns=["text"])["text"].to_pylist()
    with fsspec.open(file, "rt", compression="infer", encoding="utf-8") as stream:
        return [json.loads(line)["text"] for line in stream]


def settings() -> Settings:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "settings.yaml"
        file.write_text("output: run\ninputs: [none.jsonl]\nrecipe: fineweb\nfilter: {languages: null}\n")
        return load_settings(str(file), [], Settings)


def ours(texts: list[str], words: str) -> Iterator[str | None]:
    """Why each text is removed, or None."""
    chosen = settings()
    plan = MeasurePlan(words, chosen.measure.edits_plan(), LanguagePlan(default_model()), None, "word", 5, 14, 8)
    nothing = pa.nulls(len(texts), pa.string())
    names = [str(number) for number in range(len(texts))]
    documents = pa.record_batch(
        {"id": names, "source": names, "url": nothing, "date": nothing, "text": pa.array(texts, pa.string())}
    )
    columns = measure_batch(documents, plan) | {"row": pa.array(range(len(texts)), pa.int32())}
    removed = judge(to_schema(columns, SIGNALS), chosen.filter.checks(None)).to_pylist()
    reasons = {row["index"]: f"{', '.join(row['broken'])}: {row['value']:.4g}, {row['bound']}" for row in removed}
    return (reasons.get(number) for number in range(len(texts)))


def theirs(texts: list[str]) -> Iterator[str | None]:
    filters: list[Any] = [
        GopherRepetitionFilter(),
        GopherQualityFilter(),
        C4QualityFilter(filter_no_terminal_punct=False),
        FineWebQualityFilter(),
    ]
    for text in texts:
        document = Document(text=text, id="")
        verdicts = (one.filter(document) for one in filters)
        yield next((verdict[1] for verdict in verdicts if verdict is not True), None)


def compare(name: str, texts: list[str], words: str) -> None:
    pairs = list(zip(ours(texts, words), theirs(texts), strict=True))
    differing = [(i, mine, other) for i, (mine, other) in enumerate(pairs) if (mine is None) != (other is None)]
    print(
        f"{name}: {len(pairs) - len(differing)} of {len(pairs)} verdicts agree ({1 - len(differing) / len(pairs):.2%})"
    )
    for number, mine, other in differing:
        print(f"  document {number}: datatrove {other or 'keeps it'}; gristmill {mine or 'keeps it'}")


def main(files: list[str]) -> None:
    for file in files:
        texts = read_texts(file)
        name = Path(file).name
        compare(f"{name}, datatrove's words against ours", texts, "cjk")
        places = [f"datatrove.pipeline.filters.{module}.split_into_words" for module in MODULES]
        with patch(places[0], _split), patch(places[1], _split), patch(places[2], _split):
            compare(f"{name}, words at white space on both sides", texts, "whitespace")


def _split(text: str, _: str) -> list[str]:
    return text.split()


if __name__ == "__main__":
    main(sys.argv[1:])
