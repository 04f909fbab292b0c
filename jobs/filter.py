"""spark-submit entry point of the stage `filter`; the same as `gristmill filter`."""

from jobs.__main__ import run_job

if __name__ == "__main__":
    run_job("filter")
