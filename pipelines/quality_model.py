"""train_quality: a logistic regression over hashed words, learned by spark.ml from good and bad texts, or fastText.

Reads the labelled files once. spark.ml adds partial gradients in the order in which tasks end, so the model fits on
a bounded, seeded sample in one partition; then the same texts give the same model on any number of cores. Held out is a
seeded share of the groups (hosts; single documents, where there is no URL). The interval of the AUC takes texts for
independent, which those of one host are not quite.
"""

import json
import math
import tempfile
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from conf.model import Model
from pipelines.ingest import IngestSettings
from pipelines.sources import Inputs, expand
from pipelines.stage import Job
from pipelines.tasks import spark_uri, stream_tasks
from pipelines.tokenizer import write_file
from udfs import files
from udfs.errors import InputError
from udfs.labelled import LABELLED, LabelledFile, read_labelled
from udfs.parts import PartFile
from udfs.quality import CARD, FASTTEXT, WEIGHTS, FastTextQuality, Floats, QualityModel, model_files

NO_ROWS = "0" * 32
N_BINS = 10
ROC_POINTS = 50
FASTTEXT_DIM, FASTTEXT_THREADS = 16, 12


class TrainingSettings(Model):
    good: Inputs = []
    """Texts to be found good: a reference corpus, as `inputs`. Empty trains nothing."""
    bad: Inputs = []
    """Texts to be found bad: a raw crawl, as `inputs`."""
    kind: Literal["logistic", "fasttext"] = "logistic"
    """`logistic` is spark.ml's regression; `fasttext` a supervised model of words and pairs of them, as DCLM's (Li et
    al. 2024, section 4.4), whose training gives another model each time."""
    words: Literal["whitespace", "cjk"] = "whitespace"
    """What the model counts: what stands between white space, as spark.ml's Tokenizer has it; with `cjk` each character
    of an unspaced script is a word too, without which a Chinese sentence is a single one."""
    features: int = Field(default=1 << 18, ge=1 << 4, le=1 << 24)
    """Length of the hashed vector; for `fasttext`, buckets of the pairs of words."""
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
    or a supervised fastText model, a file .bin or .ftz, of whose labels one is `hq` or `good`."""
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
    """labelled texts -> quality_model/ (model.json; weights.npy and spark.ml's pipeline, or model.bin)."""
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
    check_labels("training", train)
    check_labels("held-out", held_out)
    if quality_training.kind == "fasttext":
        model, parts = train_fasttext(job, train, quality_training)
    else:
        model, parts = train_logistic(job, train, quality_training)
    figures = evaluate(model, held_out)
    job.counts |= {"texts": train.count(), "held_out": figures}
    card = describe_model(quality_training, parts, figures)
    job.add("quality_model", [*parts, write_file(job, "quality_model", CARD, json.dumps(card, indent=1).encode())])


def check_labels(part: str, texts: DataFrame) -> None:
    n_good, n_bad = (texts.where(F.col("label") == label).count() for label in (1, 0))
    if not n_good or not n_bad:
        reason = f"quality.training: {n_good} good and {n_bad} bad texts fall to the {part} part; both are needed"
        raise InputError(reason, "name more files in quality.training.good and .bad")


def train_logistic(job: Job, texts: DataFrame, training: TrainingSettings) -> tuple[QualityModel, list[PartFile]]:
    """The model, and the files it was written to: weights.npy and a spark.ml directory."""
    fitted = fit(texts, training)
    logistic = fitted.stages[-1]
    model = QualityModel(logistic.coefficients.toArray(), logistic.intercept, training.words)
    return model, [*save_pipeline(job, fitted), write_file(job, "quality_model", WEIGHTS, model.to_bytes())]


def train_fasttext(job: Job, texts: DataFrame, training: TrainingSettings) -> tuple[FastTextQuality, list[PartFile]]:
    """The model, and the file it was written to. Raises InputError when fastText finds none.

    With fewer than 11 threads fastText starts from memory that it never set (src/densematrix.cc, uniformThread).
    """
    import fasttext  # slow to import

    with tempfile.TemporaryDirectory() as folder:
        lines, file = f"{folder}/texts", f"{folder}/{FASTTEXT}"
        with open(lines, "w", encoding="utf-8") as stream:
            for row in texts.orderBy("draw", "id").select("label", "text").toLocalIterator():
                label = "good" if row["label"] else "bad"
                stream.write(f"__label__{label} {' '.join(row['text'].split())}\n")
        try:
            trained: Any = fasttext.train_supervised(
                lines, dim=FASTTEXT_DIM, wordNgrams=2, bucket=training.features, thread=FASTTEXT_THREADS, verbose=0
            )
        except RuntimeError as error:
            raise InputError(f"quality.training: fastText: {error}", "name more texts, or run it again") from error
        trained.save_model(file)
        part = write_file(job, "quality_model", FASTTEXT, Path(file).read_bytes())
        return FastTextQuality(file, training.words), [part]


def describe_model(training: TrainingSettings, parts: list[PartFile], figures: dict[str, Any]) -> dict[str, Any]:
    """The content of model.json."""
    return {
        "format": 2,
        "kind": training.kind,
        "words": training.words,
        "n_features": training.features,
        "sha256": next(part.sha256 for part in parts if part.path in (WEIGHTS, FASTTEXT)),
        "held_out": figures,
    }


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


def evaluate(model: QualityModel | FastTextQuality, held_out: DataFrame) -> dict[str, Any]:
    """AUC with its interval; precision and recall at 0.5 and at each tenth; the ROC curve; calibration, which is texts,
    mean score and share of good ones in each tenth; and how the scores of each source are spread."""
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
        "roc": roc(labels, scores),
        "calibration": calibration(labels, scores),
        "sources": spread(table["source"].to_numpy(zero_copy_only=False), scores),
    }


def at_cut(labels: Floats, scores: Floats, min_score: float) -> dict[str, float | None]:
    """Share of good ones among the texts kept, and of kept ones among the good."""
    kept = scores >= min_score
    return {"precision": float(labels[kept].mean()) if kept.any() else None, "recall": float(kept[labels == 1].mean())}


def roc(labels: Floats, scores: Floats) -> list[dict[str, float]]:
    """Shares of the good and of the bad texts that a smallest score keeps, for ROC_POINTS scores at equal distances in
    rank, the highest first."""
    order = np.argsort(-scores, kind="stable")
    good, bad = np.cumsum(labels[order] == 1), np.cumsum(labels[order] != 1)
    last_of_score = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    chosen = np.linspace(0, len(last_of_score) - 1, min(ROC_POINTS, len(last_of_score))).astype(int)
    return [
        {"min_score": float(scores[order[i]]), "good": float(good[i] / good[-1]), "bad": float(bad[i] / bad[-1])}
        for i in last_of_score[chosen].tolist()
    ]


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
    from scipy.stats import rankdata  # slow to import

    n_good = labels.sum()
    n_bad = len(labels) - n_good
    return float((rankdata(scores)[labels == 1].sum() - n_good * (n_good + 1) / 2) / (n_good * n_bad))


def auc_interval(labels: Floats, scores: Floats) -> tuple[float, float]:
    """The 95 % confidence interval of the AUC (DeLong, DeLong, Clarke-Pearson, Biometrics 44, 1988), within 0 to 1."""
    from scipy.stats import rankdata

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
    fitted.write().overwrite().save(spark_uri(folder))
    fs, root = files.locate(folder)
    names = sorted(path.removeprefix(root.rstrip("/") + "/") for path in fs.find(root))
    found = {f"spark_ml/{name}": files.fingerprint(files.join(folder, name)) for name in names}
    return [PartFile(name, 0, one.n_bytes, one.sha256, NO_ROWS) for name, one in found.items()]
