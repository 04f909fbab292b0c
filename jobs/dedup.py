"""spark-submit entry point of the stage `dedup`; the same as `gristmill dedup`."""

from jobs.__main__ import run_job

if __name__ == "__main__":
    run_job("dedup")
