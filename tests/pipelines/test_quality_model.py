"""The quality model: scores as spark.ml's own, the same model from any partitions, figures against plain ones."""

import gzip
import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession
from tiny_corpus import Command, TinyRun, chinese, english, json_lines

from pipelines.quality_model import TrainingSettings, auc, auc_interval, evaluate, fit, sample
from udfs.quality import QualityModel, load_model, spaced

HOSTILE = [
    "",
    " ",
    "\n a",
    "ΟΔΥΣΣΕΥΣ ΣΑΣ",
    "İSTANBUL ß ŉ",
    "\u00a0x\u2003y\x1cz",
    "tail  ",
    "😀 \ud7ff\uffff",
    "a" * 5000,
]


def test_scores_are_spark_mls_own(tiny_run: TinyRun, spark: SparkSession):
    folder = tiny_run.root / "quality_model"
    texts = [row["text"] for row in tiny_run.rows("documents")] + HOSTILE
    frame = spark.createDataFrame(list(enumerate(texts)), "number int, text string")
    scored = PipelineModel.load(str(folder / "spark_ml")).transform(frame).select("number", "probability").collect()
    theirs = [row["probability"][1] for row in sorted(scored, key=lambda row: row["number"])]
    assert load_model(str(folder)).scores(pa.array(texts)) == pytest.approx(theirs, abs=1e-9)


def many_texts(shared_data: Path) -> list[str]:
    """10,000 different texts: English, paragraphs in some 500 languages, and Chinese."""
    text = shared_data / "text"
    english = gzip.decompress((text / "wikitext2-test.txt.gz").read_bytes()).decode().split("\n")
    rights = zstandard.decompress((text / "udhr-first-half.jsonl.zst").read_bytes()).splitlines()
    poems = zstandard.decompress((text / "zh-poetry.jsonl.zst").read_bytes()).splitlines()
    mixed = [line for row in rights for line in json.loads(row)["text"].split("\n")]
    found = dict.fromkeys(english + mixed[:4_000] + [json.loads(line)["text"] for line in poems])
    return [text for text in found if text.strip()][:10_000]


def test_ten_thousand_texts_have_spark_mls_features_to_the_bit_and_its_probabilities(
    shared_data: Path, spark: SparkSession
):
    texts = many_texts(shared_data)
    assert len(texts) == 10_000
    rows = [(f"{i:032x}", float(i % 2), i, text) for i, text in enumerate(texts)]
    frame = spark.createDataFrame(rows, "id string, label double, draw long, text string").coalesce(1)
    fitted = fit(frame.limit(200), TrainingSettings(features=1 << 18, max_iterations=3))
    found = fitted.transform(frame).orderBy("draw").select("features", "probability").collect()
    logistic = fitted.stages[-1]
    model = QualityModel(logistic.coefficients.toArray(), logistic.intercept, "whitespace")
    assert model.scores(pa.array(texts)) == pytest.approx([row["probability"][1] for row in found], abs=1e-9)
    # Counts of words are integers: with weights that are integers too, equal sums of many draws are equal features.
    draws = np.random.default_rng(5).integers(0, 1 << 20, (3, 1 << 18)).astype(float)
    for weights in draws:
        sums = [float(weights[row["features"].indices] @ row["features"].values) for row in found]
        assert QualityModel(weights, 0.0, "whitespace").margins(pa.array(texts)).tolist() == sums


def test_scores_in_signals_are_those_of_the_text_after_edits(scheduled_run: TinyRun):
    clean = {name: row for name, row in scheduled_run.by_name("clean").items() if "example" not in row["text"]}
    scores = load_model(str(scheduled_run.root / "quality_model")).scores(
        pa.array([row["text"] for row in clean.values()])
    )
    assert scores.tolist() == [row["quality_score"] for row in clean.values()]


def labelled(spark: SparkSession, n_partitions: int):
    rows = [
        (f"{i:032x}", f"source-{i % 4}", float(i % 2), False, i * 7919 % 101, (english, chinese)[i % 2](i))
        for i in range(40)
    ]
    names = "id string, source string, label double, held_out boolean, draw long, text string"
    frame = spark.createDataFrame(rows, names)
    return frame.repartition(n_partitions)


def test_the_model_is_the_same_to_the_bit_from_any_partitions(spark: SparkSession):
    training = TrainingSettings(features=64, max_texts=15, max_iterations=5)
    models = [fit(sample(labelled(spark, n), training.max_texts), training).stages[-1] for n in (1, 3)]
    assert models[0].coefficients.toArray().tolist() == models[1].coefficients.toArray().tolist()
    assert models[0].intercept == models[1].intercept


def test_the_sample_has_the_smallest_draws_of_each_label(spark: SparkSession):
    found = [(row["label"], row["draw"]) for row in sample(labelled(spark, 3), 15).collect()]
    draws = {label: sorted(i * 7919 % 101 for i in range(40) if i % 2 == label)[:15] for label in (0, 1)}
    assert sorted(found) == [(float(label), draw) for label in (0, 1) for draw in draws[label]]
    assert [draw for _, draw in found] == sorted(draw for _, draw in found)


def test_auc_is_the_share_of_pairs_in_the_right_order():
    labels, scores = np.array([1.0, 1, 0, 0, 1]), np.array([0.9, 0.4, 0.4, 0.1, 0.3])
    pairs = [(good, bad) for good in scores[labels == 1] for bad in scores[labels == 0]]
    assert auc(labels, scores) == sum((good > bad) + (good == bad) / 2 for good, bad in pairs) / len(pairs)


def test_held_out_figures_count_every_text_once(spark: SparkSession):
    model = QualityModel(np.sin(np.arange(64)), 0.1)
    figures = evaluate(model, labelled(spark, 2))
    scores = model.scores(pa.array([(english, chinese)[i % 2](i) for i in range(40)]))
    good = np.arange(40) % 2 == 1
    assert (figures["texts"], figures["good"]) == (40, 20)
    assert figures["recall"] == (scores[good] >= 0.5).mean()
    assert figures["precision"] == (good[scores >= 0.5].mean() if (scores >= 0.5).any() else None)
    assert sum(one["texts"] for one in figures["calibration"]) == 40
    for point in figures["roc"]:
        kept = scores >= point["min_score"]
        assert (point["good"], point["bad"]) == (kept[good].mean(), kept[~good].mean())
    assert (figures["roc"][-1]["good"], figures["roc"][-1]["bad"]) == (1, 1)
    assert figures["cuts"][4] == {"min_score": 0.5, "precision": figures["precision"], "recall": figures["recall"]}
    assert [one["recall"] for one in figures["cuts"]] == sorted(
        (one["recall"] for one in figures["cuts"]), reverse=True
    )
    assert [(one["source"], one["texts"]) for one in figures["sources"]] == [(f"source-{i}", 10) for i in range(4)]
    first = np.sort(scores[np.arange(40) % 4 == 0])
    assert first[0] <= figures["sources"][0]["score_10"] <= figures["sources"][0]["score_90"] <= first[-1]
    assert figures["auc_low"] <= figures["auc"] <= figures["auc_high"]


def test_the_interval_of_the_auc_is_as_wide_as_resampling_says():
    rng = np.random.default_rng(0)
    labels = np.repeat([1.0, 0.0], [120, 80])
    scores = rng.normal(labels, 1.0)
    low, high = auc_interval(labels, scores)
    resampled = []
    for _ in range(2000):
        good, bad = rng.choice(scores[:120], 120), rng.choice(scores[120:], 80)
        resampled.append(auc(labels, np.concatenate([good, bad])))
    assert (low, high) == pytest.approx(tuple(np.quantile(resampled, (0.025, 0.975))), abs=0.01)


def test_with_a_word_for_each_character_the_scores_are_spark_mls_own_too(spark: SparkSession):
    texts = [*[chinese(i) for i in range(10)], *[english(i) for i in range(10)], "ไทย 漢字かな abc", *HOSTILE]
    rows = [(f"{i:032x}", float(i % 2), i, text) for i, text in enumerate(spaced(pa.array(texts)).to_pylist())]
    frame = spark.createDataFrame(rows, "id string, label double, draw long, text string")
    fitted = fit(frame, TrainingSettings(features=256, max_iterations=5))
    theirs = [row["probability"][1] for row in fitted.transform(frame).orderBy("draw").collect()]
    logistic = fitted.stages[-1]
    model = QualityModel(logistic.coefficients.toArray(), logistic.intercept, "cjk")
    assert model.scores(pa.array(texts)) == pytest.approx(theirs, abs=1e-9)
    assert spaced(spaced(pa.array(texts))) == spaced(pa.array(texts))


def test_the_card_has_the_digest_of_the_weights_and_the_model_tells_good_from_bad(tiny_run: TinyRun):
    card = json.loads((tiny_run.root / "quality_model/model.json").read_text())
    assert card["sha256"] == sha256((tiny_run.root / "quality_model/weights.npy").read_bytes()).hexdigest()
    assert card["n_features"] == 1024
    assert card["held_out"]["auc"] == 1.0
    counts = tiny_run.record("train_quality")["committed"]["counts"]
    assert counts["texts"] + card["held_out"]["texts"] == 100


def test_a_fasttext_model_is_trained_tried_and_scores_documents(gristmill: Command, tmp_path: Path):
    for name, text in (("good", english), ("bad", chinese)):
        (tmp_path / f"{name}.jsonl").write_bytes(json_lines({"text": text(i)} for i in range(60)))
    training = {"kind": "fasttext", "words": "cjk", "features": 1024, "good": [str(tmp_path / "good.jsonl")]}
    settings = {
        "output": str(tmp_path / "run"),
        "inputs": training["good"],
        "quality": {"training": {**training, "bad": [str(tmp_path / "bad.jsonl")]}},
        "spark": {"spark.sql.shuffle.partitions": 2},
    }
    (tmp_path / "settings.yaml").write_text(json.dumps(settings))
    assert gristmill("run", "--settings", tmp_path / "settings.yaml", "--until", "measure").code == 0
    card = json.loads((tmp_path / "run/quality_model/model.json").read_text())
    assert card["held_out"]["auc"] == 1.0
    assert card["sha256"] == sha256((tmp_path / "run/quality_model/model.bin").read_bytes()).hexdigest()
    signals = pq.read_table(tmp_path / "run/signals").to_pylist()
    assert len(signals) == 60
    assert all(row["quality_score"] > 0.5 for row in signals)
