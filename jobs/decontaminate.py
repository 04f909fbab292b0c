"""spark-submit entry point of the stage `decontaminate`; the same as `gristmill decontaminate`."""

from jobs.__main__ import run_job

if __name__ == "__main__":
    run_job("decontaminate")
