"""spark-submit entry point of the stage `ingest`; the same as `gristmill ingest`."""

from jobs.__main__ import run_job

if __name__ == "__main__":
    run_job("ingest")
