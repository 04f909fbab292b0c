"""The DAGs: their stages are those of the chain, and Airflow can import them, where it is installed."""

import ast
import json
import os
import subprocess
from pathlib import Path

import pytest
from applications import RESOURCE_MANAGER, submit, wait
from digests import STAGES

from pipelines.run import Run

ROOT = Path(__file__).resolve().parents[2]
DAGS = ROOT / "airflow" / "dags"
AIRFLOW = Path(os.environ.get("GRISTMILL_AIRFLOW", ROOT / ".venv-airflow")) / "bin" / "python"
needs_airflow = pytest.mark.skipif(not AIRFLOW.exists(), reason=f"no Airflow in {AIRFLOW}; scripts/airflow makes it")
IMPORT = """if True:
    import sys
    from airflow.dag_processing.dagbag import DagBag
    found = DagBag(sys.argv[1])
    assert not found.import_errors, found.import_errors
    for name, dag in sorted(found.dags.items()):
        assert dag.doc_md and dag.params
        print(name, *[task.task_id for task in dag.topological_sort()])"""

FIND = """if True:
    import sys
    from types import SimpleNamespace
    from airflow.dag_processing.dagbag import DagBag
    task = DagBag(sys.argv[1]).dags["gristmill"].get_task("ingest")
    print("found", task.submit_job({"ti": SimpleNamespace(dag_id="gristmill", run_id=sys.argv[2])}))"""


def in_airflow(tmp_path: Path, program: str, *arguments: str) -> str:
    """What a program prints in Airflow's environment."""
    resource_manager = {"deploy-mode": "cluster", "yarn_resourcemanager_webapp_address": RESOURCE_MANAGER}
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW_CONN_GRISTMILL_YARN": json.dumps({"conn_type": "spark", "host": "yarn", "extra": resource_manager}),
    }
    command = [str(AIRFLOW), "-W", "ignore", "-c", program, str(DAGS), *arguments]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_the_pipeline_has_the_stages_of_the_chain_in_their_order():
    tree = ast.parse((DAGS / "gristmill.py").read_text())
    values = {node.targets[0].id: node.value for node in tree.body if isinstance(node, ast.Assign)}  # type: ignore[attr-defined]
    assert ast.literal_eval(values["STAGES"]) == STAGES


def test_the_dags_import_nothing_of_ours_and_airflow_is_no_package():
    for file in DAGS.glob("*.py"):
        nodes = [
            node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        names = {getattr(node, "module", None) or node.names[0].name for node in nodes}
        assert not {name.partition(".")[0] for name in names} & {"conf", "jobs", "pipelines", "trainer", "udfs"}
    assert not list((ROOT / "airflow").rglob("__init__.py"))


@needs_airflow
def test_airflow_imports_the_dags(tmp_path: Path):
    printed = in_airflow(tmp_path, IMPORT)
    assert f"gristmill {' '.join(STAGES)}" in printed
    assert "gristmill_train fetch verify train" in printed


@needs_airflow
@pytest.mark.cluster
def test_a_task_that_noted_nothing_down_finds_its_application_by_its_tag(on_hdfs: tuple[Run, Path], tmp_path: Path):
    tag = f"gristmill.by-{os.getpid()}.ingest"
    application = submit("ingest", on_hdfs[1], conf={"spark.yarn.tags": tag})
    assert f"found {application}" in in_airflow(tmp_path, FIND, f"By {os.getpid()}")
    wait(application)
