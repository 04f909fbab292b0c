"""The trainer as a DAG: fetch the shards to this machine, prove them, train by torchrun.

Nothing of gristmill is imported. The machine has the trainer's environment ($GRISTMILL_VENV, or .venv beside this
repository); torchrun starts as many processes as it has accelerators, one on CPU.
"""

import os
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import fsspec
from airflow.sdk import DAG, Asset, Param, task

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("GRISTMILL_VENV", ROOT / ".venv")) / "bin"
MODEL = Asset("gristmill/model")

DOC = """
Trains on the shards of a run. Starts when `gristmill/shards` is new, or by hand.

* **fetch** copies the shards to `local`, **verify** compares every byte with the manifest (exit 65 or 66 where one
  differs), **train** goes on from the newest checkpoint in `output`, so a task that is tried again loses little.
* Runs on the machine of the Airflow worker: give the tasks a queue of workers that have accelerators.
"""


def run(*command: object) -> None:
    """A command of the trainer's environment; no shell reads its words. Raises CalledProcessError."""
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    subprocess.run([str(word) for word in command], check=True, cwd=ROOT, env=environment)


def train_settings(params: dict[str, Any]) -> list[object]:
    return [
        "--settings",
        params["settings"],
        "--set",
        f"shards={params['local']}",
        "--set",
        f"output={params['output']}",
    ]


with DAG(
    dag_id="gristmill_train",
    description="A language model from packed shards",
    doc_md=DOC,
    schedule=[Asset("gristmill/shards")],
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "models", "retries": 2, "retry_delay": timedelta(minutes=2)},
    params={
        "settings": Param(str(ROOT / "conf" / "train-demo.yaml"), type="string", description="Settings file."),
        "shards": Param("hdfs:///gristmill/runs/first/shards", type="string", description="Shards of a run."),
        "local": Param("/var/lib/gristmill/shards", type="string", description="Where to copy them to."),
        "output": Param("/var/lib/gristmill/model", type="string", description="Checkpoints and exports."),
        "processes": Param(1, type="integer", minimum=1, maximum=1024, description="Processes on this machine."),
    },
    tags=["gristmill"],
):

    @task
    def fetch(params: dict[str, Any]) -> None:
        """Copy what has changed; the manifest last, so that an interrupted copy does not pass for a whole one."""
        fs, root = fsspec.core.url_to_fs(params["shards"])
        found = {path.removeprefix(root.rstrip("/") + "/"): path for path in fs.find(root)}
        for name in sorted(found, key=lambda name: (name == "manifest.json", name)):
            target = Path(params["local"]) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            fs.get_file(found[name], str(target))

    @task
    def verify(params: dict[str, Any]) -> None:
        run("gristmill-train", "verify", *train_settings(params))

    @task(outlets=[MODEL])
    def train(params: dict[str, Any]) -> None:
        start = ["torchrun", "--standalone", f"--nproc-per-node={params['processes']}", "-m", "trainer", "train"]
        run(*start, *train_settings(params))

    fetch() >> verify() >> train()
