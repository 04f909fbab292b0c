"""How many documents a second does `measure` read on one core, beside datatrove, plain Python, fastText and spark.ml?

All read the same documents in the same run; figures are documents per CPU second (of Python, and of the JVM for
spark.ml's transform), the best of three passes, of one for the slow ones.

    scripts/bench signals FILE.jsonl[.gz|.zst] [COPIES]

reads the field `text`; COPIES (20) of the file make the batches for our side and fastText. Rows:

- signals: Gopher quality and repetition, C4 and FineWeb, with C4's edits, beside datatrove's four filters, each run on
  every document, and beside the plain-Python reference of our tests, which computes the same numbers;
- language: whole texts, beside fastText's predict(list) on texts that are a list already;
- measure: the whole pass, from documents to the columns of `signals`, with a logistic regression of 2^18 features;
- quality: that regression alone, beside spark.ml's transform of the same model from a cached frame.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fasttext
import fsspec
import numpy as np
import pyarrow as pa
from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)

from udfs import signals
from udfs.edits import Edits, edit
from udfs.language import LanguagePlan, default_model, identify
from udfs.measure import MeasurePlan, measure_batch
from udfs.parts import BATCH_ROWS
from udfs.quality import CARD, WEIGHTS, QualityModel
from udfs.signals.batch import Batch
from udfs.text import Texts

ROOT = Path(__file__).resolve().parent.parent
N_FEATURES = 1 << 18
WHOLE = 10**9


def read_texts(file: str) -> list[str]:
    with fsspec.open(file, "rt", compression="infer", encoding="utf-8") as stream:
        return [json.loads(line)["text"] for line in stream]


def cpu_seconds(run: Callable[[], Any], passes: int = 3, clock: Callable[[], float] = time.process_time) -> float:
    """The least of the passes, after one that is not counted where there are several."""
    taken = []
    for _ in range(passes + (passes > 1)):
        start = clock()
        run()
        taken.append(clock() - start)
    return min(taken[passes > 1 :])


def batches_of(texts: list[str]) -> list[pa.RecordBatch]:
    names = [f"{number:032x}" for number in range(len(texts))]
    urls = [f"https://host-{number % 97}.example/{number}" for number in range(len(texts))]
    columns = {"id": names, "source": ["web"] * len(texts), "url": urls, "date": names, "text": texts}
    whole = pa.record_batch(columns)
    return [whole.slice(start, BATCH_ROWS) for start in range(0, len(texts), BATCH_ROWS)]


def our_signals(batches: list[pa.RecordBatch]) -> None:
    for batch in batches:
        raw = Texts(batch.column("text"))
        signals.measure(Batch(raw, edit(raw, Edits())))


def datatroves(texts: list[str]) -> None:
    filters = (GopherRepetitionFilter(), GopherQualityFilter(), C4QualityFilter(), FineWebQualityFilter())
    for one in filters:
        for text in texts:
            one.filter(Document(text=text, id=""))


def plain(texts: list[str]) -> None:
    sys.path.insert(0, str(ROOT / "tests/udfs/signals"))
    import plain_signals

    for text in texts:
        left, _ = plain_signals.c4(text, Edits(), "cjk")
        plain_signals.gopher(text, "cjk")
        plain_signals.repetition(text, "cjk")
        plain_signals.fineweb(left, "cjk")


def spark_seconds(texts: list[str], model: QualityModel) -> float:
    """CPU seconds of the JVM for spark.ml's transform of a model with these coefficients."""
    from pyspark.ml import PipelineModel
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import HashingTF, Tokenizer
    from pyspark.ml.linalg import Vectors
    from pyspark.sql import functions as F

    from jobs.session import start_session

    spark = start_session("signals", {"spark.master": "local[1]", "spark.driver.memory": "2g"})
    rows = [(1.0, Vectors.sparse(N_FEATURES, {0: 1.0})), (0.0, Vectors.sparse(N_FEATURES, {1: 1.0}))]
    fitted = LogisticRegression(maxIter=1).fit(spark.createDataFrame(rows, ["label", "features"]))
    stages = [
        Tokenizer(inputCol="text", outputCol="words"),
        HashingTF(inputCol="words", outputCol="features", numFeatures=len(model.coefficients)),
        fitted,
    ]
    frame = spark.createDataFrame([(text,) for text in texts], ["text"]).repartition(1).cache()
    frame.count()
    scored = PipelineModel(stages).transform(frame)
    score = scored.agg(F.count("probability"), F.sum(F.hash("probability")))
    pid = spark.sparkContext._gateway.proc.pid  # pyright: ignore[reportOptionalMemberAccess]
    java = next(int(path.parent.name) for path in Path("/proc").glob("[0-9]*/stat") if is_java(path, pid))
    return cpu_seconds(score.collect, clock=lambda: jvm_seconds(java))


def is_java(stat: Path, pid: int) -> bool:
    """Whether it is the process with this id, or its child, and Java."""
    try:
        name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
        return name == "java" and pid in (int(stat.parent.name), int(rest.split()[1]))
    except OSError:
        return False


def jvm_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def row(name: str, n_texts: int, n_bytes: int, ours: float, peers: dict[str, float]) -> None:
    beside = ", ".join(f"{peer} {rate:,.0f} ({n_texts / ours / rate:,.1f}x)" for peer, rate in peers.items())
    print(f"{name:10} {n_texts / ours:>9,.0f} documents/s {n_bytes / ours / 1e6:>7.1f} MB/s   {beside}", flush=True)


def main(file: str, copies: int) -> None:
    once = read_texts(file)
    texts = once * copies
    n_bytes = sum(len(text.encode()) for text in texts)
    batches = batches_of(texts)
    print(f"{Path(file).name}: {len(once)} documents of {n_bytes / len(texts):,.0f} bytes, {copies} times")

    peers = {"datatrove": cpu_seconds(lambda: datatroves(once), 1), "plain Python": cpu_seconds(lambda: plain(once), 1)}
    seconds = cpu_seconds(lambda: our_signals(batches))
    row("signals", len(texts), n_bytes, seconds, {name: len(once) / taken for name, taken in peers.items()})

    fasttext.FastText.eprint = lambda *args: None
    library = fasttext.load_model(default_model())
    lines = [text.replace("\n", " ") for text in texts]
    plan = LanguagePlan(default_model(), max_chars=WHOLE)
    seconds = cpu_seconds(lambda: [identify(batch.column("text"), plan) for batch in batches])
    row(
        "language", len(texts), n_bytes, seconds, {"fastText": len(texts) / cpu_seconds(lambda: library.predict(lines))}
    )

    model = QualityModel(np.sin(np.arange(N_FEATURES)), 0.1)
    with TemporaryDirectory() as folder:
        (Path(folder) / WEIGHTS).write_bytes(model.to_bytes())
        (Path(folder) / CARD).write_text('{"kind": "logistic", "words": "whitespace"}')
        plan = replace(plan, max_chars=1000)
        whole = MeasurePlan("cjk", Edits(), plan, folder, "word", 5, 26, 8)
        seconds = cpu_seconds(lambda: [measure_batch(batch, whole) for batch in batches])
    row("measure", len(texts), n_bytes, seconds, {})
    seconds -= cpu_seconds(lambda: [identify(batch.column("text"), plan) for batch in batches])
    row("- language", len(texts), n_bytes, seconds, {})
    print(f"{'':10} peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB, peers included")
    seconds = cpu_seconds(lambda: [model.scores(batch.column("text")) for batch in batches])
    row("quality", len(texts), n_bytes, seconds, {"spark.ml": len(texts) / spark_seconds(texts, model)})


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20)
