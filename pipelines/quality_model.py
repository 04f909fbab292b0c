"""train_quality: a logistic regression over hashed words, learned by spark.ml from good and bad texts.

Reads the labelled files once. spark.ml adds partial gradients in the order in which tasks end, so the model fits on
a bounded, seeded sample in one partition; then the same texts give the same model on any number of cores. Held out is a
seeded share of the groups (hosts; single documents, where there is no URL). The interval of the AUC takes texts for
independent, which those of one host are not quite.
"""

import json
import math
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from conf.model import Model
from pipelines.ingest import IngestSettings
from pipelines.sources import Inputs, expand
from pipelines.stage import Job
from pipelines.tasks import stream_tasks
from pipelines.tokenizer import write_file
from udfs import files
from udfs.errors import InputError
from udfs.labelled import LABELLED, LabelledFile, read_labelled
from udfs.parts import PartFile
from udfs.quality import CARD, WEIGHTS, Floats, QualityModel, model_files

NO_ROWS = "0" * 32
N_BINS = 10


class TrainingSettings(Model):
    good: Inputs = []
    """Texts to be found good: a reference corpus, as `inputs`. Empty trains nothing."""
    bad: Inputs = []
    """Texts to be found bad: a raw crawl, as `inputs`."""
    words: Literal["whitespace", "cjk"] = "whitespace"
    """What the model counts: what stands between white space, as spark.ml's Tokenizer has it; with `cjk` each character
    of an unspaced script is a word too, without which a Chinese sentence is a single one."""
    features: int = Field(default=1 << 18, ge=1 << 4, le=1 << 24)
    """Length of the hashed vector."""
    max_texts: int = Field(default=200_000, ge=10)
    """Texts of each label to learn from, drawn by a hash of their ids."""
    held_out: float = Field(default=0.2, gt=0, lt=1)
    """Share of hosts (texts, where there is no URL) kept for the held-out figures."""
    regularization: float = Field(default=0.01, ge=0)
    max_iterations: int = Field(default=100, ge=1)


class QualitySettings(Model):
    places: ClassVar[frozenset[str]] = frozenset({"model"})

    model: str = "trained"
    """`trained` for the model that train_quality makes in this run, if it has labelled texts; `none`; another's folder;
    or a supervised fastText model, a local file .bin or .ftz, of whose labels one is `hq` or `good`."""
    min_score: float | None = Field(default=None, ge=0, le=1)
    """Remove documents whose quality score is lower; null keeps all."""
    training: TrainingSettings = TrainingSettings()

    def labelled(self) -> list[LabelledFile]:
        good = [LabelledFile(file, 1.0) for file in expand(self.training.good)]
        return good + [LabelledFile(file, 0.0) for file in expand(self.training.bad)]

    def labelled_files(self) -> dict[str, str]:
        return {f"{task.label:g}/{task.file.name}": task.file.uri for task in self.labelled()}

    def outside_files(self) -> dict[str, str]:
        if self.model in ("trained", "none"):
            return {}
        return {f"quality_model/{name}": uri for name, uri in model_files(self.model).items()}


def train_quality(job: Job, quality_training: TrainingSettings, ingest: IngestSettings, seed: int) -> None:
    """labelled texts -> quality_model/ (spark.ml pipeline, weights.npy, model.json)."""
    job.add("quality_model", [])
    tasks = QualitySettings(training=quality_training).labelled()
    if not tasks:
        return
    read = partial(
        read_labelled,
        plan=ingest.plan(),
        seed=seed,
        held_out_share=quality_training.held_out,
        spaces=quality_training.words == "cjk",
    )
    texts = sample(stream_tasks(job.spark, read, tasks, LABELLED), quality_training.max_texts).persist()
    train, held_out = texts.where("not held_out"), texts.where("held_out")
    for name, frame in (("training", train), ("held-out", held_out)):
        n_good, n_bad = (frame.where(f"label = {label}").count() for label in (1, 0))
        if not n_good or not n_bad:
            reason = f"quality.training: {n_good} good and {n_bad} bad texts fall to the {name} part; both are needed"
            raise InputError(reason, "name more files in quality.training.good and .bad")
    fitted = fit(train, quality_training)
    logistic = fitted.stages[-1]
    model = QualityModel(logistic.coefficients.toArray(), logistic.intercept, quality_training.words)
    figures = evaluate(model, held_out)
    job.counts |= {"texts": train.count(), "held_out": figures}
    job.add("quality_model", [*save_pipeline(job, fitted), *save_model(job, model, figures)])


def sample(texts: DataFrame, max_texts: int) -> DataFrame:
    """At most `max_texts` of each label, those of the smallest draws, in one partition and a fixed order."""
    chosen = [texts.where(F.col("label") == label).orderBy("draw", "id").limit(max_texts) for label in (1.0, 0.0)]
    return chosen[0].unionByName(chosen[1]).repartition(1).sortWithinPartitions("draw", "id")


def fit(texts: DataFrame, training: TrainingSettings) -> Any:
    """The fitted spark.ml pipeline."""
    from pyspark.ml import Pipeline  # here, since it brings pandas and two seconds to the start of every command
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import HashingTF, Tokenizer

    stages = [
        Tokenizer(inputCol="text", outputCol="words"),
        HashingTF(inputCol="words", outputCol="features", numFeatures=training.features),
        LogisticRegression(regParam=training.regularization, maxIter=training.max_iterations),
    ]
    return Pipeline(stages=stages).fit(texts)


def evaluate(model: QualityModel, held_out: DataFrame) -> dict[str, Any]:
    """AUC with its interval; precision and recall at 0.5 and at each tenth; calibration: texts, mean score and share of
    good ones in each tenth; and how the scores of each source are spread."""
    table = held_out.orderBy("draw", "id").select("source", "label", "text").toArrow()
    labels = table["label"].to_numpy()
    scores = model.scores(table["text"].combine_chunks())
    low, high = auc_interval(labels, scores)
    return {
        "texts": len(labels),
        "good": int(labels.sum()),
        "auc": auc(labels, scores),
        "auc_low": low,
        "auc_high": high,
        **at_cut(labels, scores, 0.5),
        "cuts": [{"min_score": i / N_BINS, **at_cut(labels, scores, i / N_BINS)} for i in range(1, N_BINS)],
        "calibration": calibration(labels, scores),
        "sources": spread(table["source"].to_numpy(zero_copy_only=False), scores),
    }


def at_cut(labels: Floats, scores: Floats, min_score: float) -> dict[str, float | None]:
    """Share of good ones among the texts kept, and of kept ones among the good."""
    kept = scores >= min_score
    return {"precision": float(labels[kept].mean()) if kept.any() else None, "recall": float(kept[labels == 1].mean())}


def calibration(labels: Floats, scores: Floats) -> list[dict[str, float]]:
    bins = np.minimum((scores * N_BINS).astype(int), N_BINS - 1)
    return [
        {"texts": int(n), "mean_score": float(scores[bins == i].mean()), "share_good": float(labels[bins == i].mean())}
        for i in range(N_BINS)
        if (n := (bins == i).sum())
    ]


def spread(sources: np.ndarray, scores: Floats) -> list[dict[str, Any]]:
    """Of each source its texts and the tenths 1, 5 and 9 of their scores: a model that gives all texts of a source one
    score ranks sources, not texts."""
    rows = []
    for source in np.unique(sources):
        low, median, high = np.quantile(scores[sources == source], (0.1, 0.5, 0.9), method="nearest").tolist()
        n = int((sources == source).sum())
        rows.append({"source": str(source), "texts": n, "score_10": low, "score_50": median, "score_90": high})
    return rows


def auc(labels: Floats, scores: Floats) -> float:
    """Chance that a good text scores above a bad one, ties counting half (Mann and Whitney's U over the pairs)."""
    n_good = labels.sum()
    n_bad = len(labels) - n_good
    return float((rankdata(scores)[labels == 1].sum() - n_good * (n_good + 1) / 2) / (n_good * n_bad))


def rankdata(values: Floats) -> Floats:
    """Rank of each value from 1; equal values share the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]


def auc_interval(labels: Floats, scores: Floats) -> tuple[float, float]:
    """The 95 % confidence interval of the AUC (DeLong, DeLong, Clarke-Pearson, Biometrics 44, 1988), within 0 to 1."""
    good, bad = scores[labels == 1], scores[labels == 0]
    ranks = rankdata(np.concatenate([good, bad]))
    above_bad = (ranks[: len(good)] - rankdata(good)) / len(bad)  # share of bad texts below each good one
    above_good = (ranks[len(good) :] - rankdata(bad)) / len(good)
    variance = sum(shares.var(ddof=1) / len(shares) for shares in (above_bad, above_good) if len(shares) > 1)
    margin = 1.96 * math.sqrt(variance)
    return max(0.0, auc(labels, scores) - margin), min(1.0, auc(labels, scores) + margin)


def save_pipeline(job: Job, fitted: Any) -> list[PartFile]:
    """The spark.ml directory. spark.ml puts times and random names into it, so its files do not count in the digest."""
    folder = job.run.path("quality_model", "spark_ml")
    fitted.write().overwrite().save(folder)
    fs, root = files.locate(folder)
    names = sorted(path.removeprefix(root.rstrip("/") + "/") for path in fs.find(root))
    found = {f"spark_ml/{name}": files.fingerprint(files.join(folder, name)) for name in names}
    return [PartFile(name, 0, one.n_bytes, one.sha256, NO_ROWS) for name, one in found.items()]


def save_model(job: Job, model: QualityModel, figures: dict[str, Any]) -> list[PartFile]:
    weights = write_file(job, "quality_model", WEIGHTS, model.to_bytes())
    card = {
        "format": 1,
        "features": "spark.ml Tokenizer, HashingTF",
        "words": model.words,
        "n_features": len(model.coefficients),
        "weights_sha256": weights.sha256,
        "held_out": figures,
    }
    return [weights, write_file(job, "quality_model", CARD, json.dumps(card, indent=1).encode())]
