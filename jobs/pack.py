"""spark-submit entry point of the stage `pack`; the same as `gristmill pack`."""

from jobs.__main__ import run_job

if __name__ == "__main__":
    run_job("pack")
