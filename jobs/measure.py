"""spark-submit entry point of the stage `measure`; the same as `gristmill measure`."""

from jobs.__main__ import run_job

if __name__ == "__main__":
    run_job("measure")
