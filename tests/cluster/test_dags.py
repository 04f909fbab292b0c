"""The DAGs: their stages are those of the chain, and Airflow can import them, where it is installed."""

import ast
import os
import subprocess
from pathlib import Path

import pytest
from digests import STAGES

ROOT = Path(__file__).resolve().parents[2]
DAGS = ROOT / "airflow" / "dags"
AIRFLOW = Path(os.environ.get("GRISTMILL_AIRFLOW", ROOT / ".venv-airflow")) / "bin" / "python"
IMPORT = """if True:
    import sys
    from airflow.dag_processing.dagbag import DagBag
    found = DagBag(sys.argv[1])
    assert not found.import_errors, found.import_errors
    for name, dag in sorted(found.dags.items()):
        assert dag.doc_md and dag.params
        print(name, *[task.task_id for task in dag.topological_sort()])"""


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


@pytest.mark.skipif(not AIRFLOW.exists(), reason=f"no Airflow in {AIRFLOW}; scripts/airflow makes it")
def test_airflow_imports_the_dags(tmp_path: Path):
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    command = [str(AIRFLOW), "-W", "ignore", "-c", IMPORT, str(DAGS)]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert f"gristmill {' '.join(STAGES)}" in finished.stdout
    assert "gristmill_train fetch verify train" in finished.stdout
