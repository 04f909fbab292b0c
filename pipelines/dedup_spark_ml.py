"""Candidate pairs by spark.ml: HashingTF of the shingles and MinHashLSH, of ids and vectors only.

For whom the method matters more than the cost: a table of MinHashLSH is one hash, so any two documents that agree in
one of them are joined, and their vectors go through the shuffle once for each table. What it finds is verified as all
pairs are.
"""

from collections.abc import Iterator

import pyarrow as pa
from pyspark.ml.feature import HashingTF, MinHashLSH
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.flow import Batches, Flow
from pipelines.run import Table
from pipelines.search import Search
from pipelines.tasks import stream_tasks
from udfs import near
from udfs.bundles import bundled, by_key, unbundled
from udfs.decisions import Part

N_FEATURES = 1 << 20
SLACK = 0.05
"""Pairs so much farther apart than the threshold are candidates too: shingles that share a feature move distances."""
SEED = 0


def spark_ml_pairs(search: Search, plan: near.ShinglePlan, threshold: float, tables: int) -> Table:
    """near.PAIRS of documents left whose vectors are as similar as the threshold, less SLACK."""

    def spell_out(parts: list[Part]) -> Batches:
        for part in parts:
            yield from near.shingle_words(part, plan)

    rows = stream_tasks(search.job.spark, spell_out, list(search.groups.values()), near.WORDS)
    hashed = HashingTF(inputCol="shingles", outputCol="features", numFeatures=N_FEATURES, binary=True).transform(rows)
    vectors = hashed.select("node", "order", "features")
    model = MinHashLSH(inputCol="features", outputCol="hashes", numHashTables=tables, seed=SEED).fit(vectors)
    joined = model.approxSimilarityJoin(vectors, vectors, 1 - threshold + SLACK)
    left, right = F.struct("datasetA.order", "datasetA.node"), F.struct("datasetB.order", "datasetB.node")
    pairs = joined.where(left < right).selectExpr(
        "datasetA.order AS left",
        "datasetB.order AS right",
        "datasetA.node AS centre",
        "datasetB.node AS node",
        "0L AS large",
    )
    return search.write("candidates", rows_of(pairs), near.PAIRS)


def rows_of(frame: DataFrame) -> Flow:
    """The rows of a DataFrame of numbers."""

    def bundle(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for _, rows in bundled(batches, by_key(1)):
            yield pa.RecordBatch.from_pydict({"rows": [rows.to_pybytes()]})

    return frame.mapInArrow(bundle, "rows binary").rdd.flatMap(lambda row: unbundled([bytes(row.rows)]))
