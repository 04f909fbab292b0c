"""The Spark session of a job: what spark-submit decided stands; alone, local Spark on every core."""

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyspark import SparkConf, SparkContext
from pyspark.sql import SparkSession

import conf
from udfs.errors import UsageError

COMMITTER = "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version"
"""Version 2 moves files of failed attempts into the output (MAPREDUCE-6336); only spark.ml's models are written so."""
DEFAULTS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "10000",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.shuffle.partitions": "32",
    "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
    "spark.ui.showConsoleProgress": "false",
    COMMITTER: "1",
}
LATE_C2 = (
    "-XX:+IgnoreUnrecognizedVMOptions -XX:Tier4InvocationThreshold=500000 -XX:Tier4MinInvocationThreshold=60000"
    " -XX:Tier4CompileThreshold=1500000 -XX:Tier4BackEdgeThreshold=4000000"
)
"""Java's second compiler begins a hundred times later than it would: on small inputs it was a quarter of a stage's CPU
time; a join of 18 million rows, where it pays, cost the same. Without it that join took a quarter longer."""
KEEP_MEMORY = {
    "spark.executorEnv.MALLOC_MMAP_THRESHOLD_": 32 << 20,
    "spark.executorEnv.MALLOC_TRIM_THRESHOLD_": 64 << 20,
    "spark.executorEnv.MIMALLOC_PURGE_DELAY": 1_000,
}
"""Python workers keep some memory that is freed for the next batch (glibc 64 MiB, and a second long Arrow's mimalloc):
to get fresh pages from the system for each was a sixth of the workers' CPU time in dedup. More of it gains nothing."""
LOCAL = {
    "spark.master": "local[*]",
    "spark.driver.memory": "4g",
    "spark.driver.extraJavaOptions": LATE_C2,
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    **KEEP_MEMORY,
}

QUIET = str(Path(conf.__file__).with_name("spark"))
"""Spark's own configuration folder: says only errors."""


def lazy_session(name: str, settings: dict[str, Any]) -> Callable[[], SparkSession]:
    """A function that starts the session on its first call, so that a job with nothing to do starts none. Under
    spark-submit it is started at once: YARN takes an application without a session for one that has failed."""
    session = functools.cache(lambda: start_session(name, settings))
    if is_submitted():
        session()
    return session


def is_submitted() -> bool:
    return "PYSPARK_GATEWAY_PORT" in os.environ


def start_session(name: str, settings: dict[str, Any]) -> SparkSession:
    """The session. Settings files win over spark-submit, and spark-submit over our defaults. Raises UsageError."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    if not {"SPARK_HOME", "SPARK_CONF_DIR"} & os.environ.keys():
        os.environ["SPARK_CONF_DIR"] = QUIET
    given = {**(_given_by_submit() if is_submitted() else LOCAL), **settings}
    chosen = {**DEFAULTS, **given}
    if str(chosen[COMMITTER]) != "1":
        raise UsageError(
            f"{COMMITTER} is {chosen[COMMITTER]}", "leave it at 1: version 2 shows what failed tasks wrote"
        )
    builder = SparkSession.builder.appName(name)  # pyright: ignore[reportAttributeAccessIssue]
    for key, value in chosen.items():
        builder = builder.config(key, str(value).lower() if isinstance(value, bool) else str(value))
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def _given_by_submit() -> dict[str, str]:
    """The Spark settings that spark-submit hands over."""
    SparkContext._ensure_initialized()  # without it SparkConf does not ask the JVM
    return dict(SparkConf().getAll())
