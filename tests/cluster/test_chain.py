"""The whole chain on YARN and HDFS, and on S3: every table and shard has the digest of a run on this machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from applications import CLUSTER, submit, wait
from digests import STAGES, Corpus, digests_of

from pipelines.run import Run
from udfs import files

pytestmark = pytest.mark.cluster
S3A = {
    "spark.jars": ",".join(map(str, (CLUSTER / "lib" / "s3a").glob("*.jar"))),
    "spark.hadoop.fs.s3a.endpoint": os.environ.get("AWS_ENDPOINT_URL_S3", ""),
    "spark.hadoop.fs.s3a.endpoint.region": "us-east-1",
    "spark.hadoop.fs.s3a.path.style.access": "true",
    "spark.hadoop.fs.s3a.connection.ssl.enabled": "false",
}


def test_every_stage_in_cluster_mode_comes_to_the_digests_of_a_local_run(corpus: Corpus, on_hdfs: tuple[Run, Path]):
    run, settings = on_hdfs
    for stage in STAGES:
        ended = wait(submit(stage, settings))
        assert ended["finalStatus"] == "SUCCEEDED", ended["diagnostics"]
    assert digests_of(run) == corpus.digests


def test_a_stage_that_fails_leaves_its_exit_code_and_reason(on_hdfs: tuple[Run, Path]):
    run, settings = on_hdfs
    ended = wait(submit("filter", settings, f"output={run.root}-nowhere"))
    assert ended["finalStatus"] == "FAILED"
    assert "66" in ended["diagnostics"]
    record = Run(f"{run.root}-nowhere").record("filter")
    assert record is not None
    assert (record["exit_code"], record["hint"]) == (66, "run `gristmill ingest` first")


def test_a_stage_in_client_mode_comes_to_the_digests_of_a_local_run(corpus: Corpus, on_hdfs: tuple[Run, Path]):
    client = {
        "spark.submit.deployMode": "client",
        "spark.pyspark.driver.python": sys.executable,
        "spark.ui.enabled": "false",
    }
    run, settings = Run(f"{on_hdfs[0].root}-client"), on_hdfs[1]
    submit("ingest", settings, f"output={run.root}", conf=client)
    expected = {name: digest for name, digest in corpus.digests.items() if name.startswith("ingest: ")}
    assert digests_of(run, ("ingest",)) == expected


@pytest.fixture(scope="module")
def on_s3(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    file = tmp_path_factory.mktemp("settings") / "s3.yaml"
    files.locate("s3a://gristmill")[0].makedirs("gristmill", exist_ok=True)
    return corpus.copied_to(f"s3a://gristmill/tests/{os.getpid()}", file), file


def test_the_chain_on_s3_comes_to_the_digests_of_a_local_run(corpus: Corpus, on_s3: tuple[Run, Path]):
    run, settings = on_s3
    command = [sys.executable, "-m", "jobs", "run", "--settings", str(settings)]
    subprocess.run([*command, *[f"--set=spark={{{', '.join(f'{k}: {v!r}' for k, v in S3A.items())}}}"]], check=True)
    assert digests_of(run) == corpus.digests


def test_the_chain_in_one_application_on_yarn_with_everything_on_s3(corpus: Corpus, on_s3: tuple[Run, Path]):
    root = f"{on_s3[0].root}-yarn"
    keys = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    given = {
        f"{to}.{name}": value for to in ("spark.executorEnv", "spark.yarn.appMasterEnv") for name, value in keys.items()
    }
    ended = wait(submit("run", on_s3[1], f"output={root}", conf={**S3A, **given}))
    assert ended["finalStatus"] == "SUCCEEDED", ended["diagnostics"]
    assert digests_of(Run(root)) == corpus.digests
