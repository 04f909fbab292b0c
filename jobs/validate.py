"""spark-submit entry point of the stage `validate`; the same as `gristmill validate`."""

from jobs.__main__ import run_job

if __name__ == "__main__":
    run_job("validate")
