"""spark-submit entry point of the stage `refine`; the same as `gristmill refine`."""

from jobs.__main__ import run_job

if __name__ == "__main__":
    run_job("refine")
