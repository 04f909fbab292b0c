"""spark-submit entry point of the stage `report`; the same as `gristmill report`."""

from jobs.__main__ import run_job

if __name__ == "__main__":
    run_job("report")
