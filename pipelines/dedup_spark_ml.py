"""Candidate pairs by spark.ml: HashingTF of the shingles and MinHashLSH, of ids and vectors only.

For whom the method matters more than the cost: a table of MinHashLSH is one hash, so any two documents that agree in
one of them are joined, and their vectors go through the shuffle once for each table. What it finds is verified as all
pairs are.
"""

from functools import partial

from pyspark.ml.feature import HashingTF, MinHashLSH
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.search import Search
from udfs import near

N_FEATURES = 1 << 20
SLACK = 0.05
"""Pairs so much farther apart than the threshold are candidates too: shingles that share a feature move distances."""
SEED = 0


def spark_ml_pairs(search: Search, plan: near.ShinglePlan, threshold: float, tables: int) -> DataFrame:
    """near.PAIRS of documents left whose vectors are as similar as the threshold, less SLACK."""
    rows = search.stream(partial(near.shingle_words, plan=plan), near.WORDS)
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
        "0L AS group",
    )
    return search.written("candidates of spark.ml", pairs, near.PAIRS)  # the join is dear, and its pairs are read twice
