"""Spark's daemon of Python workers, under the faults of the plan that FAULTS names (spark.python.daemon.module)."""

import os

from operations import watched
from planned import Planned
from pyspark.daemon import manager

if __name__ == "__main__":
    with watched(os.environ["FAULTS_ROOT"], Planned("worker")):
        manager()
