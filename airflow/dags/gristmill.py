"""The pipeline as a DAG: a task a stage, each a Spark application on YARN in cluster mode.

Nothing of gristmill is imported; what is known here are the names of stages, paths, and the record `runs/<stage>.json`
that a stage leaves. Spark shares out the work within a stage, and a run directory has one writer at a time, so the
stages stand in a row. A task that is tried again finds its application by the tag that it was submitted with.
"""

import json
import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import fsspec
import requests
from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import DAG, Asset, BaseHook, Param
from airflow.sdk.exceptions import AirflowFailException

ROOT = Path(__file__).resolve().parents[2]
CONNECTION = "gristmill_yarn"
STAGES = (
    "ingest",
    "train_quality",
    "measure",
    "filter",
    "dedup",
    "decontaminate",
    "refine",
    "train_tokenizer",
    "pack",
    "pack_chat",
    "validate",
    "report",
)
PUBLISHED = {"refine": Asset("gristmill/clean"), "pack": Asset("gristmill/shards")}
SNAPSHOT = Asset("gristmill/snapshot")
DUMP = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
NOT_MENDED_BY_RETRY = {2: "usage or settings", 65: "data contract", 66: "input", 70: "defect", 73: "output"}
LIVING = "NEW,NEW_SAVING,SUBMITTED,ACCEPTED,RUNNING"

DOC = """
Raw crawl in, packed token shards out. Each task is `spark-submit jobs/<stage>.py` on YARN; a stage that is done already
says so and ends.

* **Start**: by hand with the parameters below; for each dump of a list (`airflow dags trigger gristmill -c
  '{"dump": "CC-MAIN-2024-10"}'`); or by an event of the asset `gristmill/snapshot`, whose `extra` may name the `dump`.
* **Publishes** the assets `gristmill/clean` and `gristmill/shards`; the DAG `gristmill_train` listens to the second.
* **When a task fails**: its log names the exit code, the reason and the report. Codes 2, 65, 66, 70 and 73 are not
  tried again, because that does not mend them; docs/operations.md has what to do for each. After it is mended clear the
  task: finished stages are kept.
* **Connection** `gristmill_yarn`: type spark, host `yarn`, extra `{"deploy-mode": "cluster",
  "yarn_resourcemanager_webapp_address": "http://..."}`. `scripts/build URI` has to have run once.
"""


def chosen(context: Any) -> dict[str, Any]:
    """The run's parameters, with `{dump}` put in; the event of an asset may name the dump. Raises
    AirflowFailException."""
    params = dict(context["params"])
    events = [event for found in (context.get("triggering_asset_events") or {}).values() for event in found]
    dump = next((event.extra["dump"] for event in events if event.extra and "dump" in event.extra), params["dump"])
    if not re.fullmatch(DUMP, str(dump)):
        raise AirflowFailException(f"dump {dump!r}: letters, digits, dots and dashes are expected")
    output, changes = (json.loads(json.dumps(params[key]).replace("{dump}", dump)) for key in ("output", "set"))
    return {"settings": params["settings"], "output": output, "set": changes}


def read_record(output: str, stage: str) -> dict[str, Any]:
    """What runs/<stage>.json says; nothing where it cannot be read."""
    try:
        with fsspec.open(f"{output.rstrip('/')}/runs/{stage}.json", "rb") as stream:
            return json.load(stream)
    except (OSError, ValueError):
        return {}


def tell_where_to_look(context: Any) -> None:
    """What the log of a failed task ends with."""
    output = chosen(context)["output"]
    task = context["task"]
    task.log.error("report of the last good run: %s/report/index.html", output)
    task.log.error("what this stage says of itself: %s/runs/%s.json", output, task.task_id)


class StageOperator(SparkSubmitOperator):
    """One stage. Fails for good with the reason that the stage gave, where trying again would not mend it."""

    def __init__(self, *, stage: str, **options: Any) -> None:
        super().__init__(
            task_id=stage,
            application=str(ROOT / "jobs" / f"{stage}.py"),
            name=f"gristmill {stage}",
            conn_id=CONNECTION,
            properties_file=str(ROOT / "dist" / "spark.conf"),
            yarn_track_via_rm_api=True,
            status_poll_interval=10,
            **options,
        )
        self.stage = stage

    def execute(self, context: Any) -> None:
        run = chosen(context)
        self.files = run["settings"]
        changes = [f"--set={change}" for change in (f"output={run['output']}", *run["set"])]
        self.application_args = ["--settings", os.path.basename(run["settings"]), *changes]
        self.conf = {**(self.conf or {}), "spark.yarn.tags": self.tag(context)}
        try:
            super().execute(context)
        except RuntimeError as error:
            self.explain(error, run["output"])
            raise

    def tag(self, context: Any) -> str:
        """What names this task of this run to YARN, which knows lower case and ASCII only."""
        instance = context["ti"]
        name = f"{instance.dag_id}.{instance.run_id}.{self.stage}"
        return re.sub(r"[^a-z0-9._-]", "-", name.lower())

    def submit_job(self, context: Any) -> str | None:
        """The living application with this tag, which a worker that died submitted before it could note it down; or a
        new one."""
        address = BaseHook.get_connection(CONNECTION).extra_dejson["yarn_resourcemanager_webapp_address"]
        query = {"applicationTags": self.tag(context), "states": LIVING}
        answer = requests.get(f"{address}/ws/v1/cluster/apps", params=query, timeout=30)
        answer.raise_for_status()
        found = (answer.json()["apps"] or {}).get("app", [])
        if not found:
            return super().submit_job(context)
        self.log.info("found %s, which was submitted before", found[0]["id"])
        return found[0]["id"]

    def explain(self, error: RuntimeError, output: str) -> None:
        """Raise AirflowFailException with the stage's own words, if it ended with a code that stays."""
        found = re.search(r"exited with (?:status )?(\d+)", str(error))
        code = int(found[1]) if found else None
        record = read_record(output, self.stage)
        said = f"{record['reason']}. {record['hint']}" if record.get("exit_code") == code else str(error)
        self.log.error("%s ended with exit code %s: %s", self.stage, code, said)
        if code in NOT_MENDED_BY_RETRY:
            raise AirflowFailException(f"{self.stage}: exit {code}, {NOT_MENDED_BY_RETRY[code]}: {said}") from error


with DAG(
    dag_id="gristmill",
    description="Web crawls to packed training shards",
    doc_md=DOC,
    schedule=[SNAPSHOT],
    catchup=False,
    default_args={
        "owner": "data",
        "retries": 2,
        "retry_delay": timedelta(minutes=2),
        "on_failure_callback": tell_where_to_look,
    },
    params={
        "settings": Param(str(ROOT / "conf" / "yarn.yaml"), type="string", description="Settings file on this worker."),
        "output": Param("hdfs:///gristmill/runs/{dump}", type="string", description="Run directory."),
        "dump": Param("first", type="string", pattern=f"^{DUMP}$", description="Put in the place of {dump}."),
        "set": Param(
            [],
            type="array",
            items={"type": "string", "pattern": "^[a-z_][A-Za-z0-9_.]*="},
            description="Settings to change, as key=value; {dump} stands for the dump here too.",
        ),
    },
    tags=["gristmill"],
):
    before = None
    for stage in STAGES:
        task = StageOperator(stage=stage, outlets=[PUBLISHED[stage]] if stage in PUBLISHED else [])
        if before is not None:
            before >> task
        before = task
