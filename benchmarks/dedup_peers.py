"""Other tools that find near-duplicates, each as its documentation says to use it.

All see the same texts, cut into the same 5-word shingles, with our bands and a threshold of 0.8. Each function says of
every document whether the tool would remove it.
"""

import json
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa

from udfs.clusters import components

THRESHOLD = 0.8
BANDS, ROWS, WIDTH = 26, 8, 5


def all_but_one(n: int, pairs: Iterable[tuple[int, int]]) -> np.ndarray:
    """Every document but the first of its group, groups being what the pairs connect."""
    ends = np.array(list(pairs), np.int64).reshape(-1, 2)
    return components(n, ends[:, 0], ends[:, 1]) != np.arange(n)


def word_shingles(text: str) -> list[str]:
    words = text.split(" ")
    return [" ".join(words[i : i + WIDTH]) for i in range(max(1, len(words) - WIDTH + 1))]


def datasketch(texts: list[str]) -> np.ndarray:
    """MinHash.update_batch and MinHashLSH with our bands; candidates are duplicates."""
    import datasketch

    index = datasketch.MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS))
    pairs = []
    for number, text in enumerate(texts):
        sketch = datasketch.MinHash(num_perm=BANDS * ROWS)
        sketch.update_batch([shingle.encode() for shingle in word_shingles(text)])
        pairs += [(number, other) for other in index.query(sketch)]
        index.insert(number, sketch)
    return all_but_one(len(texts), pairs)


def rensa(texts: list[str]) -> np.ndarray:
    """RMinHash and RMinHashLSH; shingles made in Python, as its README does; pairs by its estimate of similarity."""
    import rensa

    sketches = []
    index = rensa.RMinHashLSH(THRESHOLD, BANDS * ROWS, BANDS)
    for number, text in enumerate(texts):
        sketch = rensa.RMinHash(BANDS * ROWS, 42)
        sketch.update(word_shingles(text))
        index.insert(number, sketch)
        sketches.append(sketch)
    found = ((number, other) for number, sketch in enumerate(sketches) for other in index.query(sketch))
    close = ((a, b) for a, b in found if a < b and sketches[a].jaccard(sketches[b]) >= THRESHOLD)
    return all_but_one(len(texts), close)


def gaoya(texts: list[str]) -> np.ndarray:
    """MinHashStringIndex with its own shingling; it compares estimates before it answers."""
    import gaoya.minhash

    index = gaoya.minhash.MinHashStringIndex(32, THRESHOLD, BANDS, ROWS, None, "word", False, (WIDTH, WIDTH), "vec")
    for number, text in enumerate(texts):
        index.insert_document(number, text)
    return all_but_one(
        len(texts), ((number, other) for number, text in enumerate(texts) for other in index.query(text))
    )


def datatrove(texts: list[str]) -> np.ndarray:
    """The four MinHash steps from JSON lines to JSON lines; SHA-1, as its xxhash refuses strings with xxhash 4."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter
    from datatrove.utils.hashing import HashConfig

    config = MinhashConfig(WIDTH, BANDS, ROWS, hash_config=HashConfig(hash_fc="sha1"))
    with TemporaryDirectory() as folder:
        source = Path(folder, "in/texts.jsonl")
        source.parent.mkdir()
        rows = (json.dumps({"text": text, "id": str(number)}) for number, text in enumerate(texts))
        source.write_text("\n".join(rows))
        for tasks, *steps in (
            (1, JsonlReader(f"{folder}/in"), MinhashDedupSignature(f"{folder}/signatures", config)),
            (BANDS, MinhashDedupBuckets(f"{folder}/signatures", f"{folder}/buckets", config=config)),
            (1, MinhashDedupCluster(f"{folder}/buckets", f"{folder}/removed", config=config)),
            (
                1,
                JsonlReader(f"{folder}/in"),
                MinhashDedupFilter(f"{folder}/removed", JsonlWriter(f"{folder}/gone", compression=None)),
            ),
        ):
            options = {"workers": 1, "logging_dir": f"{folder}/logs", "skip_completed": False}
            LocalPipelineExecutor(steps, tasks=tasks, **options).run()
        lines = [line for path in Path(folder, "gone").glob("*.jsonl") for line in path.read_text().splitlines()]
    removed = np.zeros(len(texts), bool)
    removed[[int(json.loads(line)["id"]) for line in lines]] = True
    return removed


def text_dedup(texts: list[str]) -> np.ndarray:
    """Its minhash command, JSON lines to a saved data set, in its own environment; shared buckets are believed."""
    with TemporaryDirectory() as folder:
        rows = (json.dumps({"text": text, "number": number}) for number, text in enumerate(texts))
        Path(folder, "in.jsonl").write_text("\n".join(rows))
        given = {"path": "json", "data_files": f"{folder}/in.jsonl", "split": "train", "cache_dir": folder}
        given |= {"output": f"{folder}/kept", "column": "text", "num_proc": 1}
        given |= {"b": BANDS, "r": ROWS, "num_perm": BANDS * ROWS, "ngram": WIDTH, "threshold": THRESHOLD}
        command = ["uv", "tool", "run", "--from", "text-dedup==0.4.0", "python", "-m", "text_dedup.minhash"]
        options = [text for key, value in given.items() for text in (f"--{key}", str(value))]
        subprocess.run([*command, *options], check=True, capture_output=True)
        removed = np.ones(len(texts), bool)
        for file in Path(folder, "kept").glob("*.arrow"):
            removed[pa.ipc.open_stream(file).read_all()["number"].to_numpy()] = False
    return removed


def spark_ml(texts: list[str]) -> np.ndarray:
    """Binary HashingTF of the shingles and approxSimilarityJoin with 5 tables; it computes the distances it reports."""
    from pyspark.ml.feature import HashingTF, MinHashLSH, NGram, RegexTokenizer
    from pyspark.sql import SparkSession

    spark = SparkSession.getActiveSession()
    assert spark is not None  # made by the script
    frame = spark.createDataFrame(list(enumerate(texts)), ["id", "text"])
    words = RegexTokenizer(inputCol="text", outputCol="words", pattern=" ").transform(frame)
    runs = NGram(n=WIDTH, inputCol="words", outputCol="runs").transform(words).where("size(runs) > 0")
    vectors = HashingTF(inputCol="runs", outputCol="vector", binary=True, numFeatures=1 << 20).transform(runs)
    vectors = vectors.select("id", "vector").cache()
    model = MinHashLSH(inputCol="vector", outputCol="hashes", numHashTables=5, seed=0).fit(vectors)
    joined = model.approxSimilarityJoin(vectors, vectors, 1 - THRESHOLD).where("datasetA.id < datasetB.id")
    rows = joined.select("datasetA.id", "datasetB.id").collect()
    return all_but_one(len(texts), [(row[0], row[1]) for row in rows])


PEERS: dict[str, Callable[[list[str]], np.ndarray]] = {
    "datasketch": datasketch,
    "rensa": rensa,
    "gaoya": gaoya,
    "datatrove": datatrove,
    "text_dedup": text_dedup,
    "spark_ml": spark_ml,
}
